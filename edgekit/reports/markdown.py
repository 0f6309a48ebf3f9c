"""A bench as Markdown, for a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from edgekit.records import BenchResult, EvalResult, ShipVerdict
from edgekit.reports import answers, commands
from edgekit.reports.legs import Leg, numbered
from edgekit.reports.numbers import MIB, NO_VALUE, shown, spread
from edgekit.text import one_line, printable

_COLUMNS = (
    "", "artifact", "runtime", "p50 ms", "95 % interval", "p99 ms", "peak MiB", "size MiB",
    "agreement", "top-1", "state",
)  # fmt: skip
# What Markdown or HTML would read as markup, and what GitHub would make a mention or a link of.
_MARKUP = str.maketrans({char: f"&#{ord(char)};" for char in "&<>|`*_[]\\~@#"} | {"\n": " "})
_LAST_LINES = 10


def render(
    results: Sequence[BenchResult],
    verdicts: Sequence[ShipVerdict] = (),
    accuracies: Mapping[str, EvalResult] | None = None,
) -> str:
    """What to ship, the table of legs, what failed; the machine and the commands folded.

    Args:
        results: What came of each leg.
        verdicts: Which precisions to ship.
        accuracies: Accuracy by the digest of the file.
    """
    legs = numbered(results, accuracies or {})
    parts = [
        "### edgekit bench",
        *(f"**{_text(sentence)}**" for sentence in answers.answers(legs, verdicts)),
        _table(_COLUMNS, [_row(leg) for leg in legs]),
        *(_trouble(leg) for leg in legs if leg.state != "valid"),
        _fold("Machine and versions", _table(("fact", "value"), _facts(legs))),
        _fold("Commands", _code(commands.bench(leg.result.plan) for leg in legs)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _text(text: str) -> str:
    """Foreign text that stays text, on one line."""
    return one_line(text).translate(_MARKUP)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [columns, ["---"] * len(columns), *([_text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(leg: Leg) -> tuple[str, ...]:
    median = leg.metric("latency_p50_ms")
    return (
        str(leg.number),
        leg.name,
        leg.runtime,
        shown(median),
        spread(median) or NO_VALUE,
        shown(leg.metric("latency_p99_ms")),
        shown(leg.metric("memory_peak_bytes"), MIB),
        shown(leg.metric("file_size_bytes"), MIB),
        leg.agreement,
        leg.top1,
        leg.state,
    )


def _trouble(leg: Leg) -> str:
    lines = [f"**Leg {leg.number}, {_text(leg.label)}: {_text(leg.state)}**", ""]
    lines += [f"- {_text(reason)}" for reason in leg.result.reasons]
    if failure := leg.result.failure:
        lines += [f"- {_text(failure.message)}", f"- hint: {_text(failure.hint)}"]
        tail = failure.tail.splitlines()[-_LAST_LINES:]
        lines += ["", _code(tail)] if tail else []
    return "\n".join(lines)


def _facts(legs: Sequence[Leg]) -> list[tuple[str, str]]:
    """The first measured leg's: a comment is no place for every leg's state."""
    samples = next((leg.result.samples for leg in legs if leg.result.samples), None)
    if samples is None:
        return []
    return [*samples.environment.items(), *samples.versions.items()]


def _fold(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>" if content else ""


def _code(lines: Iterable[str]) -> str:
    """Lines in a fence that is longer than any run of backticks in them."""
    text = printable("\n".join(lines))
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}" if text else ""
