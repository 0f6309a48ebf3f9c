"""From raw samples to a judged result: the numbers, whether they may be used, what to know."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.measure.cooldown import HOT, UNKNOWN
from edgekit.measure.environment import usable_cores
from edgekit.metrics import METRICS
from edgekit.quantization.coverage import by_kind, int8_share
from edgekit.quantization.schemes import STATIC
from edgekit.records import (
    Artifact,
    BenchPlan,
    BenchResult,
    Device,
    Int8Share,
    Metric,
    Precision,
)
from edgekit.stats import step
from edgekit.text import one_line
from edgekit.wire import Closeness, Samples
from edgekit.workflows.parity import MIN_SQNR_DB
from edgekit.workflows.validity import disturbed, machine_class

_NOT_FINITE = "outputs hold NaN or infinity"
# Of a word that a device says, in characters.
_LENGTH = 60


def judged(plan: BenchPlan, launches: Sequence[Samples], again: Sequence[str] = ()) -> BenchResult:
    """The result of a leg that was measured.

    Args:
        plan: The leg.
        launches: Samples of each process.
        again: What disturbed the launches that were measured again and aren't among them.
    """
    first = launches[0]
    int8 = int8_share(by_kind(first.execution))
    faults = _faults(plan, launches) + _too_little_int8(plan, int8)
    return BenchResult(
        plan,
        tuple(launches),
        _metrics(plan, launches),
        valid=not faults,
        reasons=(*faults, *_notes(plan, launches)),
        int8=int8,
        disturbed=tuple(again),
    )


def _metrics(plan: BenchPlan, launches: Sequence[Samples]) -> tuple[Metric, ...]:
    return tuple(
        metric for name in METRICS.names() for metric in METRICS.get(name)(plan, launches)
    )


def _faults(plan: BenchPlan, launches: Sequence[Samples]) -> list[str]:
    """Why the numbers may not be used; empty if they may."""
    few = min(launch.count for launch in launches)
    faults = [f"only {few} runs of {plan.profile.min_runs}"] * (few < plan.profile.min_runs)
    if not plan.device.emulated:  # of which only what it computes is looked at
        faults += [fault for launch in launches for fault in disturbed(launch)]
    if not all(launch.finite for launch in launches):
        faults.append(_NOT_FINITE)
    if artifact := plan.subject.artifact:
        # The first one's: every process computes the same from the same inputs.
        summary = launches[0].summary
        faults += (
            [f"unverified: {one_line(summary.unchecked)[:_LENGTH]}"]
            if summary and summary.unchecked
            else golden_faults(artifact.precision, launches[0].golden)
        )
        faults += _not_int8(artifact, launches[0])
    return list(dict.fromkeys(faults))


def golden_faults(precision: Precision, golden: Closeness | None) -> list[str]:
    """What the check against the golden sample found wrong with an artifact.

    The bound is the program's: what an artifact's own record says may have been changed.
    """
    if golden is None:
        return ["unverified: the artifact has no golden sample of these shapes"]
    if not golden.finite:
        return [_NOT_FINITE]
    least = MIN_SQNR_DB[precision]
    if golden.sqnr_db is None or golden.sqnr_db >= least:
        return []
    return [f"golden sample: SQNR {golden.sqnr_db:.1f} dB is below {least:.0f} dB"]


def _not_int8(artifact: Artifact, samples: Samples) -> list[str]:
    told = {op.precision for op in samples.execution}
    # The other schemes promise 8-bit weights, and no 8-bit arithmetic.
    promised = artifact.recipe is None or artifact.recipe.scheme == STATIC
    if artifact.precision is not Precision.INT8 or not promised or not told or "int8" in told:
        return []
    return ["an int8 artifact of which no operator runs in int8"]


def _warm(launches: Sequence[Samples]) -> list[str]:
    """How the gate before the processes ended where it didn't end as it should, the last one's."""
    for launch in reversed(launches):
        told = {name: one_line(text)[:_LENGTH] for name, text in launch.environment.items()}
        if told.get("cooldown.outcome") == UNKNOWN:
            return ["no sensor tells how hot the machine is: it was not waited for"]
        if told.get("cooldown.outcome") == HOT:
            zone, heat_c = told.get("cooldown.zone"), told.get("cooldown.after_c")
            limit_c, waited_s = told.get("cooldown.limit_c"), told.get("cooldown.waited_s")
            return [f"began hot: {zone} at {heat_c} C, not below {limit_c} C after {waited_s} s"]
    return []


def _company(launches: Sequence[Samples]) -> list[str]:
    """How much else went on, where it was more than nothing, in the worst of the processes."""
    found = {machine_class(launch) for launch in launches}
    worst = next((word for word in ("hostile", "noisy") if word in found), None)
    return [f"the machine was {worst}"] if worst else []


def _steps(launches: Sequence[Samples]) -> list[str]:
    """Where latency changed for good after the warm-up, in the process where it did most."""
    found = [
        (*jump, number)
        for number, launch in enumerate(launches, 1)
        if launch.latency_ns and (jump := step(launch.latency_ns))
    ]
    if not found:
        return []
    at, ratio, number = max(found, key=lambda jump: abs(jump[1] - 1.0))
    where = f"process {number}" + (f", and in {len(found) - 1} more" if found[1:] else "")
    return [f"unsteady: latency became {ratio:.2f} times what it was at run {at} of {where}"]


def _too_little_int8(plan: BenchPlan, int8: Int8Share | None) -> list[str]:
    """Why an int8 file doesn't meet what was asked for; a float file has nothing to meet."""
    artifact, least = plan.subject.artifact, plan.require_int8
    if least is None or (artifact and artifact.precision is not Precision.INT8):
        return []
    if int8 is None:
        # Of a foreign file nobody knows that it should be int8.
        return [f"{plan.runtime} tells of nothing that ran in int8"] * bool(artifact)
    if int8.least >= least:
        return []
    return [f"{int8.least:.1%} in int8; --require-int8 asks for {least:.1%}"]


