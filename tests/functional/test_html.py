"""The report in a real browser: it draws, is silent, and asks the network for nothing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgekit.reports import html
from tests import bench_results as made

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
pytestmark = pytest.mark.skipif(
    BROWSER is None, reason=f"none of {', '.join(BROWSERS)} is installed: apt-get install chromium"
)

LIGHT, DARK = 1, 0
TEXT = {LIGHT: "rgb(27, 31, 36)", DARK: "rgb(230, 233, 238)"}
PHONE = 375
_BROWSER = "not an origin"
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-extensions", "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--v=0",
    # Of the page's time, which runs as fast as it can: it ends when nothing is left to do.
    "--virtual-time-budget=20000",
)  # fmt: skip

Open = Callable[..., "Opened"]


class Opened:
    """A page as the browser left it."""

    def __init__(self, document: str, log: str, net_log: Path) -> None:
        self.document = document
        self.console = [line for line in log.splitlines() if ":CONSOLE" in line]
        self._net_log = net_log

    def requests(self) -> list[str]:
        """What the page asked of a network."""
        log: dict[str, Any] = json.loads(self._net_log.read_text())
        told = [event.get("params", {}) for event in log["events"]]
        # The browser's own requests have an initiator that is no origin.
        urls = [one["url"] for one in told if one.get("initiator", _BROWSER) != _BROWSER]
        return [url for url in urls if url.startswith(("http", "ws"))]

    def plots(self) -> dict[str, str]:
        """The drawn elements, by the name of their figure."""
        parts = re.split(r'<div id="([a-z0-9-]+-figure[a-z0-9-]*)"', self.document)
        return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.fixture
def open_page(tmp_path: Path) -> Open:
    """Opens a file in a fresh browser."""

    def run(page: Path, *options: str, theme: int = LIGHT) -> Opened:
        net_log = tmp_path / "net.json"
        command = [
            str(BROWSER),
            *OPTIONS,
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--log-net-log={net_log}",
            f"--blink-settings=preferredColorScheme={theme}",
            *(options or ["--dump-dom"]),
            page.as_uri(),
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return Opened(done.stdout, done.stderr, net_log)

    return run


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
    # A window of a browser without a screen is no narrower than 500 pixels; a frame is.
    frame = page.with_name("phone.html")
    frame.write_text(
        f'<iframe src="{page.name}" style="width:{PHONE}px;height:800px;border:0"></iframe>'
        "<script>onload = () => { const inside = frames[0].document;"
        "document.title = `wide ${inside.documentElement.scrollWidth} "
        "${Math.max(...[...inside.querySelectorAll('.main-svg')].map("
        "(one) => Math.ceil(one.getBoundingClientRect().right)))}`; }</script>"
    )
    opened = open_page(frame, "--allow-file-access-from-files", "--dump-dom")
    found = re.search(r"<title>wide (\d+) (\d+)</title>", opened.document)
    assert found
    assert int(found[1]) <= PHONE
    assert int(found[2]) <= PHONE


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
