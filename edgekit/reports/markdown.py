"""A bench as Markdown, for a comment on a pull request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgekit.records import BenchResult, EvalResult, ShipVerdict
from edgekit.reports import answers, commands, commonmark
from edgekit.reports.legs import Leg, numbered
from edgekit.reports.numbers import MIB, NO_VALUE, shown, spread

_COLUMNS = (
    "", "artifact", "runtime", "p50 ms", "95 % interval", "p99 ms", "peak MiB", "size MiB",
    "agreement", "accuracy", "state",
)  # fmt: skip
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
        *(f"**{commonmark.text(sentence)}**" for sentence in answers.answers(legs, verdicts)),
        commonmark.table(_COLUMNS, [_row(leg) for leg in legs]),
        *(_trouble(leg) for leg in legs if leg.state != "valid" or leg.result.reasons),
        commonmark.fold("Machine and versions", commonmark.table(("fact", "value"), _facts(legs))),
        commonmark.fold(
            "Commands", commonmark.code(commands.bench(leg.result.plan) for leg in legs)
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


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
        leg.worth,
        leg.state,
    )


def _trouble(leg: Leg) -> str:
    lines = [
        f"**Leg {leg.number}, {commonmark.text(leg.label)}: {commonmark.text(leg.state)}**",
        "",
    ]
    lines += [f"- {commonmark.text(reason)}" for reason in leg.result.reasons]
    if failure := leg.result.failure:
        lines += [
            f"- {commonmark.text(failure.message)}",
            f"- hint: {commonmark.text(failure.hint)}",
        ]
        tail = failure.tail.splitlines()[-_LAST_LINES:]
        lines += ["", commonmark.code(tail)] if tail else []
    return "\n".join(lines)


def _facts(legs: Sequence[Leg]) -> list[tuple[str, str]]:
    """The first measured leg's: a comment is no place for every leg's state."""
    samples = next((leg.result.samples for leg in legs if leg.result.samples), None)
    if samples is None:
        return []
    return [*samples.environment.items(), *samples.versions.items()]