def _summed_up(plan: BenchPlan, launches: Sequence[Samples]) -> list[str]:
    """What nobody can know of inferences that another program timed."""
    summary = launches[0].summary
    if summary is None:
        return []
    program = one_line(summary.program)[:_LENGTH]
    unseen = [] if plan.subject.artifact else ["nobody looked at its outputs"]
    return [f"{program} computed these, and gives no single times", *unseen]


def _cores(plan: BenchPlan) -> int:
    # A device's own were counted when it was planned; more threads than those are refused.
    here = plan.device.transport == Device().transport
    return usable_cores() if here else plan.threads * plan.scenario.streams


def _engine(launches: Sequence[Samples]) -> list[str]:
    """How long the first process built what the others found."""
    built_s = one_line(launches[0].settings.get("engine_build_s", ""))[:_LENGTH]
    return [f"its engine was built there in {built_s} s, and is kept"] if built_s else []


def _notes(plan: BenchPlan, launches: Sequence[Samples]) -> list[str]:
    """What to know about the numbers."""
    unsteady = sum(not launch.steady for launch in launches)
    of = f" in {unsteady} of {len(launches)} processes" if len(launches) > 1 else ""
    threads, cores = plan.threads * plan.scenario.streams, _cores(plan)
    crowded = [f"{threads} threads on {cores} usable cores"] if threads > cores else []
    return (
        ["emulated: its times are no measurement"] * plan.device.emulated
        + _summed_up(plan, launches)
        + _engine(launches)
        + _warm(launches)
        + _company(launches)
        + _steps(launches)
        + [f"unsteady: two windows of the warm-up never agreed{of}"] * bool(unsteady)
        + crowded
        + [
            f"free axes of {spec.name!r} set: {'x'.join(map(str, spec.shape))}"
            for spec in launches[0].inputs
            if spec.name in launches[0].defaulted
        ]
    )
