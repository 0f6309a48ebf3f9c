"""How well a network does its task, for people: the whole, each part, the worst images."""

from collections.abc import Iterator

from edgekit.records.scores import Part, Score
from edgekit.reports import table, titles

_WORST = 5
# Of more classes, the weakest are shown.
_MOST = 20
_LOST = 3
_LEAST_DROP = 0.0005  # what rounds to a tenth of a point


def whole(score: Score) -> str:
    """The metrics of the whole set, a table of one row."""
    found = titles.values(score)
    cells = [titles.shown(name, value) for name, value in found.items()]
    return table.render(("images", *map(titles.title, found)), [(str(score.images), *cells)])


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
        shown = _weakest(rows)
        cells = [_row(part, score.metric, known) for part in shown]
        beside = ("float32", "lost, points") if known else ()
        if cells:
            columns = (kind + _which(shown, rows), "count", titles.title(score.metric), *beside)
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


def _row(part: Part, metric: str, before: dict[str, float | None]) -> tuple[str, ...]:
    row = (part.name, str(part.count), titles.shown(metric, part.value))
    if not before:
        return row
    theirs = before.get(part.name)
    return (*row, titles.shown(metric, theirs), titles.points(theirs, part.value))


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


def _which(shown: tuple[Part, ...], rows: tuple[Part, ...]) -> str:
    """Which of many parts are shown; nothing where all are."""
    known = sum(part.value is not None for part in rows)
    if len(shown) < known:
        return f" (the weakest {len(shown)} of {known})"
    return f" ({known} of {len(rows)}, nothing of the others)" * (len(shown) < len(rows))


def _weakest(rows: tuple[Part, ...]) -> tuple[Part, ...]:
    if len(rows) <= _MOST:
        return rows
    known = [part for part in rows if part.value is not None]
    return tuple(sorted(known, key=lambda part: part.value or 0.0)[:_MOST])
