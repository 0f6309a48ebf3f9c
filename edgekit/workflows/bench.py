"""Bench: each leg in a fresh worker, from a plan to a result."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edgekit.errors import DeviceError, EdgekitError
from edgekit.metrics import METRICS
from edgekit.records import BenchPlan, BenchResult, Metric, Precision
from edgekit.transports import TRANSPORTS
from edgekit.wire import Failure, Job, Samples
from edgekit.workflows.jobs import run_job

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
    reasons = (*faults, *_notes(samples))
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
    artifact, golden = plan.subject.artifact, samples.golden
    if golden and not golden.finite:
        faults.append("outputs hold NaN or infinity")
    elif golden and golden.sqnr_db is not None and artifact and artifact.parity:
        least = artifact.parity.min_sqnr_db
        if golden.sqnr_db < least:
            faults.append(f"golden sample: SQNR {golden.sqnr_db:.1f} dB is below {least:.0f} dB")
    return faults


def _notes(samples: Samples) -> list[str]:
    """What to know about the numbers."""
    unsteady = ["unsteady: two windows of the warm-up never agreed"] * (not samples.steady)
    return unsteady + [
        f"free axes of {spec.name!r} set: {'x'.join(map(str, spec.shape))}"
        for spec in samples.inputs
        if spec.name in samples.defaulted
    ]
