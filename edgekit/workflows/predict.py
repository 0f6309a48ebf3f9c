"""What an artifact says of photos, in their own pixels, run by its runtime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from edgekit import pixels, storage
from edgekit.datasets import images, labels
from edgekit.errors import DataError, UsageError
from edgekit.records import Artifact, Device
from edgekit.records.predictions import Prediction, Predictions, Thing
from edgekit.scoring import Exam, scorer_of
from edgekit.tasks import TASKS
from edgekit.workflows.accuracy import find_way, outputs
from edgekit.workflows.infer import HERE

_TOP = 5


@dataclass(frozen=True, slots=True)
class PredictPlan:
    """What to look at.

    Attributes:
        artifact: Folder of the artifact.
        photos: The images.
        runtime: Name of the runtime; empty for the format's own.
        threads: Threads that the runtime may use; None for as many as there are usable cores.
        device: Where to run it.
        least_score: Less sure boxes are left out.
    """

    artifact: Path
    photos: images.Photos
    runtime: str = ""
    threads: int | None = None
    device: Device = HERE
    least_score: float = 0.3


@dataclass(frozen=True, slots=True)
class Seen:
    """One photo, with what was found in it.

    Attributes:
        path: The photo.
        prediction: What was found.
        mask: Class of each pixel of the photo, (height, width); None where there is none.
    """

    path: Path
    prediction: Prediction
    mask: Any = None


def predict(
    plan: PredictPlan, on_event: Callable[[str], None]
) -> tuple[Predictions, tuple[Seen, ...]]:
    """Run photos through an artifact.

    Raises:
        DataError: The artifact or a photo can't be read.
        UsageError: The artifact gives neither classes nor boxes nor masks, or the runtime can't
            read it.
        DeviceError: The worker failed.
    """
    artifact = storage.load(plan.artifact)
    scorer = scorer_of(artifact)
    read = _reader(artifact, scorer.metric)
    way = find_way(artifact, plan.runtime, plan.threads, plan.device)
    paths = plan.photos.paths
    exam = Exam(plan.photos.source, len(paths), (), paths)
    on_event(
        f"running {exam.count} images through {artifact.name} by {way.runtime}{plan.device.on}"
    )
    chunks = outputs(artifact, scorer.feeds(artifact, exam), way)
    rows = ([each[row : row + 1] for each in raw] for raw in chunks for row in range(len(raw[0])))
    asked = _Asked(artifact, labels.of(artifact).shown, plan.least_score)
    seen = tuple(read(asked, path, raw) for path, raw in zip(paths, rows, strict=True))
    found = Predictions(
        artifact=artifact.name,
        sha256=artifact.sha256,
        runtime=way.runtime,
        device=plan.device.name,
        metric=scorer.metric,
        photos=tuple(one.prediction for one in seen),
        skipped=plan.photos.skipped,
    )
    return found, seen


def find(given: Sequence[Path]) -> images.Photos:
    """Every photo that is named, or in a folder that is, once.

    Raises:
        DataError: One that is named can't be read, or a folder holds none.
    """
    found: dict[Path, None] = {}
    skipped: list[str] = []
    for path in given:
        if path.is_dir():
            photos = images.folder(path)
            found.update(dict.fromkeys(photos.paths))
            skipped += photos.skipped
        else:
            _check_there(path)
            images.read(path)
            found[path] = None
    return images.Photos(", ".join(map(str, given)), tuple(found), tuple(skipped))


def _check_there(path: Path) -> None:
    if not path.exists():
        raise DataError(
            f"there is no photo {path}", hint="name images, or folders of images, that are there"
        )


Reader = Callable[["_Asked", Path, Sequence[Any]], Seen]


def _reader(artifact: Artifact, metric: str) -> Reader:
    readers: dict[str, Reader] = {"top1": _classes, "map50": _boxes, "miou": _mask}
    if metric in readers:
        return readers[metric]
    raise UsageError(
        f"{artifact.name} ends in {artifact.spec.head!r}: that names nothing in a photo",
        hint="give an artifact that classifies, detects or segments",
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What every photo is read by."""

    artifact: Artifact
    names: tuple[str, ...]
    least_score: float

    def decoded(self, raw: Sequence[Any]) -> Any:
        (found,) = TASKS.get(self.artifact.spec.task).decode(raw, self.artifact.photos.size)
        return found


def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as photo:
        return photo.size


def _classes(asked: _Asked, path: Path, raw: Sequence[Any]) -> Seen:
    scores, names = _shares(np.ravel(raw[0])), asked.names
    best = np.argsort(-scores, kind="stable")[:_TOP]
    things = tuple(Thing(names[index], int(index), float(scores[index])) for index in best)
    return Seen(path, Prediction(str(path), things))


def _shares(scores: Any) -> Any:
    """Scores that sum up to 1: as they are if they do already, as a file may end in a softmax."""
    if scores.min() >= 0 and np.isclose(scores.sum(), 1, atol=1e-2):
        return scores
    powers = np.exp(scores.astype(np.float64) - scores.max())
    return powers / powers.sum()


def _boxes(asked: _Asked, path: Path, raw: Sequence[Any]) -> Seen:
    names, found = asked.names, asked.decoded(raw)
    corners = pixels.lift_boxes(asked.artifact.photos, _size(path), found.boxes)
    things = tuple(
        Thing(names[kind], kind, float(score), (left, top, right, bottom))
        for kind, score, (left, top, right, bottom) in zip(
            found.classes.tolist(), found.scores, corners.tolist(), strict=True
        )
        # What lies beside the photo, where the input is padded, has no area within it.
        if score >= asked.least_score and left < right and top < bottom
    )
    return Seen(path, Prediction(str(path), things))


def _mask(asked: _Asked, path: Path, raw: Sequence[Any]) -> Seen:
    names = asked.names
    mask = pixels.lift_mask(asked.artifact.photos, _size(path), asked.decoded(raw))
    counts = np.bincount(mask.ravel(), minlength=len(names))
    order = [index for index in np.argsort(-counts, kind="stable") if counts[index]]
    things = tuple(
        Thing(names[index], int(index), float(counts[index] / mask.size)) for index in order
    )
    return Seen(path, Prediction(str(path), things), mask)
