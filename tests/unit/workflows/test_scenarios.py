"""What may be asked of a mode, and what a leg becomes by it."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edgekit.errors import EdgekitError, MissingDependency, UsageError
from edgekit.measure.server import LEAST_RUNS
from edgekit.records import Artifact, BenchPlan, Device, Preprocess, Subject
from edgekit.wire import Profile, Scenario
from edgekit.workflows import scenarios
from edgekit.workflows.scenarios import Wanted, check

PROFILE = Profile(400, 3.0, 60.0, 5, 0.5, 30.0, launches=6)
PLAN = BenchPlan(Subject(Path("m.onnx"), "0" * 64, 1), "onnxruntime", Device(), 4, None, PROFILE)


applied = functools.partial(scenarios.applied, cores=4)


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(),
        Wanted("paced", 30.0),
        Wanted("offline"),
        Wanted("offline", streams=2),
        Wanted("server", 10.0),
        Wanted("server", p99_ms=10.0),
        Wanted("server", 10.0, p99_ms=10.0),
        Wanted(end_to_end=True, images=Path("photos")),
    ],
)
def test_what_makes_sense_is_allowed(wanted: Wanted) -> None:
    check(wanted)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted("sing"), "sing"),
        (Wanted("paced"), "needs a rate"),
        (Wanted("server"), "needs a rate"),
        (Wanted("paced", -1.0), "--rate is -1"),
        (Wanted("paced", float("nan")), "--rate is nan"),
        (Wanted("paced", float("inf")), "--rate is inf"),
        (Wanted("offline", streams=0), "--streams is 0"),
        (Wanted("server", p99_ms=0.0), "--p99-ms is 0"),
        (Wanted(rate_per_s=3.0), "--rate says nothing"),
        (Wanted(streams=3), "--streams says nothing"),
        (Wanted("paced", 3.0, p99_ms=1.0), "--p99-ms says nothing"),
        (Wanted("offline", end_to_end=True), "--end-to-end says nothing"),
        (Wanted(images=Path("photos")), "--images"),
        (Wanted("paced", 3.0, loadgen=True), "no paced mode"),
        (Wanted("offline", streams=2, loadgen=True), "one session"),
        (Wanted(end_to_end=True, loadgen=True), "model alone"),
        (Wanted("server", 3.0, loadgen=True), "rate and a latency"),
    ],
)
def test_what_contradicts_itself_is_refused_with_a_hint(wanted: Wanted, words: str) -> None:
    with pytest.raises(UsageError, match=words) as error:
        check(wanted)
    assert error.value.hint


def test_loadgen_that_is_not_installed_is_told_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scenarios, "is_installed", lambda _: False)
    with pytest.raises(MissingDependency) as error:
        check(Wanted(loadgen=True))
    assert error.value.hint == "pip install 'edgekit-ml[loadgen]'"


@pytest.mark.parametrize(
    ("streams", "threads", "expected"),
    [
        (None, None, (4, 1)),
        (2, None, (2, 2)),
        (None, 2, (2, 2)),
        (8, None, (8, 1)),
        (3, 4, (3, 4)),
    ],
)
def test_offline_shares_the_cores_among_streams(
    streams: int | None, threads: int | None, expected: tuple[int, int]
) -> None:
    plan = applied(Wanted("offline", streams=streams), PLAN, threads)
    assert (plan.scenario.streams, plan.threads) == expected


def test_back_to_back_stays_as_it_was() -> None:
    assert applied(Wanted(), PLAN, None) == PLAN


def test_what_is_wanted_stands_in_the_leg() -> None:
    wanted = Wanted("server", 20.0, p99_ms=7.0, loadgen=True)
    assert applied(wanted, PLAN, None).scenario == Scenario("server", 20.0, 1, 7.0, loadgen=True)
    # LoadGen asks one session, so it gets all cores.
    assert applied(Wanted("offline", loadgen=True), PLAN, None).threads == 4


def test_a_slow_rate_gets_the_time_that_it_needs() -> None:
    assert applied(Wanted("paced", 100.0), PLAN, None).profile == PROFILE
    assert applied(Wanted("paced", 2.0), PLAN, None).profile.max_time_s == 2 * 400 / 2.0
    server = applied(Wanted("server", 2.0), PLAN, None).profile
    assert server.max_time_s == 2 * LEAST_RUNS / 2.0
    with pytest.raises(UsageError, match="hours"):
        applied(Wanted("server", 0.01), PLAN, None)


def test_a_search_is_one_long_process() -> None:
    profile = applied(Wanted("server", p99_ms=5.0), PLAN, None).profile
    assert profile.launches == 1
    assert profile.max_time_s > PROFILE.max_time_s
    # The last rate that was tried may have been given up at once.
    assert profile.min_runs == 1


def _plan_with_artifact() -> BenchPlan:
    contract = Preprocess((8, 8), (9, 9), "center", "bilinear", (0.5,) * 3, (0.5,) * 3)
    artifact = SimpleNamespace(photos=contract, spec=SimpleNamespace(task="embed"))
    return replace(PLAN, subject=replace(PLAN.subject, artifact=cast("Artifact", artifact)))


def test_an_application_takes_jpegs_where_no_photos_are_given() -> None:
    found = applied(Wanted(end_to_end=True), _plan_with_artifact(), None).end_to_end
    assert found is not None
    assert len(found.photos) >= 3
    assert {Path(photo).suffix for photo in found.photos} <= {".jpg", ".jpeg"}
    assert found.head == "embed"
    assert found.preprocess.resize == (9, 9)


@pytest.mark.parametrize("missing", ["artifact", "photos"])
def test_an_application_needs_photos_and_what_becomes_of_them(
    missing: str, tmp_path: Path
) -> None:
    wanted: Any = Wanted(end_to_end=True, images=tmp_path if missing == "photos" else None)
    plan = PLAN if missing == "artifact" else _plan_with_artifact()
    with pytest.raises(EdgekitError) as error:
        applied(wanted, plan, None)
    assert error.value.hint
