"""A real browser that opens pages, and tells what they said and asked for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
NEEDED = pytest.mark.skipif(
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


def opener(folder: Path) -> Open:
    """What opens a file in a fresh browser.

    Args:
        folder: Where the browser may write.
    """

    def run(page: Path, *options: str, theme: int = LIGHT) -> Opened:
        net_log = folder / "net.json"
        command = [
            str(BROWSER),
            *OPTIONS,
            f"--user-data-dir={folder / 'profile'}",
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


def widths(page: Path, open_page: Open) -> tuple[int, int]:
    """How wide a page is in the frame of a phone, and its widest figure; in pixels."""
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
    return int(found[1]), int(found[2])
