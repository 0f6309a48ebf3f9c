"""Bench: each leg in a fresh worker, from a plan to a result."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edgekit.errors import DeviceError, EdgekitError
from edgekit.measure.environment import usable_cores
from edgekit.metrics import METRICS
from edgekit.records import BenchPlan, BenchResult, Metric, Precision
from edgekit.transports import TRANSPORTS
from edgekit.wire import Closeness, Failure, Job, Samples
from edgekit.workflows.jobs import run_job
from edgekit.workflows.parity import MIN_SQNR_DB

# Beyond the profile's own limits: importing, loading, compiling, the golden sample.
_ALLOWANCE_S = 600.0


def bench(
    plans: Iterable[BenchPlan], on_event: Callable[[str], None] = lambda _: None
) -> tuple[BenchResult, ...]:
    """Measure each plan, one after another.

    A leg that fails is a result with its failure; the others go on.

    Args:
        plans: The legs.
        on_event: Told in a few words what goes on.
    """
    results = []
    for plan in plans:
        on_event(f"{plan.subject.name}: measuring with {plan.runtime}")
        results.append(_leg(plan))
    return tuple(results)


def _leg(plan: BenchPlan) -> BenchResult:
    stage = "start"

    def on_phase(phase: str) -> None:
        nonlocal stage
        stage = phase

    limit = plan.profile.warmup_max_time_s + plan.profile.max_time_s + _ALLOWANCE_S
    try:
        link = TRANSPORTS.get(plan.device.transport).open(plan.device)
        samples = run_job(link, _job(plan), timeout_s=limit, on_phase=on_phase)
        if samples is None or not samples.latency_ns:
            raise DeviceError("the worker measured nothing", hint="run it again", stage=stage)
    except EdgekitError as error:
        failure = Failure(stage, error.kind, str(error), error.hint, error.stderr_tail)
        return BenchResult(plan, None, (), valid=False, reasons=(), failure=failure)
    faults = _faults(plan, samples)
    reasons = (*faults, *_notes(plan, samples))
    return BenchResult(plan, samples, _metrics(plan, samples), not faults, reasons)


def _job(plan: BenchPlan) -> Job:
    artifact = plan.subject.artifact
    half = artifact is not None and artifact.precision is Precision.FP16
    golden = artifact.file("golden") if artifact else None
    return Job(
        kind="bench",
        runtime=plan.runtime,
        model=str(plan.subject.path),
        precision="fp16" if half else "fp32",
        threads=plan.threads,
        seed=plan.seed,
        batch=plan.batch,
        shapes=plan.shapes,
        layouts={spec.name: spec.layout for spec in artifact.inputs} if artifact else {},
        golden=str(golden) if golden else None,
        profile=plan.profile,
    )


def _metrics(plan: BenchPlan, samples: Samples) -> tuple[Metric, ...]:
    return tuple(metric for name in METRICS.names() for metric in METRICS.get(name)(plan, samples))


def _faults(plan: BenchPlan, samples: Samples) -> list[str]:
    """Why the numbers may not be used; empty if they may."""
    faults = []
    if len(samples.latency_ns) < plan.profile.min_runs:
        faults.append(f"only {len(samples.latency_ns)} runs of {plan.profile.min_runs}")
    artifact = plan.subject.artifact
    if samples.golden is None:
        return faults + ["unverified: the artifact has no golden sample"] * bool(artifact)
    if not samples.golden.finite:
        return [*faults, "outputs hold NaN or infinity"]
    if artifact:
        faults += _distance(artifact.precision, samples.golden)
        faults += _not_int8(artifact.precision, samples)
    return faults


def _distance(precision: Precision, golden: Closeness) -> list[str]:
    # The bound is the program's: what an artifact's own record says may have been changed.
    least = MIN_SQNR_DB[precision]
    if golden.sqnr_db is None or golden.sqnr_db >= least:
        return []
    return [f"golden sample: SQNR {golden.sqnr_db:.1f} dB is below {least:.0f} dB"]


def _not_int8(precision: Precision, samples: Samples) -> list[str]:
    told = {op.precision for op in samples.execution}
    if precision is not Precision.INT8 or not told or "int8" in told:
        return []
    return ["an int8 artifact of which no operator runs in int8"]


def _notes(plan: BenchPlan, samples: Samples) -> list[str]:
    """What to know about the numbers."""
    unsteady = ["unsteady: two windows of the warm-up never agreed"] * (not samples.steady)
    crowded = [
        f"{plan.threads} threads on {cores} usable cores"
        for cores in [usable_cores()]
        if plan.threads > cores
    ]
    return (
        unsteady
        + crowded
        + [
            f"free axes of {spec.name!r} set: {'x'.join(map(str, spec.shape))}"
            for spec in samples.inputs
            if spec.name in samples.defaulted
        ]
    )
