"""Bench: each leg in a fresh worker, from a plan to a result."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edgekit.errors import DeviceError, EdgekitError
from edgekit.measure.environment import usable_cores
from edgekit.metrics import METRICS
from edgekit.quantization.coverage import int8_share
from edgekit.quantization.recipe import STATIC
from edgekit.records import Artifact, BenchPlan, BenchResult, Int8Share, Metric, Precision
from edgekit.transports import TRANSPORTS
from edgekit.wire import Closeness, Failure, Job, Samples
from edgekit.workflows.jobs import OnPhase, run_job
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

    try:
        samples = run(plan, on_phase)
    except EdgekitError as error:
        failure = Failure(stage, error.kind, str(error), error.hint, error.stderr_tail)
        return BenchResult(plan, None, (), valid=False, reasons=(), failure=failure)
    int8 = int8_share(samples.execution)
    faults = _faults(plan, samples) + _too_little_int8(plan, int8)
    reasons = (*faults, *_notes(plan, samples))
    metrics = _metrics(plan, samples)
    return BenchResult(plan, samples, metrics, not faults, reasons, int8=int8)


def run(plan: BenchPlan, on_phase: OnPhase = lambda _: None) -> Samples:
    """Measure `plan` once, in a fresh worker.

    Args:
        plan: The leg.
        on_phase: Told the name of each phase as it begins.

    Raises:
        EdgekitError: It can't be measured.
    """
    limit = plan.profile.warmup_max_time_s + plan.profile.max_time_s + _ALLOWANCE_S
    link = TRANSPORTS.get(plan.device.transport).open(plan.device)
    samples = run_job(link, job(plan), timeout_s=limit, on_phase=on_phase)
    if not isinstance(samples, Samples) or not samples.latency_ns:
        raise DeviceError("the worker measured nothing", hint="run it again", stage="run")
    return samples


def job(plan: BenchPlan) -> Job:
    """What a worker is to do for `plan`."""
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
    if artifact := plan.subject.artifact:
        faults += golden_faults(artifact.precision, samples.golden)
        faults += _not_int8(artifact, samples)
    return faults


def golden_faults(precision: Precision, golden: Closeness | None) -> list[str]:
    """What the check against the golden sample found wrong with an artifact.

    The bound is the program's: what an artifact's own record says may have been changed.
    """
    if golden is None:
        return ["unverified: the artifact has no golden sample"]
    if not golden.finite:
        return ["outputs hold NaN or infinity"]
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
