"""A board without any runtime: `bench` brings what it lacks, once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from tests.foreign_files import net
from tests.lab import board as boards
from tests.lab import parts
from tests.lab.needs import lacking
from tests.lab.network import Network
from tests.lab.parts import CannotGetError
from tests.source import ROOT

Edgekit = Callable[..., Any]
# An emulated Python takes its time.
_TIMEOUT_S = 300


@pytest.fixture
def bare(network: Network) -> boards.Board:
    """An arm64 board that has Python and nothing else."""
    try:
        parts.arm_wheel_files()
        return boards.add(network, "bare", runtimes=False)
    except CannotGetError as error:
        reason = str(error)
    return lacking("arm64", reason)


@pytest.fixture
def edgekit(network: Network, bare: boards.Board, tmp_path: Path) -> Edgekit:
    """Runs edgekit on the network's host, which knows the board and has no way to a registry."""
    home, server = tmp_path / "host-home", bare.device.server
    for folder in (".ssh", "edgekit"):
        (home / folder).mkdir(parents=True)
    shutil.copy(server.client_key, home / ".ssh/id_ed25519")
    (home / "edgekit/devices.toml").write_text(
        f'[bare]\naddress = "{server.user}@{server.address}:{server.port}"\n'
        f'host_key = "{server.host_key}"\nemulated = true\nroot = "/nonexistent"\n'
    )
    places = {"HOME": home, "XDG_CACHE_HOME": home / ".cache", "XDG_CONFIG_HOME": home}
    tools = {"UV_OFFLINE": "1", "UV_FIND_LINKS": parts.arm_wheel_files(), "PYTHONPATH": ROOT}

    def run(*words: object) -> Any:
        own = {name: str(value) for name, value in {**places, **tools}.items()}
        done = subprocess.run(
            network.host.enter(sys.executable, "-m", "edgekit", *map(str, words), "--json"),
            env={**os.environ, "SSH_AUTH_SOCK": "", **own},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)

    return run


@pytest.mark.arm64
def test_a_board_without_a_runtime_gets_one(
    edgekit: Edgekit, bare: boards.Board, network: Network, tmp_path: Path
) -> None:
    onnx.save(net(), tmp_path / "m.onnx")
    words = ("bench", tmp_path / "m.onnx", "--device", "bare", "--profile", "quick")
    there = [*words, "--threads", 1, "--results", tmp_path / "results"]
    (result,) = edgekit(*there)["results"]
    assert result["launches"][0]["environment"]["arch"] == "aarch64"
    assert result["device"]["emulated"]
    bundles = bare.device.server.home / ".cache/edgekit/bundles"
    (bundle,) = (path for path in bundles.iterdir() if (path / "onnxruntime").is_dir())
    packets = bare.device.wire.counts()["passed"]
    edgekit(*there)
    # The first brought 40 MB in packets of 1.5 kB.
    assert bare.device.wire.counts()["passed"] - packets < packets / 10
    assert list(bundles.glob("*/onnxruntime")) == [bundle / "onnxruntime"]
