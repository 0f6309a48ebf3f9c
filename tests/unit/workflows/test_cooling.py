"""The cool-down gate from the device's entry to the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgekit.records import BenchPlan, BenchResult, Device, GatePlan, Subject
from edgekit.transports import linked
from edgekit.wire import Cooldown, Job, Profile, Turns
from edgekit.workflows import bench, duels, judging, turns
from tests import fakes
from tests.plain import PLAN, SAMPLES
from tests.system_trees import jetson

WANTED = Cooldown(45.0, 0.0)
TOLD = {
    "cooldown.limit_c": "45",
    "cooldown.waited_s": "120.0",
    "cooldown.zone": "gpu-thermal",
    "cooldown.after_c": "62.0",
}


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Measures on a made board at 49.8 C, by a real worker."""
    (tmp_path / "fakes").mkdir()
    monkeypatch.setenv("PYTHONPATH", fakes.install(tmp_path / "fakes"))
    root = str(jetson(tmp_path / "root"))
    subject = Subject(tmp_path / "any.onnx", sha256="", size_bytes=0)

    def measured(cooldown: Cooldown | None) -> tuple[BenchResult, list[str]]:
        plan = BenchPlan(
            subject,
            runtime="calm",
            device=Device(root=root, cooldown=cooldown),
            threads=1,
            batch=None,
            profile=Profile(5, 0.0, 5.0, 2, 0.0, 0.1),
        )
        phases: list[str] = []
        (result,) = bench.bench([plan], lambda step: phases.append(step.phase))
        return result, phases

    return measured


def test_a_cool_board_is_measured_and_the_gate_is_part_of_the_result(measured: Any) -> None:
    result, phases = measured(Cooldown(50.0))
    assert result.failure is None
    assert phases[:3] == ["start", "cooldown", "runtime"]
    environment = result.samples.environment
    assert environment["cooldown.outcome"] == "cool"
    assert environment["cooldown.after_c"] == "49.8"
    assert not any("hot" in reason for reason in result.reasons)


def test_a_hot_one_is_measured_with_a_note(measured: Any) -> None:
    result, _ = measured(WANTED)
    assert result.failure is None
    (note,) = [reason for reason in result.reasons if "began hot" in reason]
    assert "cpu-thermal at 49.8 C, not below 45 C" in note


def test_or_not_at_all(measured: Any) -> None:
    result, _ = measured(replace(WANTED, on_timeout="fail"))
    assert result.failure is not None
    assert (result.failure.stage, result.failure.kind) == ("cooldown", "DeviceError")
    assert "max_wait_s" in result.failure.hint


def test_without_a_gate_nothing_is_said_of_it(measured: Any) -> None:
    result, phases = measured(None)
    assert "cooldown" not in phases
    assert not any(name.startswith("cooldown.") for name in result.samples.environment)


@pytest.mark.parametrize(
    ("told", "note"),
    [
        (
            {"cooldown.outcome": "hot", **TOLD},
            "began hot: gpu-thermal at 62.0 C, not below 45 C after 120.0 s",
        ),
        (
            {"cooldown.outcome": "unknown", **TOLD},
            "no sensor tells how hot the machine is: it was not waited for",
        ),
        ({"cooldown.outcome": "cool", **TOLD}, None),
        ({"cooldown.outcome": "\x1b[31mred", **TOLD}, None),
        ({"cooldown.outcome": "hot", "cooldown.zone": "\x1b[31m\nred"}, "began hot:  [31m red at"),
        ({"cooldown.outcome": "hot", "cooldown.zone": "z" * 5000}, "began hot: zzz"),
    ],
)
def test_what_a_device_says_of_the_gate(told: Mapping[str, str], note: str | None) -> None:
    found = judging.judged(PLAN, [SAMPLES, replace(SAMPLES, environment=dict(told))])
    assert found.valid
    notes = [reason for reason in found.reasons if "hot" in reason]
    assert (notes[0][: len(note)] if notes and note else None) == note
    assert all(reason.isprintable() and len(reason) < 300 for reason in found.reasons)


@pytest.mark.parametrize(("timeout_s", "whole_s"), [(None, 612.0 + 300.0), (50.0, 350.0)])
def test_the_host_waits_as_long_as_the_gate_may(
    monkeypatch: pytest.MonkeyPatch, timeout_s: float | None, whole_s: float
) -> None:
    seen: list[tuple[Job, float]] = []

    def run_job(_link: Any, job: Job, *, timeout_s: float, **_: Any) -> Any:
        seen.append((job, timeout_s))
        return SAMPLES

    monkeypatch.setattr(bench, "run_job", run_job)
    device = Device(cooldown=Cooldown(45.0, 300.0))
    profile = replace(PLAN.profile, max_time_s=10.0, warmup_max_time_s=2.0)
    with linked(device) as link:
        bench.run(link, replace(PLAN, device=device, profile=profile, timeout_s=timeout_s))
    assert seen[0][0].cooldown == Cooldown(45.0, 300.0)
    assert seen[0][1] == whole_s


def test_a_duel_waits_once_for_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Job, float]] = []

    def run_job(_link: Any, job: Job, *, timeout_s: float, **_: Any) -> Turns:
        seen.append((job, timeout_s))
        side = replace(SAMPLES, latency_ns=[1_000_000] * 4, cpu_ns=[1_000_000] * 4)
        return Turns([0, 1, 1, 0], 2, [side, side])

    monkeypatch.setattr(turns, "run_job", run_job)
    plan = replace(PLAN, device=Device(cooldown=Cooldown(45.0, 300.0)))
    duels.duel(GatePlan("net", plan, plan, budget_s=0.0), lambda _: True, lambda _: None)
    ((job, timeout_s),) = seen
    assert (job.kind, job.cooldown, timeout_s) == ("compare", Cooldown(45.0, 300.0), 1200.0)
