"""Whether two files compute the same, before anything is timed: a fast wrong file is no gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgekit.errors import EdgekitError, UsageError
from edgekit.graphs import GRAPHS
from edgekit.measure.closeness import closeness
from edgekit.measure.inputs import axes
from edgekit.records import BenchPlan, Check, GatePlan, Outcome, Precision, Subject
from edgekit.transports import linked
from edgekit.wire import Scenario
from edgekit.workflows import bench
from edgekit.workflows.infer import run
from edgekit.workflows.parity import MIN_SQNR_DB

Arrays = Mapping[str, Any]

_COARSEST = (Precision.INT8, Precision.FP16, Precision.FP32)


@dataclass(frozen=True, slots=True)
class Difference:
    """How far head's outputs are from base's.

    Attributes:
        fault: Why head can't take base's place, whatever its accuracy; empty if it can.
        sqnr_db: Signal to noise of the output that is furthest off; None if all are equal to the
            last bit, or weren't compared.
        output: That output's index.
    """

    fault: str = ""
    sqnr_db: float | None = None
    output: int = 0


def outputs_check(plan: GatePlan) -> Check:
    """Run both files on the same inputs in fresh workers and compare all outputs.

    The inputs are the images of base's golden sample, or made-up numbers where it has none. How
    near they have to be follows from the coarser of both precisions. Of a file that edgekit did
    not make the precision is read from its operators: int8 if one is, fp16 if one is, else fp32,
    also where nothing here reads them.

    With images for accuracy in the plan, accuracy says whether another network is good enough:
    only other shapes, and values that are no finite numbers where base's are, fail here. A file
    against itself isn't run.

    Raises:
        UsageError: The files take other inputs.
        EdgekitError: One of them can't be run.
    """
    same = plan.base.subject.sha256 == plan.head.subject.sha256
    found = Difference() if same else compared(*_outputs(plan))
    least = MIN_SQNR_DB[_coarsest(plan)]
    words = "the same file, bit for bit" if same else _words(plan, found, least)
    bad = bool(found.fault) or (
        found.sqnr_db is not None and found.sqnr_db < least and plan.data is None
    )
    return Check(
        metric="outputs",
        unit="dB",
        better="higher",
        base=None,
        head=found.sqnr_db,
        ratio=None,
        interval=None,
        allowed=least,
        outcome=Outcome.FAIL if bad else Outcome.PASS,
        reason=words,
    )


def compared(base: Arrays, head: Arrays) -> Difference:
    """How near head's outputs are to base's, each for itself; the furthest off counts.

    Where a value of base is no finite number, head's isn't compared.
    """
    if fault := _other_shapes(base, head):
        return Difference(fault)
    worst = Difference()
    for index, names in _by_output(base).items():
        own = np.concatenate([np.ravel(base[name]) for name in names])
        other = np.concatenate([np.ravel(head[name]) for name in names])
        known = np.isfinite(own)
        if not np.all(np.isfinite(other[known])):
            return Difference(f"output {index} holds NaN or infinity where base has numbers")
        if not known.any():
            continue
        sqnr_db = closeness([other[known]], [own[known]]).sqnr_db
        if sqnr_db is not None and (worst.sqnr_db is None or sqnr_db < worst.sqnr_db):
            worst = Difference("", sqnr_db, index)
    return worst


def _by_output(arrays: Arrays) -> dict[int, list[str]]:
    """Names of arrays by the index of the output that they are of."""
    found: dict[int, list[str]] = {}
    for name in arrays:
        kind, index, *_ = name.split(":")
        if kind == "output":
            found.setdefault(int(index), []).append(name)
    return found


def _other_shapes(base: Arrays, head: Arrays) -> str:
    own, other = _by_output(base), _by_output(head)
    if len(own) != len(other):
        return f"head has {len(other)} outputs, base has {len(own)}"
    for index, names in own.items():
        shapes = [[axes(side[name].shape) for name in names] for side in (base, head)]
        for theirs, ours in zip(*shapes, strict=True):
            if theirs != ours:
                return f"output {index} of head has the shape {ours}, base's has {theirs}"
    return ""


def _words(plan: GatePlan, found: Difference, least: float) -> str:
    if found.fault:
        return found.fault
    if found.sqnr_db is None:
        return "equal to the last bit"
    measured = f"SQNR {found.sqnr_db:.1f} dB" + (
        f" of output {found.output}" if found.output else ""
    )
    if found.sqnr_db >= least:
        return measured
    if plan.data is not None:
        return f"the outputs differ: {measured}; accuracy decides"
    return (
        f"the outputs differ: {measured}, at least {least:.0f} dB is expected of "
        f"{_coarsest(plan)} files; give --data to gate on accuracy instead"
    )


def _outputs(plan: GatePlan) -> tuple[Arrays, Arrays]:
    inputs = _golden(plan.base.subject)
    base, head = _run("base", plan.base, inputs), _run("head", plan.head, inputs)
    own, other = _made_up(base), _made_up(head)
    if own != other:
        raise UsageError(
            f"{plan.head.subject.name} takes other inputs: base takes {'; '.join(own)}; head "
            f"takes {'; '.join(other)}",
            hint="export both with the same inputs; a file with another interface is no successor "
            "to compare with",
        )
    return base, head


def _made_up(arrays: Arrays) -> Sequence[str]:
    """The inputs that a worker made up, in words."""
    return [
        f"{name.removeprefix('input:')}: {array.dtype} {axes(array.shape)}"
        for name, array in arrays.items()
        if name.startswith("input:")
    ]


def _run(role: str, plan: BenchPlan, inputs: Arrays) -> Arrays:
    job = replace(bench.job(plan), kind="infer", golden=None, profile=None, scenario=Scenario())
    try:
        with linked(plan.device) as link:
            return run(link, job, inputs)
    except EdgekitError as error:
        # Both files may well have one name.
        error.args = (f"{role}: {error}",)
        raise


def _golden(subject: Subject) -> Arrays:
    """The inputs of the golden sample; none for a file without one."""
    path = subject.artifact.file("golden") if subject.artifact else None
    if path is None:
        return {}
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files if name.startswith("input:")}


def _coarsest(plan: GatePlan) -> Precision:
    both = [_precision(side.subject) for side in (plan.base, plan.head)]
    return next(precision for precision in _COARSEST if precision in both)


def _precision(subject: Subject) -> Precision:
    """What a file computes in: its record says, else its operators do."""
    if subject.artifact:
        return subject.artifact.precision
    suffix = subject.path.suffix
    if suffix not in GRAPHS.names() or GRAPHS.missing(suffix):
        return Precision.FP32
    found = {op.precision for op in GRAPHS.get(suffix).read(subject.path)}
    return next((precision for precision in _COARSEST if precision in found), Precision.FP32)
