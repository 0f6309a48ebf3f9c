"""Text from outside that edgekit shows: names in files, what devices and frameworks write."""

from __future__ import annotations


def printable(text: str) -> str:
    """`text` without control characters, which could move a terminal's cursor or worse.

    Lines stay lines, tabs become spaces; any other character that isn't printable is one space.
    """
    shown = (char if char.isprintable() or char in "\n\t" else " " for char in text)
    return "".join(shown).expandtabs()


def one_line(text: str) -> str:
    """`printable` text on one line: a name in a table can't forge rows of it."""
    return printable(text).replace("\n", " ")


def percent(share: float) -> str:
    """A share as people write it; what isn't all of it is never rounded up to all."""
    value = share * 100
    if 99 < value < 100:  # noqa: PLR2004
        return f"{min(value, 99.9):.1f} %"
    return f"{value:.1f} %" if 0 < value < 1 else f"{value:.0f} %"
