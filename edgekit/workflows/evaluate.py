"""Accuracy of an artifact on labelled images, run by the runtime that would serve it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgekit import storage
from edgekit.datasets import images, labels
from edgekit.errors import UsageError
from edgekit.measure.environment import usable_cores
from edgekit.records import Artifact, Device, EvalResult, Format, Precision, digest
from edgekit.runtimes import RUNTIMES
from edgekit.workflows import accuracy, machines, routes, scoring
from edgekit.workflows.infer import HERE
from edgekit.workflows.parity import REFERENCE

_TOP = 5


@dataclass(frozen=True, slots=True)
class EvalPlan:
    """What to evaluate.

    Attributes:
        artifact: Folder of the artifact.
        data: Folder of images: one folder a class, or with a `labels.json`.
        runtime: Name of the runtime; None for the format's own.
        threads: Threads that the runtime may use; None for as many as there are usable cores.
        device: Where to run it.
        metric: What to measure; empty for what fits its head.
    """

    artifact: Path
    data: Path
    runtime: str | None
    threads: int | None
    device: Device = HERE
    metric: str = ""


def evaluate(plan: EvalPlan, on_event: Callable[[str], None]) -> EvalResult:
    """Run every image through the artifact and through its float32 sibling, and count.

    Raises:
        DataError: The artifact or the images can't be read, or it was calibrated on them.
        UsageError: The artifact gives neither scores of classes nor vectors.
        DeviceError: The worker failed.
    """
    artifact = storage.load(plan.artifact)
    if artifact.spec.head != scoring.EMBED:
        accuracy.check_head(artifact)
    scoring.check_metric(artifact, plan.metric)
    runtime = plan.runtime or routes.RUNTIME_OF[artifact.format][0]
    # The reference reads the ONNX file that an engine is built from.
    gpu = (REFERENCE,) if artifact.format is Format.TENSORRT else ()
    if runtime not in (readers := (*routes.readers(artifact.format), *gpu)):
        RUNTIMES.entry(runtime)
        raise UsageError(
            f"{runtime} can't read {artifact.name}, which is {artifact.format}",
            hint=f"these can: {', '.join(readers)}",
        )
    data = scoring.labelled(artifact, plan.data)
    accuracy.check_apart(artifact, data.photos)
    count, where = len(data.photos.paths), plan.device.on
    on_event(f"running {count} images through {artifact.name} by {runtime}{where}")
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
    formats = (artifact.format, Format.ONNX, Format.OPENVINO, Format.LITERT, Format.TORCH)
    for format in dict.fromkeys(formats):
        path = artifact.path.parent / f"{format}-{Precision.FP32}"
        if format is Format.TENSORRT or not storage.is_artifact(path):
            continue
        reference = storage.load(path)
        same = (reference.spec, reference.preprocess) == (artifact.spec, artifact.preprocess)
        if not same or reference.sha256 == artifact.sha256:
            continue
        theirs = accuracy.outputs(reference, routes.RUNTIME_OF[format][0], photos, usable_cores())
        return accuracy.agreement(outputs, theirs)
    return 1.0 if artifact.precision is Precision.FP32 else None
