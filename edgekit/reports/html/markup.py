"""HTML that is safe by default: what is no `Html` is foreign text, and escaped."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from typing import Any

from edgekit.text import one_line, printable

_VOID = {"br", "meta"}


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Content = str | None | Iterable["Content"]


def tag(name: str, *content: Content, **attributes: str | bool | None) -> Html:
    """An element.

    Args:
        name: Its name.
        content: `Html` as it is; any other text escaped, without control characters.
        attributes: `class_` is written `class`, other underscores are hyphens. True is an
            attribute without a value; None and False are no attribute.
    """
    words = "".join(
        f" {key.rstrip('_').replace('_', '-')}"
        + ("" if value is True else f'="{html.escape(one_line(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    end = "" if name in _VOID else f"</{name}>"
    return Html(f"<{name}{words}>{join(content)}{end}")


def join(content: Content) -> Html:
    """Elements and texts one after another."""
    if content is None:
        return Html("")
    if isinstance(content, Html):
        return content
    if isinstance(content, str):
        return Html(html.escape(printable(content)))
    return Html("".join(join(part) for part in content))


def table(
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Content]],
    *,
    words: Sequence[str] = (),
    sticky: bool = False,
) -> Html:
    """A table that scrolls sideways by itself where it is wider than the page.

    Args:
        caption: What it shows.
        columns: Headings.
        rows: Cells; the first of each row is its heading.
        words: Headings of columns of words, set flush left; numbers are flush right. The first
            column is always flush left.
        sticky: Whether the first column stays in sight.
    """
    sides = ["word" if place == 0 or name in words else None for place, name in enumerate(columns)]
    head = [
        tag("th", name, scope="col", class_=side)
        for name, side in zip(columns, sides, strict=True)
    ]
    body = [
        tag(
            "tr",
            tag("th", row[0], scope="row", class_="word"),
            [tag("td", cell, class_=side) for cell, side in zip(row[1:], sides[1:], strict=True)],
        )
        for row in rows
    ]
    return tag(
        "div",
        tag(
            "table",
            tag("caption", caption),
            tag("thead", tag("tr", head)),
            tag("tbody", body),
            class_="sticky" if sticky else None,
        ),
        # Whoever has no pointer scrolls it with the keys once it has the focus.
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=caption,
    )


def fold(summary: Content, *content: Content, opened: bool = False) -> Html:
    """What is there to be opened."""
    return tag("details", tag("summary", summary), *content, open=opened)


def section(identifier: str, title: str, *content: Content) -> Html:
    """A part of the page with its heading; nothing where it has no content."""
    inside = join(content)
    if not inside:
        return Html("")
    heading = tag("h2", title, id=f"{identifier}-title")
    return tag("section", heading, inside, id=identifier, aria_labelledby=f"{identifier}-title")


def script_json(value: Any) -> str:
    """JSON that can stand in a `<script>`: nothing in it can end the element."""
    return escape_json(json.dumps(value, allow_nan=False, ensure_ascii=True))


def escape_json(text: str) -> str:
    """JSON text without the characters that HTML gives a meaning."""
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text
