"""Records of what a network says of photos."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thing:
    """A class that was found.

    Attributes:
        name: The class.
        index: Its number, from 0.
        score: How sure it is, from 0 to 1; of a class of a mask its share of the photo's pixels.
        box: Left, top, right and bottom in pixels of the photo; None for what has no place.
    """

    name: str
    index: int
    score: float
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a network says of one photo.

    Attributes:
        file: The photo.
        things: The surest first.
    """

    file: str
    things: tuple[Thing, ...]


@dataclass(frozen=True, slots=True)
class Predictions:
    """What an artifact says of photos.

    Attributes:
        artifact: Name of the artifact.
        sha256: Digest of its model file.
        runtime: What ran it.
        device: The machine that ran it.
        metric: What it is measured by, which says of which kind it is: `top1`, `map50`, `miou`.
        photos: One for each photo, in the order asked.
        skipped: Files that could not be read as images.
    """

    artifact: str
    sha256: str
    runtime: str
    device: str
    metric: str
    photos: tuple[Prediction, ...]
    skipped: tuple[str, ...] = ()
