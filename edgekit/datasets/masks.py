"""Masks: `images/` and `masks/`, files of the same name; a mask's values are class indices."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from edgekit.datasets import images
from edgekit.datasets.items import Dataset, Item, listing
from edgekit.errors import DataError
from edgekit.storage import unreadable
from edgekit.tasks.masks import IGNORED

CLASSES = "classes.txt"
_HINT = (
    "give DIR/images/NAME.jpg and DIR/masks/NAME.png, one byte a pixel: the index of its class, "
    f"{IGNORED} for what doesn't count; DIR/{CLASSES} may name the classes, one a line"
)
# One value a pixel: grey, or an index into a palette.
_MODES = {"L", "P"}


class MaskReader:
    """Reads pairs of image and mask."""

    def read(self, root: Path) -> Dataset:
        """The pairs below `root`."""
        for name in ("images", "masks"):
            if not (root / name).is_dir():
                raise DataError(f"there is no folder {root / name}", hint=_HINT)
        photos = images.folder(root / "images")
        masks = _named(root / "masks", sorted((root / "masks").rglob("*.*")))
        pictures = _named(root / "images", photos.paths)
        pairs = [(path, masks[name]) for name, path in pictures.items() if name in masks]
        if not pairs:
            raise DataError(f"{root} has no mask of any image's name", hint=_HINT)
        used = set[int]().union(*(_values(*pair) for pair in pairs)) - {IGNORED}
        names = _names(root, used)
        if len(names) == 1:
            message = f"{root} has masks of one class only, {names[0]!r}: nothing to tell apart"
            raise DataError(message, hint=f"give the ground 0 and objects 1 and up. {_HINT}")
        notes = _notes(photos, len(photos.paths) - len(pairs))
        if unused := [name for place, name in enumerate(names) if place not in used]:
            notes.append(f"classes without a pixel: {listing(unused)}")
        items = tuple(Item(*pair) for pair in pairs)
        return Dataset(str(root), names, items, tuple(notes))


def _named(folder: Path, paths: Iterable[Path]) -> dict[Path, Path]:
    """Files by their names below `folder`, without what says their format."""
    return {path.relative_to(folder).with_suffix(""): path for path in paths}


def _notes(photos: images.Photos, unmasked: int) -> list[str]:
    notes = []
    if photos.skipped:
        count = len(photos.skipped)
        notes.append(f"skipped {count} files that are no image: {listing(photos.skipped)}")
    if unmasked:
        notes.append(f"{unmasked} images left out that have no mask")
    return notes


def _values(path: Path, mask: Path) -> set[int]:
    """The values of a mask that fits its image."""
    drawn, picture = images.read(mask), images.read(path)
    if drawn.mode not in _MODES:
        message = f"{mask} has mode {drawn.mode}, not one value a pixel"
        raise DataError(message, hint=_HINT)
    if drawn.size != picture.size:
        sizes = [f"{size[0]}x{size[1]}" for size in (drawn.size, picture.size)]
        raise DataError(
            f"{mask} is {sizes[0]} pixels, its image {path.name} is {sizes[1]}",
            hint="give each image a mask of its own size",
        )
    return set(map(int, np.unique(np.asarray(drawn))))


def _names(root: Path, used: set[int]) -> tuple[str, ...]:
    names = _listed(root / CLASSES)
    if not names:
        return tuple(map(str, range(max(used, default=0) + 1)))
    if strange := sorted(value for value in used if value >= len(names)):
        raise DataError(
            f"{root} has masks with classes that {CLASSES} doesn't name: "
            f"{listing(list(map(str, strange)))}",
            hint=f"its {len(names)} names are those of 0 to {len(names) - 1}",
        )
    return names


def _listed(path: Path) -> tuple[str, ...]:
    """The names in `path`, one a line; none where there is no such file."""
    try:
        text = path.read_text(encoding="utf-8").rstrip() if path.is_file() else ""
    except OSError as error:
        raise unreadable(path, error) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text: {error}", hint="one name a line") from error
    names = tuple(line.strip() for line in text.split("\n")) if text else ()
    if "" in names:
        raise DataError(
            f"{path} names no class in line {names.index('') + 1}: those below would be shifted",
            hint="give each class a line, in the order of the masks' values",
        )
    return names


READER = MaskReader()
