"""Class folders: one folder a class, named as the class."""

from pathlib import Path

from edgekit.datasets import images
from edgekit.datasets.items import Dataset, Item, listing
from edgekit.errors import DataError

_HINT = "give one folder a class with its images in it: DIR/cat/1.jpg, DIR/dog/1.jpg, ..."


class FolderReader:
    """Reads class folders."""

    def read(self, root: Path) -> Dataset:
        """The images of each class folder; classes are in the order of their names.

        Names that are all whole numbers are in the order of the numbers.
        """
        photos = images.folder(root)
        loose = [path.name for path in photos.paths if path.parent == root]
        if loose:
            message = f"{root} holds images that lie in no class folder: {listing(loose)}"
            raise DataError(message, hint=_HINT)
        names = _names(root)
        found = {path.relative_to(root).parts[0] for path in photos.paths}
        if empty := [name for name in names if name not in found]:
            raise DataError(
                f"{root} has classes without an image that can be read: {listing(empty)}",
                hint="put images into those folders, or remove them",
            )
        if len(names) == 1:
            message = f"{root} has one class only, {names[0]!r}: there is nothing to tell apart"
            raise DataError(message, hint=_HINT)
        index = {name: place for place, name in enumerate(names)}
        items = (Item(path, index[path.relative_to(root).parts[0]]) for path in photos.paths)
        skipped = f"skipped {len(photos.skipped)} files that are no image: "
        notes = (skipped + listing(photos.skipped),) if photos.skipped else ()
        return Dataset(str(root), names, tuple(items), notes)


def _names(root: Path) -> tuple[str, ...]:
    names = sorted(
        path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
    if all(name.isascii() and name.isdecimal() for name in names):
        names.sort(key=int)
    return tuple(names)


READER = FolderReader()
