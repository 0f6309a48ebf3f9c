"""Colours that can be told from the page, and text that can be read (WCAG 2.2, 1.4.3, 1.4.11)."""

from __future__ import annotations

import itertools
import re

import pytest

from edgekit.reports.html import encoding
from edgekit.reports.legs import numbered
from tests import bench_results as made
from tests.source import PACKAGE

STYLE = (PACKAGE / "reports" / "html" / "style.css").read_text(encoding="utf-8")
LIGHT, DARK = [
    dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
    for block in re.findall(r":root \{.*?\}", STYLE, re.DOTALL)
]
THEMES = [pytest.param(LIGHT, id="light"), pytest.param(DARK, id="dark")]


def luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour, as WCAG defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_every_colour_stands_out_from_the_page(theme):
    assert [c for c in encoding.PALETTE if contrast(c, theme["page"]) < 3] == []


def test_text_on_a_colour_can_be_read():
    assert [c for c in encoding.PALETTE if contrast(c, encoding.ink(c)) < 4.5] == []


@pytest.mark.parametrize("theme", THEMES)
def test_text_on_the_page_can_be_read(theme):
    grounds = ("page", "panel", "bad-panel", "failed-panel")
    pairs = [*itertools.product(("text", "quiet", "link"), grounds)]
    pairs += [
        ("bad", "page"),
        ("bad", "bad-panel"),
        ("failed", "page"),
        ("failed", "failed-panel"),
    ]
    assert [pair for pair in pairs if contrast(theme[pair[0]], theme[pair[1]]) < 4.5] == []


def test_a_leg_differs_in_more_than_colour():
    looks = encoding.looks(numbered(made.many(), {}))
    assert len(set(looks.values())) == len(looks)
    # Those of one colour differ in shape and in line, and the other way round.
    for one, other in itertools.combinations(looks.values(), 2):
        same = one.colour == other.colour
        assert (one.shape != other.shape and one.dash != other.dash) if same else True


def test_more_runtimes_than_colours_are_drawn_all_the_same():
    legs = [made.measured(made.plan(runtime=f"runtime-{number}")) for number in range(9)]
    assert len(encoding.looks(numbered(legs, {}))) == 9
