"""What an artifact is worth on a data set, for people and for scripts."""

from typing import Any

import msgspec

from edgekit.records import LOCAL, EvalResult
from edgekit.records.scores import Score
from edgekit.reports import scores, table, titles
from edgekit.reports.numbers import NO_VALUE

_SHOWN = 5


def as_json(result: EvalResult) -> dict[str, Any]:
    """The documented object of `edgekit eval --json`."""
    record: dict[str, Any] = msgspec.to_builtins(result)
    return {**record, "lost_points": result.lost_points}


def render(result: EvalResult) -> str:
    """The metrics with the float model's below, each class and size, the worst images."""
    lines = [_whole(result), *_missing(result)]
    if result.skipped:
        names = ", ".join(result.skipped[:_SHOWN])
        lines.append(f"skipped {len(result.skipped)} files: {names}")
    if result.score:
        lines += scores.parts(result.score, result.float32)
    return "\n".join(lines)


def _whole(result: EvalResult) -> str:
    where = "" if result.device == LOCAL else f" on {result.device}"
    own = titles.values(result.score or Score(result.metric, None, {}))
    row = (
        result.artifact,
        f"{result.runtime}{where}",
        str(result.images),
        *_cells(own),
        titles.shown(result.metric, result.agreement),
    )
    columns = (
        "artifact",
        "runtime",
        titles.noun(result.metric),
        *map(titles.title, own),
        "agreement",
    )
    return table.render(columns, [row, *_beside(result, own)], left=("runtime",))


def _beside(result: EvalResult, own: dict[str, float | None]) -> list[tuple[str, ...]]:
    """The float model's row, and what was lost."""
    if result.float32 is None:
        return []
    theirs = {name: titles.values(result.float32).get(name) for name in own}
    lost = [titles.points(theirs[name], value) for name, value in own.items()]
    return [
        ("float32 beside it", "", "", *_cells(theirs), NO_VALUE),
        ("lost, points", "", "", *lost, NO_VALUE),
    ]


def _cells(values: dict[str, float | None]) -> list[str]:
    return [titles.shown(name, value) for name, value in values.items()]


def _missing(result: EvalResult) -> list[str]:
    notes = []
    if result.value is None:
        notes.append(_no_value(result))
    if result.agreement is None:
        notes.append("no agreement: the float32 artifact is not beside this one")
    return notes


def _no_value(result: EvalResult) -> str:
    if result.score is None and result.metric == "top1":
        return "no labels: one folder a class or a labels.json would give top-1"
    if result.metric == "spearman":
        return "no Spearman: the pairs come without numbers, or all have the same"
    return f"no {titles.title(result.metric)}: there is nothing to find on these images"
