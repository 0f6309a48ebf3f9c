"""The gate's story on made launches: what is decided when, and on what kind of machine."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgekit.errors import DeviceError, UsageError
from edgekit.records import BenchPlan, Check, GatePlan, Limits, Outcome, Subject
from edgekit.wire import Job, MemoryMark, Samples, Turns
from edgekit.workflows import gate, turns
from edgekit.workflows.pairs import Pairs
from tests.plain import PLAN, SAMPLES

# Of one launch: how much slower head is by the wall, and by CPU time.
Ratios = tuple[float, float]
MS = 1_000_000
ROUNDS = 8
BASE = replace(PLAN, subject=Subject(Path("base.onnx"), "0" * 64, 1000))
HEAD = replace(PLAN, subject=Subject(Path("head.onnx"), "1" * 64, 1000))


def plan(**changes: Any) -> GatePlan:
    return replace(GatePlan("net", BASE, HEAD, Limits(), budget_s=60.0), **changes)


def check(outcome: Outcome) -> Check:
    return Check("outputs", "dB", "higher", None, None, None, None, 60.0, outcome, "r")


def marks(model_mib: int) -> list[MemoryMark]:
    """Of a process that takes 50 MiB, and so much more for the model."""
    mib = 2**20
    return [
        MemoryMark(phase, rss_mib * mib, rss_mib * mib, rss_mib * mib, 0, reset=True)
        for phase, rss_mib in (
            ("start", 40), ("runtime", 50),
            *((phase, 50 + model_mib) for phase in ("load", "first", "feeds", "warm", "steady")),
        )
    ]  # fmt: skip


class Machine:
    """Gives launches of the ratios it is told, and a clock that they take two seconds of."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.jobs: list[Job] = []
        self.environment: dict[str, str] = {}
        self.ratios: Iterator[Ratios] = iter(())
        self.looks: list[str] = []
        # Of each file: what it takes in each process, in MiB.
        self.memory: dict[str, list[int]] = {}

    def run(self, _link: object, job: Job, **_: Any) -> Turns:
        self.now_s += 2.0
        self.jobs.append(job)
        wall, cpu = next(self.ratios)
        # Two turns of each side a block; the first inference of a turn doesn't count.
        return Turns(
            [0, 1, 1, 0] * (ROUNDS // 2),
            3,
            [self._side(1.0, 1.0), self._side(wall, cpu)],
        )

    def alone(self, _link: object, leg: BenchPlan, **_: Any) -> Samples:
        name = str(leg.subject.path)
        self.looks.append(name)
        sizes = self.memory.get(name) or [10]
        return replace(SAMPLES, memory=marks(sizes[(self.looks.count(name) - 1) % len(sizes)]))

    def _side(self, wall: float, cpu: float) -> Samples:
        return replace(
            SAMPLES,
            latency_ns=[90 * MS, round(10 * MS * wall), round(10 * MS * wall)] * ROUNDS,
            cpu_ns=[90 * MS, round(10 * MS * cpu), round(10 * MS * cpu)] * ROUNDS,
            environment=self.environment,
        )


def about(wall: float, cpu: float | None = None) -> Iterator[Ratios]:
    """Launches that scatter by some thousandths."""
    for off in itertools.cycle((0.0, 0.002, -0.003, 0.001, -0.001, 0.003)):
        yield wall * (1.0 + off), (cpu or wall) * (1.0 + off)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = Machine()
    monkeypatch.setattr(turns, "run_job", found.run)
    monkeypatch.setattr("edgekit.workflows.duels.time.monotonic", lambda: found.now_s)
    monkeypatch.setattr(gate, "outputs_check", lambda _: check(Outcome.PASS))
    monkeypatch.setattr("edgekit.workflows.bench.run", found.alone)
    return found


def hostile(*, threads_waited: bool = True) -> dict[str, str]:
    """A stretch of 2 s in which others took most of both CPUs."""
    waited = "900000000" if threads_waited else "0"
    return {
        "before.counter.clock_ns": "0",
        "after.counter.clock_ns": "2000000000",
        "before.counter.cpu.busy_ms": "0",
        "after.counter.cpu.busy_ms": "4000",
        "before.counter.self.cpu_ns": "0",
        "after.counter.self.cpu_ns": "500000000",
        "before.counter.self.waited_ns": "0",
        "after.counter.self.waited_ns": waited,
        "before.counter.pressure.cpu_us": "0",
        "after.counter.pressure.cpu_us": "1800000",
    }


def _latency(plans: list[GatePlan] | None = None) -> Check:
    verdict = gate.gate(Pairs(tuple(plans or [plan()]), (), ()))
    return next(each for each in verdict.pairs[0].checks if each.metric == "latency")


@pytest.mark.parametrize(
    ("ratio", "outcome"), [(1.0, "pass"), (0.8, "pass"), (1.05, "fail"), (1.03, "inconclusive")]
)
def test_a_slowdown_beyond_the_limit_fails_one_within_it_passes(
    machine: Machine, ratio: float, outcome: str
) -> None:
    machine.ratios = about(ratio)
    found = _latency()
    assert found.outcome == outcome
    assert found.ratio == pytest.approx(ratio, rel=0.003)
    assert found.interval is not None
    assert found.interval[0] < ratio < found.interval[1]
    assert found.base == pytest.approx(10.0)  # without what doesn't count


def test_it_ends_as_soon_as_it_is_clear(machine: Machine) -> None:
    machine.ratios = about(1.1)
    verdict = gate.gate(Pairs((plan(),), (), ()))
    assert len(machine.jobs) == 4
    timing = verdict.pairs[0].timing
    assert timing is not None
    assert (timing.seconds, timing.rounds, len(timing.launches)) == (8.0, 4 * ROUNDS, 4)
    assert timing.machine == "unknown"
    assert timing.confirmed is None


def test_each_launch_is_drawn_anew(machine: Machine) -> None:
    machine.ratios = about(1.0)
    _latency()
    assert len({job.seed for job in machine.jobs}) == len(machine.jobs)
    assert {job.kind for job in machine.jobs} == {"compare"}
    assert [each.model for each in machine.jobs[0].rivals] == ["head.onnx"]


def test_the_budget_is_kept_and_said(machine: Machine) -> None:
    machine.ratios = about(1.03)
    found = _latency([plan(budget_s=21.0)])
    assert len(machine.jobs) == 10
    assert "10 launches in 20 s" in found.reason


def test_too_small_a_budget_is_inconclusive_with_what_would_help(machine: Machine) -> None:
    machine.ratios = about(1.5)
    found = _latency([plan(budget_s=3.0)])
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.interval is None
    assert "only 1 launches" in found.reason
    assert "--budget" in found.reason


def test_more_memory_fails_if_every_process_says_so(machine: Machine) -> None:
    machine.memory = {"base.onnx": [10], "head.onnx": [20]}
    machine.ratios = about(1.0)
    (pair,) = gate.gate(Pairs((plan(),), (), ())).pairs
    found = {each.metric: each for each in pair.checks}
    assert found["memory_load"].outcome is Outcome.FAIL
    assert found["latency"].outcome is Outcome.PASS
    assert machine.looks.count("base.onnx") == machine.looks.count("head.onnx") == 2


def test_memory_that_one_process_alone_takes_is_no_fail(machine: Machine) -> None:
    machine.memory = {"base.onnx": [10], "head.onnx": [20, 10]}
    machine.ratios = about(1.0)
    assert gate.gate(Pairs((plan(),), (), ())).outcome is Outcome.PASS
    assert machine.looks.count("head.onnx") == 2
    machine.looks.clear()
    machine.memory = {}
    machine.ratios = about(1.0)
    assert gate.gate(Pairs((plan(),), (), ())).outcome is Outcome.PASS
    assert machine.looks == ["base.onnx", "head.onnx"]  # one of each is enough


def test_outputs_that_differ_fail_before_anything_is_timed(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "outputs_check", lambda _: check(Outcome.FAIL))
    verdict = gate.gate(Pairs((plan(),), (), ()))
    assert verdict.outcome is Outcome.FAIL
    assert machine.jobs == []
    assert verdict.pairs[0].timing is None


def test_a_fail_on_a_hostile_machine_counts_only_if_fresh_launches_say_it_again(
    machine: Machine,
) -> None:
    machine.environment = hostile()
    machine.ratios = itertools.chain(itertools.islice(about(1.08), 4), about(1.0))
    found = _latency()
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "didn't confirm" in found.reason
    machine.ratios = about(1.08)
    assert _latency().outcome is Outcome.FAIL


def test_wall_and_cpu_time_have_to_agree_on_a_hostile_machine(machine: Machine) -> None:
    machine.environment = hostile()
    machine.ratios = about(1.08, cpu=1.0)
    found = _latency()
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "disagree" in found.reason
    machine.environment = {}
    machine.ratios = about(1.08, cpu=1.0)
    assert _latency().outcome is Outcome.FAIL  # wall time is the contract


def test_what_the_shortest_times_do_not_show_is_no_fail_on_a_hostile_machine(
    machine: Machine,
) -> None:
    machine.environment = hostile()
    machine.ratios = itertools.chain([(1.0, 1.0)], itertools.islice(about(1.2), 40))
    found = _latency()
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "shortest times" in found.reason
    machine.environment = {}
    machine.ratios = itertools.chain([(1.0, 1.0)], itertools.islice(about(1.2), 40))
    assert _latency().outcome is Outcome.FAIL


def test_a_throttled_launch_counts_for_neither_side(machine: Machine) -> None:
    throttled = {"before.counter.throttled": "0", "after.counter.throttled": "3"}
    launches = iter([throttled, {}, throttled, *[{}] * 40])

    def ratios() -> Iterator[Ratios]:
        for ratio in about(1.0):
            machine.environment = next(launches)
            yield ratio

    machine.ratios = ratios()
    verdict = gate.gate(Pairs((plan(),), (), ()))
    timing = verdict.pairs[0].timing
    assert timing is not None
    assert len(timing.launches) == 4
    assert len(machine.jobs) == 6
    assert "throttle" in timing.disturbed[0]


def test_a_machine_that_is_always_throttled_measures_nothing(machine: Machine) -> None:
    machine.environment = {"before.counter.throttled": "0", "after.counter.throttled": "3"}
    machine.ratios = about(1.0)
    (pair,) = gate.gate(Pairs((plan(),), (), ())).pairs
    assert pair.failure is not None
    assert "throttled in each launch" in pair.failure.message
    assert pair.outcome is Outcome.FAIL


def test_a_pair_that_can_not_be_measured_does_not_stop_the_others(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(link: object, job: Job, **kind: Any) -> Turns:
        if job.model == "broken.onnx":
            raise DeviceError("it crashed", hint="h")
        return machine.run(link, job, **kind)

    monkeypatch.setattr(turns, "run_job", run)
    machine.ratios = about(1.0)
    broken = replace(BASE, subject=Subject(Path("broken.onnx"), "2" * 64, 1))
    verdict = gate.gate(Pairs((plan(base=broken), plan()), (), ()))
    assert [pair.failure is not None for pair in verdict.pairs] == [True, False]
    assert verdict.outcome is Outcome.FAIL


def test_of_many_pairs_each_has_its_part_of_the_error(machine: Machine) -> None:
    # Alone it would fail at the fourth launch; among twenty it takes more.
    machine.ratios = spread(1.055, 0.006)
    assert _latency().outcome is Outcome.FAIL
    alone = len(machine.jobs)
    machine.jobs.clear()
    machine.ratios = spread(1.055, 0.006)
    verdict = gate.gate(Pairs(tuple([plan()] * 20), (), ()))
    assert len(machine.jobs) > 20 * alone
    assert verdict.outcome is Outcome.FAIL


def spread(wall: float, off: float) -> Iterator[Ratios]:
    for sign in itertools.cycle((1, -1)):
        yield wall + sign * off, wall + sign * off


def test_a_file_against_itself_says_what_can_be_told(machine: Machine) -> None:
    machine.ratios = about(1.0)
    found = gate.resolution(plan())
    assert found.attainable
    assert found.slowdown == 0.01  # nobody tells less: where bytes lie moves times by as much
    machine.ratios = spread(1.0, 0.1)
    found = gate.resolution(plan())
    assert not found.attainable
    assert 0.03 < found.slowdown < 0.2
    assert found.timing.seconds > 50.0  # all of the budget


def test_a_budget_that_tells_nothing_says_how_much_would(machine: Machine) -> None:
    machine.ratios = about(1.0)
    with pytest.raises(UsageError, match="1 launches fit into 3 s") as caught:
        gate.resolution(plan(budget_s=3.0))
    assert "--budget 12s" in caught.value.hint


def test_what_was_known_before_stays_in_the_verdict(machine: Machine) -> None:
    machine.ratios = about(1.0)
    done = gate.gate(Pairs((plan(),), (), ())).pairs
    told: list[str] = []
    verdict = gate.gate(Pairs((), done, ("only head has x",)), told.append, base="a", head="b")
    assert verdict.pairs == done
    assert verdict.notes == ("only head has x",)
    assert (verdict.base, verdict.head) == ("a", "b")
    assert told == []
