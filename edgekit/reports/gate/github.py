"""A gate as GitHub's workflow commands: lines of a log that GitHub shows beside the change.

At most ten of each kind are shown for a step. GitLab has no such lines; JUnit serves there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edgekit.records import GateVerdict
from edgekit.reports.gate import OnInconclusive, words
from edgekit.reports.gate.findings import Finding, findings
from edgekit.text import one_line


def lines(verdict: GateVerdict, on_inconclusive: OnInconclusive, root: Path) -> Iterator[str]:
    """A line for each check that doesn't pass, and for each pair that could not be compared.

    Args:
        verdict: What to tell of.
        on_inconclusive: What a gate that could not decide is taken for.
        root: Folder of the repository: only files in it can be pointed at.
    """
    return map(_line, findings(verdict, on_inconclusive, root))


def _line(finding: Finding) -> str:
    level = "notice" if finding.level == "note" else finding.level
    properties = {"file": finding.path} if finding.inside else {}
    properties["title"] = f"edgekit gate: {finding.name}: {words.title(finding.metric)}"
    shown = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {shown}::{_data(finding.message)}"


def _data(text: str) -> str:
    """Line breaks are gone already; the sign that begins an escape is left."""
    return one_line(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
