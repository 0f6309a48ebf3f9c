"""Verdicts of gates made by hand: nothing of them was measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgekit.records import (
    BenchPlan,
    Check,
    GatePair,
    GatePlan,
    GateVerdict,
    Limits,
    Outcome,
    Resolution,
    Subject,
    Timing,
)
from edgekit.wire import Failure
from tests import bench_results as made

MIB = 2**20
FACTS = {"cpu.model": "A processor", "onnxruntime": "1.23.0"}


def timing(ratio: float = 1.052, spread: float = 0.011) -> Timing:
    """Six launches around a ratio."""
    launches = tuple(ratio + step / 1000 for step in range(-3, 3))
    interval = (ratio - spread, ratio + spread)
    return Timing(
        ratio=ratio,
        interval=interval,
        p_slower=0.0003,
        cpu_ratio=ratio - 0.002,
        cpu_interval=interval,
        floor_ratio=ratio - 0.003,
        tail_ratio=ratio + 0.01,
        base_ms=9.81,
        head_ms=9.81 * ratio,
        launches=launches,
        cpu_launches=launches,
        rounds=300,
        seconds=12.34,
        machine="noisy",
    )


def latency(outcome: Outcome = Outcome.FAIL, reason: str = "slower in all 6 launches") -> Check:
    """What a gate says of that."""
    found = timing()
    return Check(
        "latency",
        "ms",
        "lower",
        found.base_ms,
        found.head_ms,
        found.ratio,
        found.interval,
        1.03,
        outcome,
        reason,
    )


def size(outcome: Outcome = Outcome.PASS) -> Check:
    """A file that grew by a hundredth."""
    base, head, most = 3 * MIB, 3.03 * MIB, 3.06 * MIB
    return Check("file_size", "bytes", "lower", base, head, head / base, None, most, outcome, "")


def int8(outcome: Outcome = Outcome.PASS) -> Check:
    """An operator that fell back to float."""
    return Check("int8_share", "share", "higher", 1.0, 0.984, 0.984, None, 0.99, outcome, "")


def plan(name: str = "toy/onnx-fp32", head: BenchPlan | None = None) -> GatePlan:
    """Two plans of one artifact."""
    return GatePlan(name, made.plan(), head or made.plan(), Limits())


def pair(*checks: Check, name: str = "toy/onnx-fp32", notes: tuple[str, ...] = ()) -> GatePair:
    """A pair whose latency was measured."""
    return GatePair(plan(name), checks, timing(), notes, FACTS)


def broken(message: str = "the worker crashed", tail: str = "boom", name: str = "x") -> GatePair:
    """A pair that could not be compared."""
    failure = Failure("run", "DeviceError", message, "look at the log", tail)
    return GatePair(plan(name), failure=failure)


def lying_in(folder: Path, found: GatePair) -> GatePair:
    """The pair with head's file somewhere else."""
    head = replace(found.plan.head, subject=Subject(folder / "model.onnx", "cd" * 32, MIB))
    return replace(found, plan=replace(found.plan, head=head))


def verdict(*pairs: GatePair, notes: tuple[str, ...] = ()) -> GateVerdict:
    """What came of the pairs."""
    when = "2026-11-25T11:22:33.456789+01:00"
    return GateVerdict(pairs, notes, "exported/a", "exported/b", when)


def slow() -> GateVerdict:
    """A model that became slower, and no worse otherwise."""
    return verdict(pair(latency(), size(), int8()))


def open_() -> GateVerdict:
    """A model of which nobody knows."""
    return verdict(pair(latency(Outcome.INCONCLUSIVE, "the budget is spent"), size()))


def fine() -> GateVerdict:
    """A model that is no worse."""
    return verdict(pair(latency(Outcome.PASS, ""), size()))


def resolution(slowdown: float = 0.018) -> Resolution:
    """A file against itself."""
    itself = timing(1.001, 0.012)
    return Resolution(plan(), itself, slowdown, slowdown <= Limits().slowdown)
