"""How well a network does its task, for people: the whole, each part, the worst images."""

from collections.abc import Iterator

from edgekit.records.scores import Part, Score
from edgekit.reports import table
from edgekit.reports.numbers import NO_VALUE, share

_WORST = 5
# Of more classes, the weakest are shown.
_MOST = 20
_LOST = 3
_LEAST_DROP = 0.0005  # what rounds to a tenth of a point
_TITLES = {
    "top1": "top-1",
    "top5": "top-5",
    "mean_class_top1": "mean of classes",
    "recall1": "recall@1",
    "recall5": "recall@5",
    "recall10": "recall@10",
    "map50": "mAP50",
    "map": "mAP50-95",
    "miou": "mIoU",
    "pixel_accuracy": "pixels right",
    "spearman": "Spearman",
}
# A rank correlation is no share of anything.
_NUMBERS = {"spearman"}


def title(metric: str) -> str:
    """What people call a metric."""
    return _TITLES.get(metric, metric)


def noun(metric: str) -> str:
    """What a metric counts."""
    return "pairs" if metric == "spearman" else "images"


def shown(metric: str, value: float | None) -> str:
    """A metric's value: in percent, or as a number of its own."""
    if metric not in _NUMBERS:
        return share(value)
    return NO_VALUE if value is None else f"{value:.4f}"


def values(score: Score) -> dict[str, float | None]:
    """The metrics of the whole set, the main one first."""
    return {score.metric: score.value, **score.others}


def whole(score: Score) -> str:
    """The metrics of the whole set, a table of one row."""
    found = values(score)
    cells = [shown(name, value) for name, value in found.items()]
    return table.render(("images", *map(title, found)), [(str(score.images), *cells)])


def parts(score: Score, before: Score | None = None) -> list[str]:
    """A table of classes, one of sizes, what lost most, and the worst images.

    Args:
        score: What is shown.
        before: The float model's, to stand beside; None for none.
    """
    found = []
    for kind, rows, others in (
        ("class", score.classes, before.classes if before else ()),
        ("size", score.sizes, before.sizes if before else ()),
    ):
        known = {part.name: part.value for part in others}
        cells = [_row(part, score.metric, known) for part in _weakest(rows)]
        more = f" (the weakest {_MOST} of {len(rows)})" if len(cells) < len(rows) else ""
        beside = ("float32", "lost, points") if known else ()
        if cells:
            columns = (kind + more, "count", title(score.metric), *beside)
            found.append(table.render(columns, cells))
        if lost := list(_lost(rows, known)):
            found.append(f"lost most, in points: {', '.join(lost[:_LOST])}")
    if score.worst:
        words = [
            f"{image.name} ({image.note})" if image.note else image.name
            for image in score.worst[:_WORST]
        ]
        found.append(f"worst images: {', '.join(words)}")
    return found


def points(before: float | None, after: float | None) -> str:
    """Hundredths that were lost."""
    if before is None or after is None:
        return NO_VALUE
    return f"{round(100 * (before - after), 1) + 0.0:.1f}"  # none of -0.0


def _row(part: Part, metric: str, before: dict[str, float | None]) -> tuple[str, ...]:
    row = (part.name, str(part.count), shown(metric, part.value))
    if not before:
        return row
    theirs = before.get(part.name)
    return (*row, shown(metric, theirs), points(theirs, part.value))


def _lost(rows: tuple[Part, ...], before: dict[str, float | None]) -> Iterator[str]:
    """Parts that lost something, the most first."""
    drops = [
        (theirs - part.value, part.name)
        for part in rows
        if part.value is not None and (theirs := before.get(part.name)) is not None
    ]
    for drop, name in sorted(drops, reverse=True):
        if drop >= _LEAST_DROP:
            yield f"{name} {100 * drop:.1f}"


def _weakest(rows: tuple[Part, ...]) -> tuple[Part, ...]:
    if len(rows) <= _MOST:
        return rows
    known = [part for part in rows if part.value is not None]
    return tuple(sorted(known, key=lambda part: part.value or 0.0)[:_MOST])
