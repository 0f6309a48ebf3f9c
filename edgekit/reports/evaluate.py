"""Accuracy, for people and for scripts."""

from typing import Any

import msgspec

from edgekit.records import LOCAL, EvalResult
from edgekit.reports import scores, table


def as_json(result: EvalResult) -> dict[str, Any]:
    """The documented object of `edgekit eval --json`."""
    record: dict[str, Any] = msgspec.to_builtins(result)
    return record


def render(result: EvalResult) -> str:
    """A table of one row, and what to know about it."""
    return _ranking(result) if result.metric == "spearman" else _shares(result)


def _ranking(result: EvalResult) -> str:
    row = (
        result.artifact,
        _runtime(result),
        str(result.images),
        _correlation(result.spearman),
        _correlation(result.spearman_to_float),
    )
    columns = ("artifact", "runtime", "pairs", "Spearman", "Spearman to float")
    notes = []
    if result.spearman is None:
        notes.append("no Spearman: the pairs come without numbers, or all have the same")
    if result.spearman_to_float is None:
        notes.append("no Spearman to float: the float32 artifact is not beside this one")
    return "\n".join([table.render(columns, [row], left=("runtime",)), *notes])


def _runtime(result: EvalResult) -> str:
    where = "" if result.device == LOCAL else f" on {result.device}"
    return f"{result.runtime}{where}"


def _correlation(value: float | None) -> str:
    return table.NO_VALUE if value is None else f"{value:.4f}"


def _shares(result: EvalResult) -> str:
    row = (
        result.artifact,
        _runtime(result),
        str(result.images),
        _share(result.top1),
        _share(result.top5),
        _share(result.agreement),
    )
    columns = ("artifact", "runtime", "images", "top-1 %", "top-5 %", "agreement %")
    notes = []
    if result.top1 is None and result.score is None:
        notes.append("no labels: one folder a class or a labels.json would give top-1")
    if result.agreement is None and (result.top1 is not None or result.score is None):
        notes.append("no agreement: the float32 artifact is not beside this one")
    if result.skipped:
        notes.append(f"skipped {len(result.skipped)} files: {', '.join(result.skipped[:5])}")
    lines = [table.render(columns, [row], left=("runtime",)), *notes]
    if result.score:
        vectors = [] if result.top1 is not None else [scores.whole(result.score)]
        lines += [*vectors, *scores.parts(result.score)]
    return "\n".join(lines)


def _share(value: float | None) -> str:
    return table.NO_VALUE if value is None else f"{100 * value:.1f}"
