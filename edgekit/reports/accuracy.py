"""Which measure of accuracy a report can set against latency, and what lies on the front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from edgekit.reports import titles
from edgekit.reports.legs import Leg


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure of accuracy that some legs have; more is better.

    Attributes:
        title: What it is.
        axis: The same in short, with its unit.
        values: The value of each leg that has it, in per cent, by the leg's number.
        images: The least and the largest number of images that it was measured on.
        relative: Whether it says how near a file is to its own float model, and so can't be
            compared between models.
    """

    title: str
    axis: str
    values: dict[int, float]
    images: tuple[int, int]
    relative: bool

    @property
    def basis(self) -> str:
        """On how many images."""
        low, high = self.images
        return f"{low} images" if low == high else f"{low} to {high} images"


Found = tuple[float, int] | None


def _axis(metric: str) -> str:
    name = titles.title(metric)
    return f"{name} x 100" if metric == "spearman" else f"{name}, %"


def _worth(metric: str, leg: Leg) -> Found:
    found = leg.accuracy
    if found is None or found.metric != metric or found.value is None:
        return None
    return 100 * found.value, found.images


def _evaluated(leg: Leg) -> Found:
    found = leg.accuracy
    return (100 * found.agreement, found.images) if found and found.agreement is not None else None


def _golden(leg: Leg) -> Found:
    golden = leg.result.samples.golden if leg.result.samples else None
    return (100 * golden.agreement, golden.images) if golden else None


# What heads are worth; no leg has two of them.
_METRICS = ("top1", "map50", "miou", "recall1", "spearman")
# The best first. Only one of them is shown: two measures on one axis would be read as one.
_MEASURES: tuple[tuple[str, str, Callable[[Leg], Found], bool], ...] = (
    *(
        (f"{titles.title(metric)} on labelled data", _axis(metric), read, False)
        for metric, read in ((name, partial(_worth, name)) for name in _METRICS)
    ),
    ("agreement with the float model's best class", "agreement, %", _evaluated, True),
    ("agreement with the float model's best class", "agreement, %", _golden, True),
)


def best_measure(legs: Sequence[Leg]) -> Measure | None:
    """The best measure that any leg has; None if none has any."""
    for title, axis, read, relative in _MEASURES:
        found = {leg.number: value for leg in legs if (value := read(leg)) is not None}
        if found:
            images = [count for _, count in found.values()]
            values = {number: value for number, (value, _) in found.items()}
            return Measure(title, axis, values, (min(images), max(images)), relative)
    return None


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The points that no other beats: less of the first, more of the second.

    Of equal points all are on it.

    Returns:
        Their places in `points`, by the first value.
    """
    order = sorted(range(len(points)), key=lambda place: (points[place][0], -points[place][1]))
    kept: list[int] = []
    for place in order:
        if not kept or points[place][1] > points[kept[-1]][1] or points[place] == points[kept[-1]]:
            kept.append(place)
    return kept
