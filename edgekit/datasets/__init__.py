"""Images with what is right for each: readers of folders, and sets that are generated.

A training set is a folder. Which reader reads it follows from what a head learns: classes, boxes
or masks. To add a kind: a module here with an object that meets `Reader`, and its line in the
table.
A generated set is written as such a folder once, so that training, calibration and evaluation
read the same files and know them by digest: a module with an object that meets `Generator`, and
its line in `GENERATORS`.
"""

from pathlib import Path
from typing import Protocol

from edgekit.datasets.items import Dataset
from edgekit.registry import Entry, Registry


class Reader(Protocol):
    """Reads one layout of folder."""

    def read(self, root: Path) -> Dataset:
        """The images below `root` with what is right for each.

        Raises:
            DataError: The folder isn't laid out so, contradicts itself, or has nothing to learn.
        """
        ...


class Generator(Protocol):
    """Writes a set of images whose truth is exact.

    Attributes:
        count: Number of images where nobody asks for another.
        size: Their height and width then, in pixels.
    """

    count: int
    size: int

    def write(self, root: Path, *, count: int, size: int, seed: int) -> None:
        """Write `train/` and `test/` into the folder `root`, which is there and empty.

        Args:
            root: The folder.
            count: Number of images of both together.
            size: Height and width of an image, in pixels.
            seed: Seed of what is drawn and of who is in which part.

        Raises:
            UsageError: There can't be so many, or of that size.
        """
        ...


READERS: Registry[Reader] = Registry(
    "kind of data set",
    {
        "classes": Entry("edgekit.datasets.folders:READER"),
        "boxes": Entry("edgekit.datasets.coco:READER"),
        "masks": Entry("edgekit.datasets.masks:READER"),
    },
)

GENERATORS: Registry[Generator] = Registry(
    "generated data set",
    {
        "digits": Entry("edgekit.datasets.digits:GENERATOR", "assets", ("sklearn",)),
        "shapes": Entry("edgekit.datasets.shapes:GENERATOR"),
    },
)
