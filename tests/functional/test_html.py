"""The report in a real browser: it draws, is silent, and asks the network for nothing."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgekit.reports import html
from tests import bench_results as made
from tests.browser import DARK, LIGHT, NEEDED, PHONE, TEXT, widths

pytestmark = NEEDED


@pytest.fixture(scope="module")
def source() -> str:
    """A page with every kind of leg."""
    return html.render(
        [
            *made.many(),
            made.failed(made.plan(runtime="tensorrt"), tail="the last line"),
            made.invalid(made.foreign("<b>bold<i>.onnx"), "the CPU was throttled"),
        ],
        [made.verdict()],
    )


@pytest.fixture
def page(tmp_path: Path, source: str) -> Path:
    path = tmp_path / "report.html"
    path.write_text(source, encoding="utf-8")
    return path


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_figures_draw_in_silence_and_without_a_network(page, open_page, theme):
    opened = open_page(page, theme=theme)
    assert opened.console == []
    assert opened.requests() == []
    plots = opened.plots()
    assert {"accuracy-figure-0", "size-figure-0", "memory-figure", "operators-figure"} <= set(
        plots
    )
    for name, drawn in plots.items():
        assert 'class="main-svg"' in drawn, name
        assert re.search(r'class="(point|points|trace)\b', drawn), name
        assert TEXT[theme] in drawn, name
    # A name from a foreign file is text there too.
    assert "&lt;b&gt;bold&lt;i&gt;.onnx, onnxruntime</text>" in plots["memory-figure"]
    # There is a clipboard, so there are buttons.
    assert "<button hidden" not in opened.document
    assert 'aria-label="Copy the bench of leg 1"' in opened.document


def test_what_the_other_tests_listen_for_would_be_heard(page, open_page, source):
    picture = '<img src="https://example.invalid/a.png" alt=""><main id="main"'
    page.write_text(source.replace('<main id="main"', picture), encoding="utf-8")
    opened = open_page(page)
    assert any("Content Security Policy" in line for line in opened.console)
    assert opened.requests() == []
    page.write_text(f"<!doctype html>{picture}></main>", encoding="utf-8")
    assert set(open_page(page).requests()) == {"https://example.invalid/a.png"}


def test_it_fits_a_phone(page, open_page):
    assert max(widths(page, open_page)) <= PHONE


def test_a_screenshot_shows_the_figures(page, open_page, tmp_path):
    shot = tmp_path / "report.png"
    open_page(page, "--window-size=1280,7000", f"--screenshot={shot}", theme=DARK)
    with Image.open(shot) as image:
        pixels = np.asarray(image.convert("RGB"), dtype=np.uint32)
    packed, counts = np.unique(pixels @ np.array([2**16, 2**8, 1], np.uint32), return_counts=True)
    seen = {f"#{colour:06x}": count for colour, count in zip(packed, counts, strict=True)}
    assert max(seen, key=lambda name: seen[name]) == "#13171c"
    # What the runtime and the model take of memory.
    assert all(seen.get(colour, 0) > 500 for colour in ("#3a94cc", "#c07f00", "#d55e00"))
