"""A set to learn from: pictures on disk, and what is right for each."""

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.datasets import images
from edgekit.errors import DataError
from edgekit.records import digest
from edgekit.storage import file_sha256
from edgekit.tasks.masks import IGNORED

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.uint8]
_SHOWN = 5


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """The objects of one picture.

    Attributes:
        corners: Left, top, right, bottom of each, in pixels of the picture, shape (n, 4),
            float32. Right and bottom are the first that don't belong to it.
        classes: Class of each, shape (n,), int64.
    """

    corners: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Item:
    """One picture.

    Attributes:
        path: Its file.
        right: Its class, its objects, or the file of its mask.
    """

    path: Path
    right: int | Boxes | Path


@dataclass(frozen=True, slots=True)
class Dataset:
    """Pictures with what is right for each; read when they are asked for.

    Attributes:
        source: Where they come from, for people.
        names: Names of the classes in order.
        items: The pictures.
        notes: What was passed over or mended, and why, in a line each.
        table: The class that each value of a mask stands for; empty where it is the value itself.
    """

    source: str
    names: tuple[str, ...]
    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()
    table: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Picture, Any]:
        """Picture (H, W, 3) and target of one item: its class, its `Boxes`, or its mask (H, W).

        Raises:
            DataError: A file can't be read any more.
        """
        item = self.items[index]
        return np.asarray(images.read(item.path).convert("RGB")), self.right(index)

    def right(self, index: int) -> Any:
        """What is right for one item, without its picture.

        Raises:
            DataError: A file can't be read any more.
        """
        right = self.items[index].right
        if not isinstance(right, Path):
            return right
        mask = np.asarray(images.read(right))
        return _looked_up(mask, self.table) if self.table else mask

    def take(self, chosen: Sequence[int]) -> "Dataset":
        """The items of these indices, in their order."""
        return replace(self, items=tuple(self.items[index] for index in chosen))

    @property
    def files(self) -> tuple[str, ...]:
        """Name of each picture's file, as in `images.named`."""
        return images.named(self.source, [item.path for item in self.items])

    def file_digests(self) -> tuple[str, ...]:
        """SHA-256 of each picture's file."""
        stats = ((item.path, item.path.stat()) for item in self.items)
        return tuple(_digest(path, stat.st_mtime_ns, stat.st_size) for path, stat in stats)

    @property
    def sha256(self) -> str:
        """Digest of the pictures and of what is right for each, wherever they lie."""
        rows = zip(self.file_digests(), map(_content, self.items), strict=True)
        return digest([self.names, list(rows), *self.table])


def _looked_up(mask: Mask, table: Sequence[int]) -> Mask:
    whole = np.full(IGNORED + 1, IGNORED, np.uint8)
    whole[: len(table)] = table
    return whole[mask]


@functools.lru_cache(maxsize=1 << 17)
def _digest(path: Path, mtime_ns: int, size_bytes: int) -> str:
    """Read once: a training asks for the same files several times."""
    del mtime_ns, size_bytes  # another file under this name is another one
    return file_sha256(path)


def _content(item: Item) -> object:
    match item.right:
        case Path():
            return file_sha256(item.right)
        case Boxes():
            return [item.right.corners.tolist(), item.right.classes.tolist()]
        case int():
            return item.right


def split(dataset: Dataset, share: float, seed: int) -> tuple[Dataset, Dataset]:
    """Two parts: what is learnt from, and what is held out.

    Copies of a picture stay together, or the numbers would flatter. Where each picture has one
    class, each class gives its share, one picture at least.

    Args:
        dataset: The pictures.
        share: Share of each class to hold out, between 0 and 1.
        seed: Seed of who is held out.

    Raises:
        DataError: One part would be empty, or a class would have nothing to learn from.
    """
    held: set[int] = set()
    for group in _groups(dataset):
        if len(group) < 2:  # noqa: PLR2004 -- one for each part
            raise DataError(
                f"{dataset.source} has {_alone(dataset, group)}: one part would be empty",
                hint="give more images, or others to measure on with --val",
            )
        order = np.random.default_rng(seed).permutation(len(group))
        count = min(max(1, round(share * len(group))), len(group) - 1)
        held.update(index for place in order[:count] for index in group[place])
    rest = [index for index in range(len(dataset)) if index not in held]
    return dataset.take(rest), dataset.take(sorted(held))


