"""What a service shows beside files: each check that doesn't pass, and where it belongs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgekit.records import GatePair, GateVerdict, Outcome
from edgekit.reports.gate import OnInconclusive, words
from edgekit.text import one_line

# The metric of a pair that could not be compared.
COMPARISON = "comparison"
_INCONCLUSIVE = {
    OnInconclusive.WARN: "warning",
    OnInconclusive.PASS: "note",
    OnInconclusive.FAIL: "error",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that isn't as it should be.

    Attributes:
        name: The pair's.
        metric: What was looked at, as in `Check`, or `comparison`.
        level: `error`, `warning` or `note`.
        message: What is wrong, on one line.
        path: Head's model file, relative to the repository where it is inside, with slashes.
        inside: Whether it is.
    """

    name: str
    metric: str
    level: str
    message: str
    path: str
    inside: bool


def findings(
    verdict: GateVerdict, on_inconclusive: OnInconclusive, root: Path
) -> Iterator[Finding]:
    """Pairs that could not be compared, and checks that don't pass, pair by pair.

    Args:
        verdict: What to tell of.
        on_inconclusive: What a gate that could not decide is taken for.
        root: Folder of the repository.
    """
    for pair in verdict.pairs:
        name = one_line(pair.plan.name)
        where = _place(pair, root)
        if failure := pair.failure:
            message = one_line(f"could not be compared: {failure.message} (hint: {failure.hint})")
            yield Finding(name, COMPARISON, "error", message, *where)
        for check in pair.checks:
            if check.outcome is not Outcome.PASS:
                failed = check.outcome is Outcome.FAIL
                level = "error" if failed else _INCONCLUSIVE[on_inconclusive]
                yield Finding(name, check.metric, level, words.sentence(check), *where)


def _place(pair: GatePair, root: Path) -> tuple[str, bool]:
    path = pair.plan.head.subject.path.resolve()
    try:
        return path.relative_to(root.resolve()).as_posix(), True
    except ValueError:
        return path.as_posix(), False
