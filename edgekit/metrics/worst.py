"""The images that a network does worst on."""

from collections.abc import Iterable

from edgekit.records.scores import Image

SHOWN = 12


def worst(images: Iterable[Image]) -> tuple[Image, ...]:
    """The worst dozen of those that aren't all right, the worst first; of equals by name."""
    wrong = (image for image in images if image.value < 1.0)
    return tuple(sorted(wrong, key=lambda image: (image.value, image.name))[:SHOWN])
