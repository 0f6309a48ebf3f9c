"""How to measure each leg again."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.reports import commands
from edgekit.reports.html import encoding, markup
from edgekit.reports.html.encoding import Look
from edgekit.reports.html.markup import Html, tag
from edgekit.reports.legs import Leg


def section(legs: Sequence[Leg], looks: dict[int, Look]) -> Html:
    """For each leg its command, its file's digest, and the command that made the file."""
    return markup.section(
        "reproduce", "Reproduce a row", [_leg(leg, looks[leg.number]) for leg in legs]
    )


def _leg(leg: Leg, look: Look) -> Html:
    subject = leg.result.plan.subject
    made_by = commands.export(subject.artifact) if subject.artifact else ""
    digest = tag("p", "sha256 ", tag("code", subject.sha256), class_="quiet digest")
    return tag(
        "div",
        tag("h3", encoding.named(leg, look), tag("span", leg.runtime, class_="quiet")),
        _command(commands.bench(leg.result.plan), f"the bench of leg {leg.number}"),
        _command(made_by, f"the export of leg {leg.number}") if made_by else None,
        digest if subject.sha256 else None,
        class_="card",
    )


def _command(text: str, what: str) -> Html:
    # Shown by the page's script where there is a clipboard.
    button = tag("button", "Copy", type="button", hidden=True, aria_label=f"Copy {what}")
    return tag("div", tag("code", text, tabindex="0"), button, class_="command")
