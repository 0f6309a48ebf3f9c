"""What evaluation, guard and gate share: predictions of artifacts, and what may be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgekit import storage
from edgekit.errors import DataError
from edgekit.records import Artifact, Device, Format, Precision
from edgekit.scoring import SCORERS, Exam, Scorer
from edgekit.transports import linked
from edgekit.workflows.infer import HERE, infer
from edgekit.workflows.parity import REFERENCE

_SHOWN = 3
_ROUNDING = 1e-9  # points


@dataclass(frozen=True, slots=True)
class Way:
    """By what predictions come.

    Attributes:
        runtime: Name of the runtime.
        threads: Threads that it may use.
        device: The machine that it runs on.
    """

    runtime: str
    threads: int
    device: Device = HERE


def predicted(artifact: Artifact, scorer: Scorer, exam: Exam, way: Way) -> list[Any]:
    """What `artifact` makes of an exam, in the scorer's own kind.

    Raises:
        EdgekitError: It can't be run.
    """
    source = artifact.file("source") if way.runtime == REFERENCE else None
    with linked(way.device) as link:
        outputs = (
            infer(
                link,
                artifact,
                inputs,
                runtime=way.runtime,
                batch=artifact.inputs[0].shape[0] or 1,
                threads=way.threads,
                model=source,
            )
            for inputs in scorer.feeds(artifact, exam)
        )
        return scorer.predictions(artifact, exam, outputs)


def check_apart(artifact: Artifact, exam: Exam) -> None:
    """Refuse samples that the artifact was calibrated on: they would flatter it.

    Raises:
        DataError: With the first of them.
    """
    calibrated = (
        {digest for _, digest in artifact.calibration.files} if artifact.calibration else ()
    )
    both = [name for name, digest in exam.files if digest in calibrated]
    if both:
        kind = "texts" if artifact.tokens else "images"
        raise DataError(
            f"{artifact.name} was calibrated on {len(both)} of these {kind}: "
            f"{', '.join(both[:_SHOWN])}{', ...' if len(both) > _SHOWN else ''}",
            hint=f"evaluate on other {kind}: on these the numbers would flatter the artifact",
        )


def float_sibling(artifact: Artifact) -> Artifact | None:
    """The float32 artifact beside `artifact`, of its own format where there is one; None if none.

    A float32 artifact has one of another format for a sibling.
    """
    formats = (artifact.format, Format.ONNX, Format.OPENVINO, Format.LITERT, Format.TORCH)
    for format in dict.fromkeys(formats):
        path = artifact.path.parent / f"{format}-{Precision.FP32}"
        if format is Format.TENSORRT or not storage.is_artifact(path):
            continue
        reference = storage.load(path)
        same = (reference.spec, reference.contract_sha256) == (
            artifact.spec,
            artifact.contract_sha256,
        )
        if same and reference.sha256 != artifact.sha256:
            return reference
    return None


def is_share(metric: str) -> bool:
    """Whether a metric is a share of images, of which one is the finest step."""
    return metric not in SCORERS.names() or SCORERS.get(metric).is_share


def noun(metric: str) -> str:
    """What a metric counts."""
    return SCORERS.get(metric).noun if metric in SCORERS.names() else "images"


def allowed_points(metric: str, max_drop: float, count: int) -> float:
    """Points that may be lost: of a budget finer than one image, one image; of none, none.

    On a dozen photos each is worth eight points, and one near tie would decide. What is no share
    of images has finer steps, and is held to the budget.

    Args:
        metric: What is measured.
        max_drop: The budget, in points.
        count: Number of images that it is measured on.
    """
    if not max_drop:
        return 0.0
    return (max(max_drop, 100.0 / count) if is_share(metric) else max_drop) + _ROUNDING
