"""Boxes as COCO writes them: one JSON file beside the images."""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from edgekit.datasets import images
from edgekit.datasets.items import Boxes, Dataset, Item, listing
from edgekit.errors import DataError

# As COCO's own tools, Roboflow and CVAT call the file.
NAMES = ("annotations.json", "_annotations.coco.json", "instances_default.json")
_HINT = "give a folder with annotations.json in COCO's format, and the images beside it"
_CORNERS = 4


class Picture(msgspec.Struct):
    """An image, as the file lists it."""

    id: int
    file_name: str
    width: int
    height: int


class Category(msgspec.Struct):
    """A class."""

    id: int
    name: str


class Annotation(msgspec.Struct):
    """An object: `bbox` is left, top, width, height in pixels."""

    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    iscrowd: int = 0


class Coco(msgspec.Struct):
    """The file, as far as it is read."""

    images: list[Picture]
    categories: list[Category]
    annotations: list[Annotation]


@dataclass(slots=True)
class _Faults:
    """What was passed over or mended."""

    counts: Counter[str]

    def notes(self) -> tuple[str, ...]:
        return tuple(f"{count} {what}" for what, count in self.counts.items())


class CocoReader:
    """Reads COCO's boxes."""

    def read(self, root: Path) -> Dataset:
        """The images that the file lists and that can be read, with their boxes.

        Boxes are cut at the edge of their image; those of no area, those outside of it and
        crowds are left out. The notes say how many.
        """
        path = _file(root)
        coco = _decode(path)
        _check(path, coco)
        faults = _Faults(Counter())
        index = {each.id: place for place, each in enumerate(_ordered(coco))}
        objects: dict[int, list[Annotation]] = {each.id: [] for each in coco.images}
        for each in coco.annotations:
            objects[each.image_id].append(each)
        items = [
            Item(place, _boxes(each, objects[each.id], index, faults))
            for each in coco.images
            if (place := _place(root, each, faults)) is not None
        ]
        names = tuple(each.name for each in _ordered(coco))
        _check_items(path, items, names, faults)
        return Dataset(str(root), names, tuple(items), faults.notes())


def _file(root: Path) -> Path:
    if not root.is_dir():
        raise DataError(f"there is no folder {root}", hint=_HINT)
    found = [root / name for name in NAMES if (root / name).is_file()]
    if not found:
        raise DataError(f"{root} has no {' or '.join(NAMES)}", hint=_HINT)
    return found[0]


def _decode(path: Path) -> Coco:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Coco)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DataError(f"{path} can't be read as COCO's boxes: {error}", hint=_HINT) from error


def _ordered(coco: Coco) -> list[Category]:
    return sorted(coco.categories, key=lambda each: each.id)


def _check(path: Path, coco: Coco) -> None:
    """Refuse a file that contradicts itself."""
    kinds = {"image": [each.id for each in coco.images]}
    kinds["category"] = [each.id for each in coco.categories]
    for kind, ids in kinds.items():
        twice = sorted(identifier for identifier, count in Counter(ids).items() if count > 1)
        if twice:
            message = f"{path} has {kind} ids that stand for two: {listing(list(map(str, twice)))}"
            raise DataError(message, hint=f"give each {kind} an id of its own")
        uses = [getattr(each, f"{kind}_id") for each in coco.annotations]
        wrong = sorted(set(uses) - set(ids))
        if wrong:
            raise DataError(
                f"{path} has boxes with {kind} ids that it doesn't list: "
                f"{listing(list(map(str, wrong)))}",
                hint=f"the {kind} ids that it lists: {listing(list(map(str, sorted(ids))))}",
            )


def _place(root: Path, picture: Picture, faults: _Faults) -> Path | None:
    """Where the image lies; None where it can't be read."""
    # No file has a name with a zero byte in it, and asking for one is an error.
    for folder in (root, root / "images") if "\0" not in picture.file_name else ():
        path = folder / picture.file_name
        if root.resolve() not in path.resolve().parents:
            raise DataError(
                f"{root} lists the image {picture.file_name!r}, which is outside of it",
                hint="name images by their paths below the folder",
            )
        if path.is_file() and images.is_readable(path):
            _check_size(path, picture)
            return path
    faults.counts["images left out that are missing or can't be read"] += 1
    return None


def _check_size(path: Path, picture: Picture) -> None:
    size = images.read(path).size
    if size != (picture.width, picture.height):
        raise DataError(
            f"{path} is {size[0]}x{size[1]} pixels, but its boxes are for "
            f"{picture.width}x{picture.height}",
            hint="give the images that the boxes were drawn on, or correct width and height",
        )


def _boxes(
    picture: Picture, objects: list[Annotation], index: dict[int, int], faults: _Faults
) -> Boxes:
    corners, classes = [], []
    for each in objects:
        cut = _corners(each, picture, faults)
        if cut is not None:
            corners.append(cut)
            classes.append(index[each.category_id])
    return Boxes(np.array(corners, np.float32).reshape(-1, _CORNERS), np.array(classes, np.int64))


def _corners(
    each: Annotation, picture: Picture, faults: _Faults
) -> tuple[float, float, float, float] | None:
    """The box cut at the edge of the image; None where nothing is left of it."""
    left, top, width, height = each.bbox
    if each.iscrowd:
        faults.counts["crowds left out"] += 1
        return None
    if not all(map(math.isfinite, each.bbox)) or width <= 0 or height <= 0:
        faults.counts["boxes left out that have no area"] += 1
        return None
    right, bottom = min(left + width, picture.width), min(top + height, picture.height)
    cut = (max(left, 0.0), max(top, 0.0), right, bottom)
    if cut[0] >= right or cut[1] >= bottom:
        faults.counts["boxes left out that are outside their image"] += 1
        return None
    if cut != (left, top, left + width, top + height):
        faults.counts["boxes cut at the edge of their image"] += 1
    return cut


def _check_items(path: Path, items: list[Item], names: tuple[str, ...], faults: _Faults) -> None:
    boxes = [item.right for item in items if isinstance(item.right, Boxes)]
    seen = {int(index) for each in boxes for index in each.classes}
    if not seen:
        raise DataError(f"{path} has no box on any image that can be read", hint=_HINT)
    if empty := [name for place, name in enumerate(names) if place not in seen]:
        faults.counts[f"classes without a box: {listing(empty)}"] = len(empty)


READER = CocoReader()
