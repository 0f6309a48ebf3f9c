"""What a device has, as its agent finds it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edgekit.transports.agent import machine


def test_of_jetpacks_packages_tensorrt_alone_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / f"{sys.version_info[0]}.{sys.version_info[1]}"
    for name in ("tensorrt-10.3.0", "openvino-2020.1.0"):
        (folder / f"{name}.dist-info").mkdir(parents=True)
    monkeypatch.setattr(machine, "JETPACK", str(tmp_path / "{}.{}"))
    monkeypatch.setattr(sys, "path", [])
    assert machine.facts(Path("/"), tmp_path)["packages"] == {"tensorrt": "10.3.0"}


def test_its_own_tensorrt_goes_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("own/tensorrt-10.7.0.dist-info", "jetpack/tensorrt-10.3.0.dist-info"):
        (tmp_path / place).mkdir(parents=True)
    monkeypatch.setattr(machine, "JETPACK", str(tmp_path / "jetpack"))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "own")])
    packages = machine.facts(Path("/"), tmp_path)["packages"]
    assert isinstance(packages, dict)
    assert packages["tensorrt"] == "10.7.0"
