"""Pieces of Markdown, as GitHub and GitLab read it, in which foreign text stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from edgekit.text import one_line, printable

# What Markdown or HTML would read as markup, and what GitHub would make a mention or a link of.
_MARKUP = str.maketrans({char: f"&#{ord(char)};" for char in "&<>|`*_[]\\~@#"} | {"\n": " "})


def text(foreign: str) -> str:
    """Foreign text that stays text, on one line."""
    return one_line(foreign).translate(_MARKUP)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of foreign cells below headings of ours; empty without rows."""
    if not rows:
        return ""
    lines = [columns, ["---"] * len(columns), *([text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def fold(summary: str, content: str) -> str:
    """Markdown behind a summary that opens it; empty without content."""
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>" if content else ""


def code(lines: Iterable[str]) -> str:
    """Lines in a fence that is longer than any run of backticks in them."""
    shown = printable("\n".join(lines))
    longest = max(map(len, re.findall("`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{shown}\n{fence}" if shown else ""
