"""Photos on disk: which files of a folder are images, and their tensors, made when asked for."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from edgekit import pixels
from edgekit.errors import DataError
from edgekit.records import Preprocess

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Photos:
    """Images that can be read.

    Attributes:
        source: Where they come from, for people.
        paths: The files, in the order of use.
        skipped: Names of files that are no image, or a broken one.
    """

    source: str
    paths: tuple[Path, ...]
    skipped: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the files, as in `named`."""
        return named(self.source, self.paths)


def named(source: str, paths: Sequence[Path]) -> tuple[str, ...]:
    """Names that tell files apart: below the folder that they come from, where that is one.

    Args:
        source: The folder, or other words on where they come from.
        paths: The files.
    """
    root = Path(source)
    return tuple(
        path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
        for path in paths
    )


def folder(root: Path) -> Photos:
    """All images below `root`, sorted by path; hidden files and folders are passed over.

    Raises:
        DataError: The folder is missing, empty, or holds no image that can be read.
    """
    hint = "name a folder of photos (JPEG, PNG, ...) like those that the model will see"
    if not root.is_dir():
        raise DataError(f"there is no folder {root}", hint=hint)
    files = sorted(
        path
        for path in root.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    )
    if not files:
        raise DataError(f"{root} is empty", hint=hint)
    good = tuple(path for path in files if is_readable(path))
    skipped = tuple(str(path.relative_to(root)) for path in files if path not in set(good))
    if not good:
        more = f" and {len(skipped) - _SHOWN} more" if len(skipped) > _SHOWN else ""
        names = ", ".join(skipped[:_SHOWN]) + more
        raise DataError(f"{root} holds no image that can be read: {names}", hint=hint)
    return Photos(str(root), good, skipped)


def is_readable(path: Path) -> bool:
    """Whether the whole of `path` decodes as an image."""
    try:
        read(path)
    except DataError:
        return False
    return True


def read(path: Path) -> Image.Image:
    """The decoded image.

    Raises:
        DataError: The file is no image, a broken one, or one that would fill the memory.
    """
    try:
        with warnings.catch_warnings():
            # A picture large enough to be warned of is a picture that no camera made.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                image.load()
                return image.copy()
    except (
        OSError,
        SyntaxError,
        ValueError,
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise DataError(
            f"{path} is not an image that can be read: {error}", hint="remove it"
        ) from (error)


class Tensors(Sequence[npt.NDArray[np.float32]]):
    """The tensors (3, H, W) of photos, decoded when they are asked for: a set may be large."""

    def __init__(self, preprocess: Preprocess, paths: Sequence[Path]) -> None:
        self._preprocess = preprocess
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, index: int) -> npt.NDArray[np.float32]: ...

    @overload
    def __getitem__(self, index: slice) -> "Tensors": ...

    def __getitem__(self, index: int | slice) -> "npt.NDArray[np.float32] | Tensors":
        if isinstance(index, slice):
            return Tensors(self._preprocess, self._paths[index])
        return pixels.apply(self._preprocess, read(self._paths[index]))

    def __iter__(self) -> Iterator[npt.NDArray[np.float32]]:
        return (self[index] for index in range(len(self)))

    def stack(self) -> npt.NDArray[np.float32]:
        """All of them, shape (N, 3, H, W)."""
        return np.stack(list(self))
