"""Intersection over union of class maps, by class and by the size of objects."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edgekit.errors import MissingDependency
from edgekit.metrics.worst import worst
from edgekit.records.scores import Image, Part, Score
from edgekit.registry import install_command
from edgekit.tasks.masks import IGNORED

ClassMap = npt.NDArray[np.integer]
# COCO's bounds of small, medium and large objects, in pixels of area.
SIZES = {"small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, None)}


@dataclass(slots=True)
class Tally:
    """What is counted over a set, image by image: maps of a whole set may not fit in memory.

    Attributes:
        names: Names of the classes; that of index 0 is the ground, which is no object.
        pixels: Pixels by true and by given class.
        found: Pixels of objects by size: how many there are, how many are right.
        images: Each image's own mean.
        objects: Number of objects by size.
    """

    names: Sequence[str]
    pixels: npt.NDArray[np.int64] = field(init=False)
    found: dict[str, npt.NDArray[np.int64]] = field(init=False)
    images: list[Image] = field(default_factory=list)
    objects: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.pixels = np.zeros((len(self.names), len(self.names)), np.int64)
        self.found = {size: np.zeros(2, np.int64) for size in SIZES}
        self.objects = dict.fromkeys(SIZES, 0)

    def add(self, given: ClassMap, right: ClassMap, file: str) -> None:
        """Count one image.

        Args:
            given: Class of each pixel as the network has it, shape (H, W).
            right: The same as it is, `IGNORED` where it doesn't count.
            file: Name of the image.
        """
        counted = right != IGNORED
        count = len(self.names)
        pairs = right[counted].astype(np.int64) * count + given[counted]
        pixels = np.bincount(pairs, minlength=count**2).reshape(count, count)
        self.pixels += pixels
        overlaps = _overlaps(pixels)
        known = [index for index in range(count) if overlaps[index] is not None]
        if known:
            least = min(known, key=lambda index: (overlaps[index], index))
            value = float(np.mean([overlaps[index] for index in known]))
            note = f"least: {self.names[least]}, {overlaps[least]:.2f}"
            self.images.append(Image(file, value, note))
        self._add_objects(given, right)

    def _add_objects(self, given: ClassMap, right: ClassMap) -> None:
        for index in range(1, len(self.names)):
            for area, hits in _connected(right == index, given == index):
                size = next(name for name, (_, most) in SIZES.items() if not most or area < most)
                self.found[size] += (area, hits)
                self.objects[size] += 1

    def score(self) -> Score:
        """The set's score: a class without a pixel, true or given, counts for nothing."""
        overlaps = _overlaps(self.pixels)
        known = [value for value in overlaps if value is not None]
        total = self.pixels.sum()
        return Score(
            metric="miou",
            value=float(np.mean(known)) if known else None,
            others={"pixel_accuracy": float(np.trace(self.pixels) / total) if total else None},
            classes=tuple(
                Part(name, int(count), value)
                for name, count, value in zip(
                    self.names, self.pixels.sum(axis=1), overlaps, strict=True
                )
            ),
            # Pixels given in excess belong to no object, so sizes have recall in place of IoU.
            sizes=tuple(
                Part(f"{size}, recall", self.objects[size], int(hit) / int(area) if area else None)
                for size, (area, hit) in self.found.items()
            ),
            worst=worst(self.images),
            images=len(self.images),
        )


def score(
    pairs: Iterable[tuple[ClassMap, ClassMap]], names: Sequence[str], files: Sequence[str]
) -> Score:
    """The score of maps, each given and right, shapes (H, W)."""
    tally = Tally(names)
    for (given, right), file in zip(pairs, files, strict=True):
        tally.add(given, right, file)
    return tally.score()


def _overlaps(pixels: npt.NDArray[np.int64]) -> list[float | None]:
    """Intersection over union of each class; None where it is neither there nor given."""
    both = np.diag(pixels)
    either = pixels.sum(axis=0) + pixels.sum(axis=1) - both
    return [int(a) / int(b) if b else None for a, b in zip(both, either, strict=True)]


def _connected(
    right: npt.NDArray[np.bool_], given: npt.NDArray[np.bool_]
) -> list[tuple[int, int]]:
    """Pixels of each connected part of `right`, and how many of them are in `given`."""
    try:
        from scipy import ndimage
    except ModuleNotFoundError as error:
        message = f"scores by the size of objects need the module {error.name!r}"
        raise MissingDependency(message, hint=install_command("train")) from error
    labels, count = ndimage.label(right)
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    hits = np.bincount(labels[given], minlength=count + 1)[1:]
    return list(zip(areas.tolist(), hits.tolist(), strict=True))
