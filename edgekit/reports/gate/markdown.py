"""A gate as Markdown, for a comment on a pull request and for a job's summary."""

from __future__ import annotations

from pathlib import Path

from edgekit.records import GatePair, GateVerdict, Outcome
from edgekit.reports import commonmark
from edgekit.reports.gate import OnInconclusive, words

# By which a later run finds its comment, to write it anew.
MARK = "<!-- edgekit gate -->"
_COLUMNS = ("check", "base", "head", "change", "allowed", "outcome", "reason")
_SIGNS = {Outcome.PASS: "✅ pass", Outcome.INCONCLUSIVE: "⚠️ inconclusive", Outcome.FAIL: "❌ fail"}
_TAKEN = {
    OnInconclusive.WARN: "It neither failed nor passed: noise was too large to decide.",
    OnInconclusive.PASS: "Noise was too large to decide; that is taken for a pass here.",
    OnInconclusive.FAIL: "Noise was too large to decide; that is taken for a fail here.",
}
_LAST_LINES = 10


def render(verdict: GateVerdict, on_inconclusive: OnInconclusive, root: Path) -> str:
    """The verdict, the checks that don't pass, and all of them; how it was measured is folded.

    Args:
        verdict: What to tell of.
        on_inconclusive: What a gate that could not decide is taken for.
        root: Folder that paths are shown relative to; not needed here.
    """
    del root
    inconclusive = verdict.outcome is Outcome.INCONCLUSIVE
    parts = [
        f"{MARK}\n### edgekit gate: {_SIGNS[verdict.outcome]}",
        f"**{commonmark.text(words.headline(verdict))}**",
        _TAKEN[on_inconclusive] if inconclusive else "",
        *(_pair(pair) for pair in verdict.pairs),
        "\n".join(f"- {commonmark.text(note)}" for note in verdict.notes),
        f"{commonmark.text(words.paths(verdict))}, {commonmark.text(verdict.measured_at)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _pair(pair: GatePair) -> str:
    parts = [
        f"#### {commonmark.text(pair.plan.name)}, {commonmark.text(words.setting(pair))}",
        _failure(pair),
        commonmark.table(
            _COLUMNS, [words.row(check, _SIGNS[check.outcome]) for check in pair.checks]
        ),
        commonmark.fold("How it was measured", _measured(pair)),
    ]
    return "\n\n".join(part for part in parts if part)


def _failure(pair: GatePair) -> str:
    failure = pair.failure
    if failure is None:
        return ""
    lines = [
        f"**could not be compared: {commonmark.text(failure.message)}**",
        f"hint: {commonmark.text(failure.hint)}",
        commonmark.code(failure.tail.splitlines()[-_LAST_LINES:]),
    ]
    return "\n\n".join(line for line in lines if line)


def _measured(pair: GatePair) -> str:
    lines = [f"- {commonmark.text(words.turns(pair.timing))}"] if pair.timing else []
    lines += [f"- {commonmark.text(note)}" for note in pair.notes]
    facts = commonmark.table(("fact", "value"), list(pair.facts.items()))
    return "\n\n".join(part for part in ("\n".join(lines), facts) if part)
