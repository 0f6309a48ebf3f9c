"""Outputs of artifacts for photos, and shares of right ones: what evaluation and guard share."""

import numpy as np
import numpy.typing as npt

from edgekit.datasets import images, labels
from edgekit.records import Artifact
from edgekit.workflows.infer import infer
from edgekit.workflows.parity import REFERENCE

# Images in one worker call: a few hundred MB of tensors at most, whatever the size of the set.
_CHUNK = 128


def classes(artifact: Artifact) -> labels.Classes:
    """The classes of an artifact's model."""
    path = artifact.file("labels")
    names = tuple(path.read_text(encoding="utf-8").splitlines()) if path else ()
    return labels.Classes(artifact.spec.classes, names)


def outputs(
    artifact: Artifact, runtime: str, photos: images.Photos, threads: int
) -> npt.NDArray[np.float32]:
    """Outputs for all photos, shape (N, classes), chunk by chunk."""
    tensors = images.Tensors(artifact.preprocess, photos.paths)
    batch = artifact.inputs[0].shape[0] or 1
    source = artifact.file("source")
    return np.concatenate(
        [
            infer(
                artifact,
                tensors[start : start + _CHUNK].stack(),
                runtime=runtime,
                batch=batch,
                threads=threads,
                model=source if runtime == REFERENCE else None,
            )
            for start in range(0, len(tensors), _CHUNK)
        ]
    )


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


def agreement(outputs: npt.NDArray[np.float32], reference: npt.NDArray[np.float32]) -> float:
    """Share of images whose best class is the reference's."""
    return float(np.mean(outputs.argmax(axis=1) == reference.argmax(axis=1)))
