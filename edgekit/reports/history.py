"""What is kept, for people and for scripts: runs, and accuracy beside latency."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from edgekit.records import RESULT_SCHEMA, BenchResult, EvalResult
from edgekit.reports import table, titles
from edgekit.results.index import Entry
from edgekit.text import percent

_COLUMNS = ("run", "began", "legs", "failed", "invalid", "what")
_SHOWN = 3


def render(runs: Sequence[Sequence[Entry]]) -> str:
    """A table with one row a run."""
    if not runs:
        return "no runs are kept here"
    return table.render(_COLUMNS, [_row(run) for run in runs], left=("began", "what"))


def as_json(runs: Sequence[Sequence[Entry]]) -> dict[str, Any]:
    """The documented object of `edgekit report --list --json`: entries of the index by run."""
    return {
        "schema_version": RESULT_SCHEMA,
        "runs": [{"run": run[0].run, "legs": msgspec.to_builtins(run)} for run in runs],
    }


def accuracies(results: Sequence[BenchResult], known: Mapping[str, EvalResult]) -> Iterator[str]:
    """A line for each file that was measured and evaluated."""
    names = {result.plan.subject.sha256: result.plan.subject.name for result in results}
    for sha256, name in names.items():
        if found := known.get(sha256):
            told = [f"{titles.title(metric)} {words}" for metric, words in _told(found)]
            of = f"of {found.images} {titles.noun(found.metric)} ({found.runtime})"
            yield f"{name}: {', '.join(told) or 'nothing'} {of}"


def _told(found: EvalResult) -> Iterator[tuple[str, str]]:
    values = titles.values(found.score) if found.score else {}
    for metric, value in {**values, "agreement": found.agreement}.items():
        as_number = found.metric == "spearman"
        if value is not None:
            yield metric, titles.shown(found.metric, value) if as_number else percent(value)


def _name(leg: Entry) -> str:
    return leg.name + " (EMULATED)" * leg.emulated


def _row(run: Sequence[Entry]) -> tuple[str, ...]:
    names = list(dict.fromkeys(f"{_name(leg)} ({leg.runtime})" for leg in run))
    more = f" and {len(names) - _SHOWN} more" * (len(names) > _SHOWN)
    failed = sum(leg.failure is not None for leg in run)
    return (
        run[0].run,
        run[0].measured_at,
        str(len(run)),
        str(failed),
        str(sum(not leg.valid for leg in run) - failed),
        ", ".join(names[:_SHOWN]) + more,
    )