def _groups(dataset: Dataset) -> list[list[list[int]]]:
    """Indices by class, where there is one a picture, and within it by content."""
    copies: dict[str, list[int]] = {}
    for index, sha256 in enumerate(dataset.file_digests()):
        copies.setdefault(sha256, []).append(index)
    classes: dict[int, list[list[int]]] = {}
    for indices in copies.values():
        right = dataset.items[indices[0]].right
        classes.setdefault(right if isinstance(right, int) else 0, []).append(indices)
    return list(classes.values())


def _alone(dataset: Dataset, group: list[list[int]]) -> str:
    right = dataset.items[group[0][0]].right
    of = f" of class {dataset.names[right]!r}" if isinstance(right, int) else ""
    return f"only one picture{of}"


def check_apart(learnt: Dataset, measured: Dataset) -> None:
    """Refuse to measure on what was learnt from.

    Raises:
        DataError: With the first of them, or where the classes are others.
    """
    if learnt.names != measured.names:
        raise DataError(
            f"{measured.source} has other classes than {learnt.source}: "
            f"{', '.join(measured.names[:_SHOWN])} and {', '.join(learnt.names[:_SHOWN])}",
            hint="give both the same classes, in the same order",
        )
    known = set(learnt.file_digests())
    pairs = zip(measured.files, measured.file_digests(), strict=True)
    both = [name for name, sha256 in pairs if sha256 in known]
    if both:
        raise DataError(
            f"{len(both)} images of {measured.source} are learnt from too: "
            f"{', '.join(both[:_SHOWN])}{', ...' if len(both) > _SHOWN else ''}",
            hint="measure on others: on these the numbers would flatter",
        )


def gaps(learnt: Dataset, measured: Dataset) -> tuple[str, ...]:
    """Classes that only one of two parts has anything of, in a line each; masks aren't read."""
    ours, theirs = map(_classes, (learnt, measured))
    if ours and not theirs:
        return ("no image to measure on has anything on it: nothing says how good this is",)
    lines = {
        "nothing to measure on has anything of": ours - theirs,
        "nothing to learn from has anything of": theirs - ours,
    }
    return tuple(
        f"{words}: {listing([learnt.names[index] for index in sorted(lacking)])}"
        for words, lacking in lines.items()
        if lacking
    )


def _classes(dataset: Dataset) -> set[int]:
    """Indices of the classes that there is something of."""
    found: set[int] = set()
    for item in dataset.items:
        match item.right:
            case Boxes():
                found.update(map(int, item.right.classes))
            case int():
                found.add(item.right)
            case Path():
                pass
    return found


def contradictions(dataset: Dataset) -> tuple[str, ...]:
    """Pictures that lie in two classes, byte for byte, in a line; nothing where none does."""
    first: dict[str, int] = {}
    names, digests = dataset.files, dataset.file_digests()
    both = []
    for index, (item, sha256) in enumerate(zip(dataset.items, digests, strict=True)):
        before = first.setdefault(sha256, index)
        if isinstance(item.right, int) and item.right != dataset.items[before].right:
            both.append(f"{names[before]} and {names[index]}")
    return (f"the same picture is of two classes: {listing(both)}",) if both else ()


def check_names(dataset: Dataset) -> None:
    """Refuse names of classes that a list of names, one a line, can't tell apart.

    Raises:
        DataError: With the first of them.
    """
    broken = [name for name in dataset.names if name.splitlines() != [name]]
    twice = [name for name, count in Counter(dataset.names).items() if count > 1]
    if wrong := [*broken, *twice]:
        raise DataError(
            f"{dataset.source} has a class named {wrong[0]!r}: "
            f"{'a name is one line' if broken else 'two have that name'}",
            hint="give each class a name of its own, in one line",
        )


def listing(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
