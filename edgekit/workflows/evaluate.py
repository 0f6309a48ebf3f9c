"""What an artifact is worth on a data set, run by its runtime."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit import storage
from edgekit.errors import UsageError
from edgekit.measure.environment import usable_cores
from edgekit.records import Artifact, Device, EvalResult, Format, Precision
from edgekit.runtimes import RUNTIMES
from edgekit.scoring import SCORERS, scorer_of
from edgekit.workflows import machines, routes
from edgekit.workflows.accuracy import Way, check_apart, float_sibling, predicted
from edgekit.workflows.infer import HERE
from edgekit.workflows.parity import REFERENCE


@dataclass(frozen=True, slots=True)
class EvalPlan:
    """What to evaluate.

    Attributes:
        artifact: Folder of the artifact.
        data: What the artifact's metric is measured on, as its scorer reads it: class folders or
            a folder with a `labels.json`, boxes, masks, or a file of pairs of texts.
        runtime: Name of the runtime; None for the format's own.
        threads: Threads that the runtime may use; None for as many as there are usable cores.
        device: Where to run it.
        metric: What to measure; empty for what the artifact's head is for.
        cut: Whether texts that are too long are cut.
    """

    artifact: Path
    data: Path
    runtime: str | None
    threads: int | None
    device: Device = HERE
    metric: str = ""
    cut: bool = False


def metrics() -> list[str]:
    """What `EvalPlan.metric` may be."""
    return SCORERS.names()


def evaluate(plan: EvalPlan, on_event: Callable[[str], None]) -> EvalResult:
    """Run every sample through the artifact and through its float32 sibling, and compare.

    The sibling runs on this machine. A float32 artifact is compared with one of another format;
    alone, it is the float model.

    Raises:
        DataError: The artifact or the data can't be read, or it was calibrated on them.
        UsageError: The artifact's head gives nothing of that kind.
        DeviceError: The worker failed.
    """
    artifact = storage.load(plan.artifact)
    scorer = scorer_of(artifact, plan.metric)
    runtime = _runtime(plan, artifact)
    exam = scorer.read(artifact, plan.data, cut=plan.cut)
    for note in exam.notes:
        on_event(note)
    check_apart(artifact, exam)
    on_event(
        f"running {exam.count} {scorer.noun} of {exam.source} through {artifact.name} by "
        f"{runtime}{plan.device.on}"
    )
    threads = plan.threads or machines.cpus(plan.device)[1]
    found = predicted(artifact, scorer, exam, Way(runtime, threads, plan.device))
    result = EvalResult(
        artifact=artifact.name,
        sha256=artifact.sha256,
        runtime=runtime,
        images=exam.count,
        score=scorer.score(artifact, found, exam),
        agreement=1.0 if artifact.precision is Precision.FP32 else None,
        skipped=exam.skipped,
        data_sha256=exam.sha256,
        device=plan.device.name,
        metric=scorer.metric,
        notes=exam.notes,
    )
    reference = float_sibling(artifact)
    if reference is None:
        return result
    way = Way(routes.RUNTIME_OF[reference.format][0], usable_cores())
    expected = predicted(reference, scorer, exam, way)
    theirs = scorer.score(reference, expected, exam)
    return replace(
        result,
        agreement=scorer.agreement(artifact, found, expected),
        # Whoever wants the float model's worst images evaluates it.
        float32=replace(theirs, worst=()) if theirs else None,
    )


def _runtime(plan: EvalPlan, artifact: Artifact) -> str:
    runtime = plan.runtime or routes.RUNTIME_OF[artifact.format][0]
    # The reference reads the ONNX file that an engine is built from.
    gpu = (REFERENCE,) if artifact.format is Format.TENSORRT else ()
    if runtime not in (readers := (*routes.readers(artifact.format), *gpu)):
        RUNTIMES.entry(runtime)
        raise UsageError(
            f"{runtime} can't read {artifact.name}, which is {artifact.format}",
            hint=f"these can: {', '.join(readers)}",
        )
    return runtime
