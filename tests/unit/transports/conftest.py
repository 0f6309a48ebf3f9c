"""Devices whose jobs are all over when their test is."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agents import FolderDevice

MakeDevice = Callable[..., FolderDevice]


@pytest.fixture
def make_device(tmp_path: Path) -> Iterator[MakeDevice]:
    made: list[FolderDevice] = []

    def make(root: Path | None = None, **options: Any) -> FolderDevice:
        made.append(FolderDevice(root or tmp_path / f"device{len(made)}", **options))
        return made[-1]

    yield make
    left = [pid for device in made for pid in device.close()]
    said = "".join(device.stderr.read_text() for device in made if device.stderr.exists())
    assert left == []
    assert said == ""


@pytest.fixture
def device(make_device: MakeDevice) -> FolderDevice:
    return make_device()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "edgekit", str(folder)]
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("no small disk can be mounted: that needs root")
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
