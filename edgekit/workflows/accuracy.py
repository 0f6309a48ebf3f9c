"""Outputs of artifacts for photos, and shares of right ones: for evaluation, guard and gate."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit import storage
from edgekit.datasets import images, labels
from edgekit.errors import DataError, UsageError
from edgekit.records import Artifact, Device, Format, Precision
from edgekit.tasks import TASKS
from edgekit.transports import linked
from edgekit.workflows.infer import HERE, infer
from edgekit.workflows.parity import REFERENCE

# Images in one worker call: a few hundred MB of tensors at most, whatever the size of the set.
_CHUNK = 128
# The same where a score a class for each pixel comes out.
_FEW = 32
_SHOWN = 3
_ROUNDING = 1e-9  # points


def classes(artifact: Artifact) -> labels.Classes:
    """The classes of an artifact's model."""
    path = artifact.file("labels")
    names = tuple(path.read_text(encoding="utf-8").splitlines()) if path else ()
    return labels.Classes(artifact.spec.classes, names)


def check_head(artifact: Artifact) -> None:
    """Refuse an artifact whose outputs are no scores of classes.

    Raises:
        UsageError: With what it ends in.
    """
    if artifact.spec.head != "classify":
        raise UsageError(
            f"{artifact.name} ends in {artifact.spec.head!r}: it has no classes to be right about",
            hint="evaluate an artifact exported with --head classify",
        )


def check_apart(artifact: Artifact, photos: images.Photos) -> None:
    """Refuse images that the artifact was calibrated on: they would flatter it.

    Raises:
        DataError: With the first of them.
    """
    if artifact.calibration is None:
        return
    calibrated = {digest for _, digest in artifact.calibration.files}
    both = [path.name for path in photos.paths if storage.file_sha256(path) in calibrated]
    if both:
        raise DataError(
            f"{artifact.name} was calibrated on {len(both)} of these images: "
            f"{', '.join(both[:_SHOWN])}{', ...' if len(both) > _SHOWN else ''}",
            hint="evaluate on other images: on these the numbers would flatter the artifact",
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


def allowed_points(max_drop: float, count: int) -> float:
    """Points that may be lost: of a budget finer than one image, one image; of none, none.

    On a dozen photos each is worth eight points, and one near tie would decide.

    Args:
        max_drop: The budget, in points.
        count: Number of images that it is measured on.
    """
    return max(max_drop, 100.0 / count) + _ROUNDING if max_drop else 0.0


def outputs(
    artifact: Artifact,
    runtime: str,
    photos: images.Photos,
    threads: int,
    device: Device = HERE,
) -> npt.NDArray[np.float32]:
    """Outputs for all photos, shape (N, classes), chunk by chunk."""
    tensors = images.Tensors(artifact.photos, photos.paths)
    batch = artifact.inputs[0].shape[0] or 1
    source = artifact.file("source")
    with linked(device) as link:
        chunks = [
            infer(
                link,
                artifact,
                [tensors[start : start + _CHUNK].stack()],
                runtime=runtime,
                batch=batch,
                threads=threads,
                model=source if runtime == REFERENCE else None,
            )[0]
            for start in range(0, len(tensors), _CHUNK)
        ]
    return np.concatenate(chunks)


def predictions(
    artifact: Artifact,
    runtime: str,
    photos: images.Photos,
    threads: int,
    device: Device = HERE,
) -> list[Any]:
    """What the artifact's outputs mean, one prediction a photo; raw outputs aren't kept."""
    tensors = images.Tensors(artifact.photos, photos.paths)
    task = TASKS.get(artifact.spec.task)
    source = artifact.file("source") if runtime == REFERENCE else None
    found: list[Any] = []
    with linked(device) as link:
        for start in range(0, len(tensors), _FEW):
            raw = infer(
                link,
                artifact,
                [tensors[start : start + _FEW].stack()],
                runtime=runtime,
                batch=artifact.inputs[0].shape[0] or 1,
                threads=threads,
                model=source,
            )
            found += task.decode(raw, artifact.photos.size)
    return found


def share_right(
    outputs: npt.NDArray[np.float32], right: tuple[frozenset[int], ...], top: int
) -> float | None:
    """Share of labelled images with a right class among the `top` largest outputs."""
    best = np.argsort(-outputs, axis=1, kind="stable")[:, :top]
    hits = [
        bool(expected & set(map(int, row)))
        for row, expected in zip(best, right, strict=True)
        if expected
    ]
    return sum(hits) / len(hits) if hits else None


def share_predicted(found: Sequence[Any], right: tuple[frozenset[int], ...]) -> float | None:
    """Share of labelled images whose predicted class is a right one; None if none is labelled."""
    hits = [
        int(prediction) in expected
        for prediction, expected in zip(found, right, strict=True)
        if expected
    ]
    return sum(hits) / len(hits) if hits else None


def agreement(outputs: npt.NDArray[np.float32], reference: npt.NDArray[np.float32]) -> float:
    """Share of images whose best class is the reference's."""
    return float(np.mean(outputs.argmax(axis=1) == reference.argmax(axis=1)))
