"""Labelled images: a folder with `labels.json`, or one folder a class."""

import json
from dataclasses import dataclass
from pathlib import Path

from edgekit.datasets import images
from edgekit.errors import DataError

LABELS = "labels.json"
_HINT = (
    "give one folder a class, or a labels.json that maps each file name to the list of right "
    "class indices"
)


@dataclass(frozen=True, slots=True)
class Labelled:
    """Images with what is right for each.

    Attributes:
        photos: The images that can be read.
        right: For each image the class indices that count as right; empty if it has no label.
    """

    photos: images.Photos
    right: tuple[frozenset[int], ...]


def read(root: Path, classes: tuple[str, ...]) -> Labelled:
    """The images below `root` with their labels.

    `labels.json` in the folder wins: the images that it names are read, whatever else lies there.
    Then class folders: named by the class's index, by the class's name among `classes`, or else
    counted in sorted order if there are as many folders as classes. A flat folder without labels
    gives images without labels.

    Args:
        root: The folder.
        classes: Names of the model's classes in order; empty if they aren't known.

    Raises:
        DataError: There is no image, or labels and images don't fit.
    """
    photos = images.folder(root)
    if (root / LABELS).is_file():
        return _from_file(root, photos)
    return Labelled(photos, _from_folders(root, photos.paths, classes))


def _from_file(root: Path, photos: images.Photos) -> Labelled:
    path = root / LABELS
    try:
        table = {
            name: frozenset(int(index) for index in right)
            for name, right in json.loads(path.read_bytes()).items()
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{path} can't be read as labels: {error}", hint=_HINT) from error
    named = {image: _lookup(table, image.relative_to(root)) for image in photos.paths}
    paths = tuple(image for image in photos.paths if named[image])
    if not paths:
        raise DataError(f"{path} has no label for any image in {root}", hint=_HINT)
    skipped = tuple(name for name in photos.skipped if _lookup(table, Path(name)))
    return Labelled(
        images.Photos(photos.source, paths, skipped), tuple(named[image] for image in paths)
    )


def _lookup(table: dict[str, frozenset[int]], image: Path) -> frozenset[int]:
    return table.get(image.as_posix()) or table.get(image.name) or frozenset()


def _from_folders(
    root: Path, paths: tuple[Path, ...], classes: tuple[str, ...]
) -> tuple[frozenset[int], ...]:
    parts = [image.relative_to(root).parts for image in paths]
    if any(len(part) == 1 for part in parts):
        return tuple(frozenset() for _ in paths)
    names = sorted({part[0] for part in parts})
    index = _class_indices(names, classes)
    return tuple(frozenset({index[part[0]]}) for part in parts)


def _class_indices(names: list[str], classes: tuple[str, ...]) -> dict[str, int]:
    if all(name.isdecimal() for name in names):
        return {name: int(name) for name in names}
    if all(name in classes for name in names):
        return {name: classes.index(name) for name in names}
    if not classes or len(names) == len(classes):
        return {name: index for index, name in enumerate(names)}
    strangers = ", ".join(name for name in names if name not in classes)
    raise DataError(
        f"class folders that are no class of the model: {strangers}",
        hint="name the folders by class index or class name",
    )
