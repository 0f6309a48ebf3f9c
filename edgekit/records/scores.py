"""Records of how well a network does its task: never a mean alone."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """How well it does on a part of the set.

    Attributes:
        name: A class, or a size of objects.
        count: How many images, objects or pixels of it there are.
        value: The score's own metric for it, from 0 to 1; None where there is nothing of it.
    """

    name: str
    count: int
    value: float | None


@dataclass(frozen=True, slots=True)
class Image:
    """How well it does on one image.

    Attributes:
        name: The image's file.
        value: From 0 to 1, where 1 is all right; of its own kind for each metric.
        note: What went wrong, in a few words.
    """

    name: str
    value: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """How well a network does on a set.

    Attributes:
        metric: What is measured: `top1`, `map50`, `miou`, `recall1`, `spearman`.
        value: Its value for the whole set; None where there is nothing to measure.
        others: Further metrics of the whole set, by name.
        classes: The metric for each class.
        sizes: The metric for small, medium and large objects.
        worst: The images that it does worst on, the worst first.
        images: Number of images.
    """

    metric: str
    value: float | None
    others: dict[str, float | None]
    classes: tuple[Part, ...] = ()
    sizes: tuple[Part, ...] = ()
    worst: tuple[Image, ...] = ()
    images: int = 0
