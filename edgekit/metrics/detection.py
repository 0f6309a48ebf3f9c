"""Mean average precision of boxes as COCO has it, by class and by the size of objects.

`faster-coco-eval` counts: COCO's own rules (Lin et al. 2014, "Microsoft COCO"), in C++.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.errors import MissingDependency
from edgekit.metrics.worst import worst
from edgekit.records.scores import Image, Part, Score
from edgekit.registry import install_command
from edgekit.tasks import boxes

_SIZES = ("small", "medium", "large")
# Overlap and score from which a box counts as found, for one image by itself.
_OVERLAP, _SURE = 0.5, 0.5
# COCO's order: overlaps 0.50 to 0.95, sizes with all of them first, most boxes an image last.
_AT_50, _ALL, _MOST = 0, 0, -1


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """Boxes of one image.

    Attributes:
        corners: Left, top, right, bottom of each in pixels, shape (n, 4).
        classes: Class of each, shape (n,).
        scores: How sure it is, from 0 to 1, shape (n,); None for the truth.
    """

    corners: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32] | None = None


def score(
    given: Sequence[Objects],
    right: Sequence[Objects],
    names: Sequence[str],
    files: Sequence[str],
) -> Score:
    """Average precision at an overlap of 0.50, and `map` over those from 0.50 to 0.95.

    Args:
        given: What the network found in each image.
        right: What there is in each.
        names: Names of the classes.
        files: Names of the images.

    Raises:
        MissingDependency: `faster-coco-eval` isn't installed.
    """
    precision = _precision(given, right, len(names))
    counts = np.bincount(_classes(right), minlength=len(names))
    areas = np.concatenate([_areas(each.corners) for each in right] or [np.zeros(0)])
    return Score(
        metric="map50",
        value=_mean(precision[_AT_50, :, :, _ALL, _MOST]),
        others={"map": _mean(precision[:, :, :, _ALL, _MOST])},
        classes=tuple(
            Part(name, int(counts[place]), _mean(precision[_AT_50, :, place, _ALL, _MOST]))
            for place, name in enumerate(names)
        ),
        sizes=tuple(
            Part(size, count, _mean(precision[_AT_50, :, :, place, _MOST]))
            for place, (size, count) in enumerate(_by_size(areas), 1)
        ),
        worst=worst(_images(given, right, files)),
        images=len(files),
    )


def _mean(precision: npt.NDArray[np.float64]) -> float | None:
    """Mean over what there is: COCO writes -1 where there is no object."""
    known = precision[precision > -1]
    return float(known.mean()) if known.size else None


def _classes(right: Sequence[Objects]) -> npt.NDArray[np.int64]:
    return np.concatenate([each.classes for each in right] or [np.zeros(0, np.int64)])


def _areas(corners: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    sides = (corners[:, 2:] - corners[:, :2]).astype(np.float64)
    areas: npt.NDArray[np.float64] = sides.prod(axis=1)
    return areas


def _by_size(areas: npt.NDArray[np.float64]) -> list[tuple[str, int]]:
    """How many objects there are of each size, by COCO's bounds."""
    bounds = (32**2, 96**2)
    places = np.digitize(areas, bounds)
    return [(size, int((places == place).sum())) for place, size in enumerate(_SIZES)]


def _precision(
    given: Sequence[Objects], right: Sequence[Objects], classes: int
) -> npt.NDArray[np.float64]:
    """Precision, shape (overlaps, recalls, classes, sizes, most boxes); -1 for nothing."""
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ModuleNotFoundError as error:
        message = f"average precision needs the module {error.name!r}"
        raise MissingDependency(message, hint=install_command("train")) from error
    truth = COCO(_ground(right, classes))
    found = [
        {"image_id": image, "category_id": label, "bbox": box, "score": sure}
        for image, each in enumerate(given, 1)
        for box, label, sure in _rows(each)
    ]
    if not found:  # the library takes no empty list
        return _nothing_found(right, classes)
    counted = COCOeval_faster(truth, truth.loadRes(found), "bbox", print_function=_quiet)
    counted.evaluate()
    counted.accumulate()
    return np.asarray(counted.eval["precision"], np.float64)


def _quiet(*_: object) -> None:
    """Nothing: the library would print tables."""


def _rows(objects: Objects) -> Iterator[tuple[list[float], int, float]]:
    sizes = np.concatenate(
        [objects.corners[:, :2], objects.corners[:, 2:] - objects.corners[:, :2]], axis=1
    )
    scores = np.ones(len(sizes)) if objects.scores is None else objects.scores
    for box, label, sure in zip(sizes.tolist(), objects.classes, scores, strict=True):
        yield box, int(label) + 1, float(sure)


def _ground(right: Sequence[Objects], classes: int) -> dict[str, Any]:
    rows = [
        {"image_id": image, "category_id": label, "bbox": box, "area": box[2] * box[3]}
        for image, each in enumerate(right, 1)
        for box, label, _ in _rows(each)
    ]
    return {
        "images": [{"id": image} for image in range(1, len(right) + 1)],
        "categories": [{"id": place, "name": str(place)} for place in range(1, classes + 1)],
        "annotations": [{"id": place, "iscrowd": 0, **row} for place, row in enumerate(rows, 1)],
    }


def _nothing_found(right: Sequence[Objects], classes: int) -> npt.NDArray[np.float64]:
    """Precision where the network finds nothing: 0 wherever there is an object."""
    precision = np.full((1, 1, classes, len(_SIZES) + 1, 1), -1.0)
    for each in right:
        places = np.digitize(_areas(each.corners), (32**2, 96**2)) + 1
        precision[:, :, each.classes, _ALL] = 0.0
        precision[:, :, each.classes, places] = 0.0
    return precision


def _images(
    given: Sequence[Objects], right: Sequence[Objects], files: Sequence[str]
) -> Iterator[Image]:
    """Each image with the harmonic mean of precision and recall, at one overlap and score."""
    for found, truth, file in zip(given, right, files, strict=True):
        hits, claimed = _hits(found, truth)
        missed, wrong = len(truth.classes) - hits, claimed - hits
        value = 2 * hits / (claimed + len(truth.classes)) if claimed + missed + hits else 1.0
        yield Image(file, value, f"{missed} of {len(truth.classes)} missed, {wrong} wrong")


def _hits(found: Objects, truth: Objects) -> tuple[int, int]:
    """How many objects are found, each once, the surest box first; and how many boxes count."""
    scores = np.ones(len(found.classes)) if found.scores is None else found.scores
    free = set(range(len(truth.classes)))
    sure = [place for place in np.argsort(-scores, kind="stable") if scores[place] >= _SURE]
    overlaps = boxes.overlaps(*(each.corners.astype(np.float64) for each in (found, truth)))
    hits = 0
    for place in sure:
        same = [each for each in free if truth.classes[each] == found.classes[place]]
        best = max(same, key=lambda each: overlaps[place, each], default=None)
        if best is not None and overlaps[place, best] >= _OVERLAP:
            free.remove(best)
            hits += 1
    return hits, len(sure)
