"""What went wrong: failed legs, invalid ones, what disturbed the others."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.reports.html import encoding, markup
from edgekit.reports.html.encoding import Look
from edgekit.reports.html.markup import Html, tag
from edgekit.reports.legs import Leg
from edgekit.wire import Failure

_LAST_LINES = 20


def section(legs: Sequence[Leg], looks: dict[int, Look]) -> Html:
    """Each leg of which there is something to know; in words where there is none."""
    found = [_leg(leg, looks[leg.number]) for leg in legs if _is_worth_a_word(leg)]
    nothing = tag("p", "No leg failed, every leg is valid, and nothing disturbed the machine.")
    return markup.section("trouble", "Failures and disturbances", found or nothing)


def _is_worth_a_word(leg: Leg) -> bool:
    result = leg.result
    return bool(result.failure or not result.valid or result.reasons or result.disturbed)


def _leg(leg: Leg, look: Look) -> Html:
    result = leg.result
    head = tag("h3", encoding.named(leg, look), tag("span", leg.runtime, class_="quiet"))
    parts = [
        _failure(result.failure) if result.failure else None,
        _list("Invalid, because" if not result.valid else "To know", result.reasons),
        _list("Measured again, because", result.disturbed),
    ]
    kind = "card failed" if result.failure else "card bad" if not result.valid else "card"
    return tag("div", head, *parts, id=f"trouble-{leg.number}", class_=kind)


def _list(title: str, reasons: Sequence[str]) -> Html | None:
    if not reasons:
        return None
    items = [tag("li", reason) for reason in dict.fromkeys(reasons)]
    return tag("div", tag("p", f"{title}:", class_="quiet"), tag("ul", items))


def _failure(failure: Failure) -> list[Html]:
    tail = "\n".join(failure.tail.splitlines()[-_LAST_LINES:])
    return [
        tag("p", tag("strong", f"Failed in {failure.stage} ({failure.kind}): "), failure.message),
        tag("p", tag("strong", "Hint: "), failure.hint),
        *(
            [markup.fold("The last lines that it wrote", tag("pre", tail), opened=True)]
            if tail
            else []
        ),
    ]
