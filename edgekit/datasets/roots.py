"""The root of a data set: its parts, and which of its files are photos."""

from pathlib import Path

from edgekit.datasets import coco, images, labels, masks

# Names of parts of a folder of data: what is learnt from, what is measured on.
_LEARNT, _MEASURED = "train", ("test", "val", "valid", "validation")
_LISTS = {*coco.NAMES, masks.CLASSES, labels.LABELS}


def parts(root: Path) -> tuple[Path, Path | None]:
    """What is learnt from and what is measured on: the whole and None where it isn't divided."""
    measured = [root / name for name in _MEASURED if (root / name).is_dir()]
    divided = (root / _LEARNT).is_dir() and measured
    return (root / _LEARNT, measured[0]) if divided else (root, None)


def measured(root: Path) -> Path:
    """The part of `root` that is measured on."""
    return parts(root)[1] or root


def others(root: Path) -> list[Path]:
    """Folders within `root` or beside it that are measured on, if `root` itself isn't one."""
    held = [place / name for place in (root, root.parent) for name in _MEASURED]
    return [path for path in held if path.is_dir() and path != root]


def learnt(root: Path) -> images.Photos:
    """The photos below the part of `root` that is learnt from; masks and lists are none.

    Raises:
        DataError: The folder is missing, empty, or holds no image that can be read.
    """
    return photos(parts(root)[0])


def photos(root: Path) -> images.Photos:
    """The photos of a data set of any kind, or of any other folder; masks and lists are none.

    Raises:
        DataError: The folder is missing, empty, or holds no image that can be read.
    """
    within = root / "images"
    listed = (root / "masks").is_dir() or any((root / name).is_file() for name in coco.NAMES)
    found = images.folder(within if listed and within.is_dir() else root)
    skipped = tuple(name for name in found.skipped if name not in _LISTS)
    return images.Photos(str(root), found.paths, skipped)
