"""Drawn shapes with exact boxes and masks: varied in number, size, overlap, colour and noise.

One folder serves detection (`annotations.json`) and segmentation (`masks/`, `classes.txt`).
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgekit.datasets.items import Boxes, Mask, Picture
from edgekit.errors import UsageError

Grid = npt.NDArray[np.float64]
Inside = npt.NDArray[np.bool_]

_LEAST_SIZE = 32
_HELD_OUT = 4
_MOST = 6
# Half the width of a shape, as a share of the image: from a sixteenth to near half of its edge.
_RADII = (0.06, 0.22)
# What others may hide of a shape, and what has to be inside the image.
_LEAST_VISIBLE = 0.6
_TRIES = 20
_LEAST_CONTRAST = 60.0


def _circle(x: Grid, y: Grid) -> Inside:
    return np.asarray(x**2 + y**2 <= 1)


def _square(x: Grid, y: Grid) -> Inside:
    return np.asarray(np.maximum(abs(x), abs(y)) <= math.sqrt(0.5))


def _triangle(x: Grid, y: Grid) -> Inside:
    sides = ((0.0, 1.0), (math.sqrt(0.75), -0.5), (-math.sqrt(0.75), -0.5))
    return np.asarray(np.all([a * x + b * y <= 1 / 2 for a, b in sides], axis=0))


# Each in the circle of radius 1.
KINDS: dict[str, Callable[[Grid, Grid], Inside]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
}


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A picture and its truth.

    Attributes:
        picture: Shape (size, size, 3).
        boxes: What is visible of each shape; classes count the `KINDS` from 0.
        mask: Class of each pixel, shape (size, size): 0 for the ground, then the `KINDS` from 1.
    """

    picture: Picture
    boxes: Boxes
    mask: Mask


def draw(seed: int, index: int, size: int) -> Scene:
    """The picture `index` of a set: each follows from seed and index alone.

    Args:
        seed: Seed of the set.
        index: Which picture.
        size: Its height and width, in pixels.
    """
    random = np.random.default_rng((seed, index))
    owner = np.full((size, size), -1)  # the shape that each pixel shows
    kinds: list[int] = []
    areas: list[int] = []
    for _ in range(random.integers(1, _MOST + 1)):
        for _ in range(_TRIES):
            kind = int(random.integers(len(KINDS)))
            inside, area = _shape(random, list(KINDS.values())[kind], size)
            tried = np.where(inside, len(kinds), owner)
            if _all_visible(tried, [*areas, area]):
                owner = tried
                kinds.append(kind)
                areas.append(area)
                break
    return Scene(_painted(random, owner, len(kinds)), _boxes(owner, kinds), _mask(owner, kinds))


def _shape(
    random: np.random.Generator, kind: Callable[[Grid, Grid], Inside], size: int
) -> tuple[Inside, int]:
    """Where a shape of random place, size and turn lies, and its area off the edge too."""
    radius = size * random.uniform(*_RADII)
    angle = random.uniform(0, 2 * math.pi)
    x, y = random.uniform(0, size, 2)
    reach = np.arange(-math.ceil(radius), size + math.ceil(radius)) + 0.5
    across, down = np.meshgrid((reach - x) / radius, (reach - y) / radius)
    turned = (
        math.cos(angle) * across + math.sin(angle) * down,
        math.cos(angle) * down - math.sin(angle) * across,
    )
    inside = kind(*turned)
    edge = math.ceil(radius)
    return inside[edge : edge + size, edge : edge + size], int(inside.sum())


def _all_visible(owner: npt.NDArray[np.int64], areas: list[int]) -> bool:
    shown = np.bincount(owner[owner >= 0], minlength=len(areas))
    return bool(np.all(shown >= _LEAST_VISIBLE * np.array(areas))) and bool(np.all(shown > 0))


def _painted(random: np.random.Generator, owner: npt.NDArray[np.int64], count: int) -> Picture:
    """Colours that differ from the ground's, a slope of light, and noise."""
    size = owner.shape[0]
    ground = random.uniform(40, 215, 3)
    colours = [_contrasting(random, ground) for _ in range(count)]
    painted = np.array([*colours, ground])[owner]
    slope = np.linspace(-1, 1, size) * random.uniform(0, 30)
    noise = random.normal(0, random.uniform(2, 20), painted.shape)
    lit = painted + (slope if random.random() < 1 / 2 else slope[:, None])[..., None] * np.ones(3)
    return np.clip(lit + noise, 0, 255).astype(np.uint8)


def _contrasting(random: np.random.Generator, ground: Grid) -> Grid:
    while True:
        colour = random.uniform(0, 255, 3)
        if np.linalg.norm(colour - ground) >= _LEAST_CONTRAST:
            return colour


def _boxes(owner: npt.NDArray[np.int64], kinds: list[int]) -> Boxes:
    corners = []
    for place in range(len(kinds)):
        rows, columns = np.nonzero(owner == place)
        corners.append((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    return Boxes(np.array(corners, np.float32).reshape(-1, 4), np.array(kinds, np.int64))


def _mask(owner: npt.NDArray[np.int64], kinds: list[int]) -> Mask:
    return np.array([*(kind + 1 for kind in kinds), 0], np.uint8)[owner]


class Shapes:
    """Writes drawn shapes."""

    count = 1000
    size = 128

    def write(self, root: Path, *, count: int, size: int, seed: int) -> None:
        """Write them; a quarter is in `test/`."""
        if count < _HELD_OUT or size < _LEAST_SIZE:
            raise UsageError(
                f"{count} pictures of {size} pixels are too few or too small",
                hint=f"give --count {_HELD_OUT} and --size {_LEAST_SIZE} or more",
            )
        held = [index for index in range(count) if index % _HELD_OUT == _HELD_OUT - 1]
        learnt = [index for index in range(count) if index % _HELD_OUT != _HELD_OUT - 1]
        for part, indices in (("train", learnt), ("test", held)):
            _write(root / part, indices, size, seed)


def _write(folder: Path, indices: list[int], size: int, seed: int) -> None:
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    pictures, annotations = [], []
    for index in indices:
        scene, name = draw(seed, index, size), f"{index:06}.png"
        Image.fromarray(scene.picture).save(folder / "images" / name)
        Image.fromarray(scene.mask).save(folder / "masks" / name)
        pictures.append({"id": index, "file_name": name, "width": size, "height": size})
        pairs = zip(scene.boxes.corners.tolist(), scene.boxes.classes.tolist(), strict=True)
        annotations += [_annotation(index, *pair) for pair in pairs]
    numbered = [{"id": place, **each} for place, each in enumerate(annotations, 1)]
    kinds = [{"id": place, "name": name} for place, name in enumerate(KINDS, 1)]
    coco = {"images": pictures, "categories": kinds, "annotations": numbered}
    (folder / "annotations.json").write_text(json.dumps(coco), encoding="utf-8")
    (folder / "classes.txt").write_text("\n".join(["ground", *KINDS]) + "\n", encoding="utf-8")


def _annotation(index: int, corners: list[float], kind: int) -> dict[str, object]:
    left, top, right, bottom = corners
    size = [right - left, bottom - top]
    return {"image_id": index, "category_id": kind + 1, "bbox": [left, top, *size], "iscrowd": 0,
            "area": size[0] * size[1]}  # fmt: skip


GENERATOR = Shapes()
