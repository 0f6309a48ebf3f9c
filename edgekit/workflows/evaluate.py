"""Accuracy of an artifact on labelled images or pairs of texts, run by its runtime."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgekit import storage
from edgekit.datasets import images, labels, texts
from edgekit.errors import UsageError
from edgekit.measure.environment import usable_cores
from edgekit.records import Artifact, Device, EvalResult, Format, Precision, digest
from edgekit.runtimes import RUNTIMES
from edgekit.workflows import accuracy, machines, ranking, routes, scoring
from edgekit.workflows.infer import HERE
from edgekit.workflows.parity import REFERENCE

METRICS = (*scoring.METRICS.values(), ranking.METRIC)
_TOP = 5


@dataclass(frozen=True, slots=True)
class EvalPlan:
    """What to evaluate.

    Attributes:
        artifact: Folder of the artifact.
        data: Folder of images: one folder a class, or with a `labels.json`; a file of pairs of
            texts for `spearman`.
        runtime: Name of the runtime; None for the format's own.
        threads: Threads that the runtime may use; None for as many as there are usable cores.
        device: Where to run it.
        metric: What to measure: one of `METRICS`; empty for what the artifact's head is for.
        cut: Whether texts that are too long are cut.
    """

    artifact: Path
    data: Path
    runtime: str | None
    threads: int | None
    device: Device = HERE
    metric: str = ""
    cut: bool = False


def evaluate(plan: EvalPlan, on_event: Callable[[str], None]) -> EvalResult:
    """Run every sample through the artifact and through its float32 sibling, and compare.

    Raises:
        DataError: The artifact or the data can't be read, or it was calibrated on them.
        UsageError: The artifact's head gives nothing of that kind.
        DeviceError: The worker failed.
    """
    artifact = storage.load(plan.artifact)
    ranks = (plan.metric or _usual(artifact)) == ranking.METRIC
    if ranks:
        ranking.check(artifact)
    else:
        scoring.check(artifact, plan.metric)
    runtime = plan.runtime or routes.RUNTIME_OF[artifact.format][0]
    # The reference reads the ONNX file that an engine is built from.
    gpu = (REFERENCE,) if artifact.format is Format.TENSORRT else ()
    if runtime not in (readers := (*routes.readers(artifact.format), *gpu)):
        RUNTIMES.entry(runtime)
        raise UsageError(
            f"{runtime} can't read {artifact.name}, which is {artifact.format}",
            hint=f"these can: {', '.join(readers)}",
        )
    return (_ranked if ranks else _counted)(plan, artifact, runtime, on_event)


def _usual(artifact: Artifact) -> str:
    return ranking.METRIC if artifact.tokens else scoring.METRICS.get(artifact.spec.head, "")


def _told(plan: EvalPlan, artifact: Artifact, runtime: str, what: str) -> str:
    return f"running {what} through {artifact.name} by {runtime}{plan.device.on}"


def _ranked(
    plan: EvalPlan, artifact: Artifact, runtime: str, on_event: Callable[[str], None]
) -> EvalResult:
    pairs = texts.pairs(plan.data)
    on_event(_told(plan, artifact, runtime, f"{len(pairs.first.lines)} pairs of texts"))
    return ranking.evaluate(
        artifact,
        pairs,
        cut=plan.cut,
        runtime=runtime,
        threads=plan.threads or machines.cpus(plan.device)[1],
        device=plan.device,
    )


def _counted(
    plan: EvalPlan, artifact: Artifact, runtime: str, on_event: Callable[[str], None]
) -> EvalResult:
    data = scoring.labelled(artifact, plan.data)
    accuracy.check_apart(artifact, data.photos)
    on_event(_told(plan, artifact, runtime, f"{len(data.photos.paths)} images"))
    threads = plan.threads or machines.cpus(plan.device)[1]
    outputs = accuracy.outputs(artifact, runtime, data.photos, threads, plan.device)
    is_classifier = artifact.spec.head != scoring.EMBED
    return EvalResult(
        artifact=artifact.name,
        sha256=artifact.sha256,
        runtime=runtime,
        images=len(data.photos.paths),
        top1=accuracy.share_right(outputs, data.right, 1) if is_classifier else None,
        top5=accuracy.share_right(outputs, data.right, _TOP) if is_classifier else None,
        agreement=_agreement(artifact, outputs, data.photos) if is_classifier else None,
        skipped=data.photos.skipped,
        data_sha256=data_sha256(data),
        device=plan.device.name,
        metric=_usual(artifact),
        score=scoring.score(artifact, outputs, data),
    )


def data_sha256(data: labels.Labelled) -> str:
    """Digest of the images and of what is right for each, wherever they lie."""
    pairs = zip(data.photos.paths, data.right, strict=True)
    return digest([(storage.file_sha256(path), sorted(right)) for path, right in pairs])


def _agreement(
    artifact: Artifact, outputs: npt.NDArray[np.float32], photos: images.Photos
) -> float | None:
    """Share of images whose best class is that of a float32 artifact beside this one.

    A float32 artifact is compared with one of another format; alone, it is the float model. What
    it is compared with runs on this machine.
    """
    reference = accuracy.float_sibling(artifact)
    if reference is None:
        return 1.0 if artifact.precision is Precision.FP32 else None
    runtime = routes.RUNTIME_OF[reference.format][0]
    theirs = accuracy.outputs(reference, runtime, photos, usable_cores())
    return accuracy.agreement(outputs, theirs)
