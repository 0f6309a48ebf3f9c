"""An emulated device is marked wherever it is shown, and never compared with anything."""

from __future__ import annotations

import csv as reader
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgekit.errors import UsageError
from edgekit.records import BenchResult, Device, GatePlan
from edgekit.reports import bench, csv, history, html, markdown
from edgekit.reports.html.scatter import Scatter
from edgekit.reports.legs import numbered
from edgekit.results.store import Store
from edgekit.wire import Profile, Turns
from edgekit.workflows import duels, gate, judging, turns, verdict
from edgekit.workflows.pairs import Pairs
from tests import bench_results as made
from tests.plain import PLAN

PLAYED = Device("jetson", "ssh", "192.0.2.1", emulated=True)
REAL = replace(PLAYED, emulated=False)
MARK = "EMULATED"


def leg(device: Device = PLAYED, **words: str) -> BenchResult:
    plan = replace(made.plan(**words), device=device)
    return made.measured(plan)


def test_a_result_keeps_the_mark(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(leg())
    (entry,) = store.find()
    assert entry.emulated
    (found,) = store.read(entry).results
    assert found.emulated
    assert found.plan.device == PLAYED
    assert "(EMULATED)" in history.render([[entry]])


def test_a_real_one_has_none(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(leg(REAL))
    (entry,) = store.find()
    assert not entry.emulated
    assert MARK not in history.render([[entry]])


@pytest.mark.parametrize(
    "render",
    [
        lambda results: bench.render(results, operators=True),
        markdown.render,
        html.render,
        csv.render,
    ],
)
def test_every_report_shows_the_mark(render: Callable[[Any], str]) -> None:
    assert MARK in render([leg()])
    assert MARK not in render([leg(REAL)])


def test_every_row_of_every_table_on_a_terminal() -> None:
    text = bench.render([leg(), leg(REAL, precision="int8")], operators=True)
    named = [line for line in text.splitlines() if "toy/onnx-fp32" in line]
    assert len(named) > 2  # legs, memory, coverage, operators
    assert all(MARK in line for line in named)
    assert not any(MARK in line for line in text.splitlines() if "toy/onnx-int8" in line)


def test_a_spreadsheet_has_a_column_for_it() -> None:
    rows = list(reader.DictReader(io.StringIO(csv.render([leg(), leg(REAL)]))))
    assert [row["emulated"] for row in rows] == ["yes", ""]


def test_json_tells_it_of_the_device() -> None:
    (record,) = bench.as_json([leg()])["results"]
    assert record["device"]["emulated"] is True


def test_it_is_a_note_of_the_result_and_no_fault() -> None:
    plan = replace(PLAN, device=PLAYED, profile=Profile(1, 0.0, 1.0, 1, 0.0, 1.0))
    found = judging.judged(plan, [made.samples()])
    assert found.valid
    assert "emulated: its times are no measurement" in found.reasons


def test_no_answer_calls_it_fast() -> None:
    text = markdown.render([leg(), leg(precision="int8")])
    assert "Fastest" not in text
    assert "jetson is emulated" in text
    assert "What is fastest" not in html.render([leg()])


def test_the_fastest_of_real_ones_is_of_real_ones() -> None:
    slow = made.measured(
        replace(made.plan(precision="int8"), device=REAL), [made.samples(p50_ms=90.0)]
    )
    text = markdown.render([leg(), slow])
    assert f"toy/onnx-int8 on {REAL.name}, onnxruntime: 9" in text


def test_it_is_on_no_front_and_keeps_nobody_from_one() -> None:
    slow = [made.samples(p50_ms=90.0)]
    plans = [replace(made.plan(precision=each), device=REAL) for each in ("fp32", "int8")]
    results = [leg(), leg(precision="int8"), *(made.measured(plan, slow) for plan in plans)]
    legs = numbered(results, {})
    found = Scatter(legs, {1: 2.0, 2: 2.0, 3: 1.0, 4: 0.5}, "a", "t", "")
    standings = [found.standing(each) for each in legs]
    assert standings == ["no: emulated", "no: emulated", "yes", "no"]


def test_no_verdict_is_made_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def compare(*_: Any, **__: Any) -> None:
        pytest.fail("it was compared")

    monkeypatch.setattr(verdict, "compare", compare)
    group = [leg(precision=precision) for precision in ("fp32", "int8")]
    assert verdict.of_results(group) == ()
    # One real side doesn't make a pair with a played one.
    assert verdict.of_results([group[0], leg(REAL, precision="int8")]) == ()


def refuse_to_run(*_: Any, **__: Any) -> Turns:
    pytest.fail("something was measured")


@pytest.mark.parametrize(("base", "head"), [(PLAYED, PLAYED), (PLAYED, REAL), (REAL, PLAYED)])
def test_the_gate_refuses(monkeypatch: pytest.MonkeyPatch, base: Device, head: Device) -> None:
    monkeypatch.setattr(turns, "run_job", refuse_to_run)
    monkeypatch.setattr(gate, "outputs_check", refuse_to_run)
    plan = GatePlan("net", replace(PLAN, device=base), replace(PLAN, device=head))
    with pytest.raises(UsageError, match="jetson is emulated") as caught:
        gate.gate(Pairs((plan,), (), ()))
    assert "on a real one" in caught.value.hint
    with pytest.raises(UsageError, match="emulated"):
        gate.resolution(plan)


def test_what_a_history_measures_with_refuses_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "run_job", refuse_to_run)
    with pytest.raises(UsageError, match="emulated"):
        duels.fixed(PLAN, replace(PLAN, device=PLAYED), 1.0)
