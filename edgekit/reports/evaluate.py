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
    row = (
        result.artifact,
        result.runtime if result.device == LOCAL else f"{result.runtime} on {result.device}",
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
