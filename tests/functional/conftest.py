"""What the functional tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import Open, opener


@pytest.fixture
def open_page(tmp_path: Path) -> Open:
    """Opens a file in a fresh browser."""
    return opener(tmp_path)
