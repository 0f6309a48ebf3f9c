"""What an artifact is worth on a data set, run by its runtime."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit import storage
from edgekit.records import Artifact, Device, EvalResult, Precision
from edgekit.scoring import SCORERS, Exam, scorer_of
from edgekit.workflows.accuracy import check_apart, find_way, float_sibling, predicted
from edgekit.workflows.infer import HERE


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
    way = find_way(artifact, plan.runtime, plan.threads, plan.device)
    exam = scorer.read(artifact, plan.data, cut=plan.cut)
    check_apart(artifact, exam)
    notes = (*exam.notes, *_guarded_on(artifact, exam, scorer.noun))
    for note in notes:
        on_event(note)
    on_event(
        f"running {exam.count} {scorer.noun} of {exam.source} through {artifact.name} by "
        f"{way.runtime}{plan.device.on}"
    )
    found = predicted(artifact, scorer, exam, way)
    result = EvalResult(
        artifact=artifact.name,
        sha256=artifact.sha256,
        runtime=way.runtime,
        images=exam.count,
        score=scorer.score(artifact, found, exam),
        agreement=1.0 if artifact.precision is Precision.FP32 else None,
        skipped=exam.skipped,
        data_sha256=exam.sha256,
        device=plan.device.name,
        metric=scorer.metric,
        notes=notes,
    )
    reference = float_sibling(artifact)
    if reference is None:
        return result
    expected = predicted(reference, scorer, exam, find_way(reference))
    theirs = scorer.score(reference, expected, exam)
    return replace(
        result,
        agreement=scorer.agreement(artifact, found, expected),
        # Whoever wants the float model's worst images evaluates it.
        float32=replace(theirs, worst=()) if theirs else None,
    )


def _guarded_on(artifact: Artifact, exam: Exam, noun: str) -> tuple[str, ...]:
    """What to say where a guard has already measured on the same data; nothing elsewhere."""
    found = artifact.guard
    if found is None or not found.data_sha256 or found.data_sha256 != exam.sha256:
        return ()
    said = f"the guard of --max-drop chose layers on these {noun}, which flatters the artifact"
    return (f"{said}: others say what it is worth",)
