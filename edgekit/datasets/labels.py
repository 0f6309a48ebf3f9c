"""Labelled images: a folder with `labels.json`, or one folder a class."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgekit.datasets import images
from edgekit.errors import DataError
from edgekit.records import Artifact

LABELS = "labels.json"
_HINT = (
    "give one folder a class, or a labels.json that maps each file name to the list of right "
    "class indices"
)


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of a model.

    Attributes:
        count: How many.
        names: Their names in order; empty if they aren't known.
    """

    count: int
    names: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[str, ...]:
        """What each is called in what people read: its name, or its number."""
        return self.names or tuple(map(str, range(self.count)))


@dataclass(frozen=True, slots=True)
class Labelled:
    """Images with what is right for each.

    Attributes:
        photos: The images that can be read; `skipped` names labelled ones that can't, or are not
            there.
        right: For each image the class indices that count as right; empty if it has no label.
        notes: What was guessed, in a line each.
    """

    photos: images.Photos
    right: tuple[frozenset[int], ...]
    notes: tuple[str, ...] = ()


def of(artifact: Artifact) -> Classes:
    """The classes of an artifact's model."""
    path = artifact.file("labels")
    names = tuple(path.read_text(encoding="utf-8").splitlines()) if path else ()
    return Classes(artifact.spec.classes, names)


def read(root: Path, classes: Classes) -> Labelled:
    """The images below `root` with their labels.

    `labels.json` in the folder wins: the images that it names are read, whatever else lies there.
    Then class folders: named by the class's name, by its index, or else counted in sorted
    order if there are as many folders as classes and the model knows none by its name. A flat
    folder without labels gives images without labels.

    Args:
        root: The folder.
        classes: The model's classes.

    Raises:
        DataError: There is no image, or labels, classes and images don't fit.
    """
    photos = images.folder(root)
    if (root / LABELS).is_file():
        found = _from_file(root, photos)
    else:
        found = _from_folders(root, photos, classes)
    wrong = {index for right in found.right for index in right if not 0 <= index < classes.count}
    if wrong:
        raise DataError(
            f"{root} has labels that the model has no class for: {sorted(wrong)[:5]}",
            hint=f"the model's classes are 0 to {classes.count - 1}",
        )
    return found


def _from_file(root: Path, photos: images.Photos) -> Labelled:
    path = root / LABELS
    try:
        stored = msgspec.json.decode(path.read_bytes(), type=dict[str, list[int]], strict=True)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DataError(f"{path} can't be read as labels: {error}", hint=_HINT) from error
    table = {name: frozenset(right) for name, right in stored.items()}
    names = {image: _named(table, image.relative_to(root)) for image in photos.paths}
    paths = tuple(image for image in photos.paths if names[image])
    if not paths:
        raise DataError(f"{path} has no label for any image in {root}", hint=_HINT)
    absent = sorted(set(table) - {names[image] for image in paths})
    return Labelled(
        images.Photos(photos.source, paths, tuple(absent)),
        tuple(table[names[image]] for image in paths),
    )


def _named(table: dict[str, frozenset[int]], image: Path) -> str:
    """The name that `image` has in `table`: its path below the folder, or its own; else empty."""
    return next((name for name in (image.as_posix(), image.name) if table.get(name)), "")


def _from_folders(root: Path, photos: images.Photos, classes: Classes) -> Labelled:
    parts = [image.relative_to(root).parts for image in photos.paths]
    if any(len(part) == 1 for part in parts):
        return Labelled(photos, tuple(frozenset() for _ in parts))
    names = sorted({part[0] for part in parts})
    index, notes = _class_indices(names, classes)
    return Labelled(photos, tuple(frozenset({index[part[0]]}) for part in parts), notes)


def _class_indices(names: list[str], classes: Classes) -> tuple[dict[str, int], tuple[str, ...]]:
    """Index of each folder, and what was guessed."""
    # A name may be a number, and another one than its index.
    if all(name in classes.names for name in names):
        return {name: classes.names.index(name) for name in names}, ()
    if all(name.isascii() and name.isdecimal() for name in names):
        return {name: int(name) for name in names}, ()
    strangers = [name for name in names if name not in classes.names]
    if len(names) == classes.count == len(strangers):
        guess = f"the model knows no class by the name {names[0]!r}: folders count as sorted"
        return {name: at for at, name in enumerate(names)}, (guess,) * bool(classes.names)
    raise DataError(
        f"{len(names)} class folders, {classes.count} classes; no class of the model: "
        f"{', '.join(strangers)}",
        hint="name the folders by class index or class name, or give one for every class",
    )
