"""How well a network does its task, for people: the whole, each part, the worst images."""

from edgekit.records.scores import Part, Score
from edgekit.reports import table
from edgekit.reports.numbers import share

_WORST = 5
# Of more classes, the weakest are shown.
_MOST = 20


def whole(score: Score) -> str:
    """The metrics of the whole set, a table of one row."""
    values = {score.metric: score.value, **score.others}
    return table.render(("images", *values), [(str(score.images), *map(share, values.values()))])


def parts(score: Score) -> list[str]:
    """A table of classes, one of sizes, and the worst images."""
    found = []
    for title, rows in (("class", score.classes), ("size", score.sizes)):
        cells = [(part.name, str(part.count), share(part.value)) for part in _weakest(rows)]
        more = f" (the weakest {_MOST} of {len(rows)})" if len(cells) < len(rows) else ""
        if cells:
            found.append(table.render((title + more, "count", score.metric), cells))
    if score.worst:
        words = [
            f"{image.name} ({image.note})" if image.note else image.name
            for image in score.worst[:_WORST]
        ]
        found.append(f"worst images: {', '.join(words)}")
    return found


def _weakest(rows: tuple[Part, ...]) -> tuple[Part, ...]:
    if len(rows) <= _MOST:
        return rows
    known = [part for part in rows if part.value is not None]
    return tuple(sorted(known, key=lambda part: part.value or 0.0)[:_MOST])
