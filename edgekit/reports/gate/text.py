"""What a gate says, for people."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.records import GatePair, GateVerdict, Resolution
from edgekit.reports import table
from edgekit.reports.gate import words
from edgekit.text import one_line

_COLUMNS = ("check", "base", "head", "change", "allowed", "outcome", "reason")
_LAST_LINES = 5


def render(verdict: GateVerdict) -> str:
    """A table for each pair, what to know about it, and the verdict as the last line.

    Lines begin with our words and not with foreign ones, which could be a command to the service
    that runs the build.
    """
    parts = [part for pair in verdict.pairs for part in _pair(pair)]
    parts += [f"note: {one_line(note)}" for note in verdict.notes]
    return "\n".join([*parts, f"gate: {words.headline(verdict)}"])


def resolutions(found: Sequence[Resolution]) -> str:
    """What slowdowns this machine resolves, and how that was measured."""
    lines = []
    for resolution in found:
        lines += [f"resolves: {words.resolved(resolution)}"]
        lines += [f"  measured: {words.turns(resolution.timing)}"]
    return "\n".join(lines)


def _pair(pair: GatePair) -> list[str]:
    head = f"pair: {one_line(pair.plan.name)}, {words.setting(pair)}"
    if failure := pair.failure:
        tail = failure.tail.splitlines()[-_LAST_LINES:]
        lines = [f"{head}: could not be compared: {one_line(failure.message)}"]
        lines += [f"  hint: {one_line(failure.hint)}", *(f"  | {one_line(line)}" for line in tail)]
    else:
        rows = [words.row(check, check.outcome.value) for check in pair.checks]
        shown = table.render(_COLUMNS, rows, left=_COLUMNS[-2:])
        lines = [head, *([f"\n{shown}"] if rows else ["  nothing was checked"])]
    if pair.timing:
        lines.append(f"  measured: {words.turns(pair.timing)}")
    return [*lines, *(f"  note: {one_line(note)}" for note in pair.notes), ""]
