"""Devices without a runtime: what they lack is brought to them, once."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from edgekit import bundles, inventory
from edgekit.errors import MissingDependency, ToolError
from edgekit.records.devicespec import DeviceSpec
from edgekit.transports import OWNER, cargo, linked, outfit
from edgekit.transports.remote import RemoteLink
from edgekit.transports.visit import Visit
from edgekit.wire import Job
from tests.foreign_files import net
from tests.lab import board as boards
from tests.lab import parts
from tests.lab.needs import lacking
from tests.lab.network import Network
from tests.lab.parts import CannotGetError
from tests.lab.sshd import Sshd
from tests.machines import LocalMachine, scripted, scripted_worker
from tests.source import ROOT
from tests.wheels import bare_python, stand_in

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
    folder = bare.device.server.home / ".cache/edgekit/bundles"
    (bundle,) = (path for path in folder.iterdir() if (path / "onnxruntime").is_dir())
    packets = bare.device.wire.counts()["passed"]
    edgekit(*there)
    # The first brought 40 MB in packets of 1.5 kB.
    assert bare.device.wire.counts()["passed"] - packets < packets / 10
    assert list(folder.glob("*/onnxruntime")) == [bundle / "onnxruntime"]


@pytest.mark.ssh
def test_over_a_real_link(
    new_sshd: Callable[..., Sshd], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = new_sshd(user="root")
    home = tmp_path / "host-home"
    (home / ".ssh").mkdir(parents=True)
    shutil.copy(server.client_key, home / ".ssh/id_ed25519")
    stand_in(tmp_path / "tools")
    monkeypatch.setenv("PATH", f"{tmp_path / 'tools'}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr(cargo, "worker", functools.cache(scripted_worker))
    program = "import pack; say(pack.answer); say(pack.__file__)"
    monkeypatch.setitem(outfit.BUILDS, program, ("openvino",))
    monkeypatch.setitem(bundles.REQUIREMENTS, program, ("pack",))
    spec = DeviceSpec.of(
        address=f"root@{server.address}:{server.port}",
        host_key=server.host_key,
        python=bare_python(tmp_path / "python"),
    )
    inventory.add("board", spec)
    for _ in range(2):
        with linked(inventory.device("board")) as link:
            *_, answer, place = link.run(scripted(program), timeout_s=60.0)
        assert answer == b"42"
        assert place.startswith(b"/srv/root/.cache/edgekit/")
    assert len((tmp_path / "tools/asked").read_text().splitlines()) == 1
    kept = server.home / ".cache/edgekit"
    (bundle,) = (kept / "bundles").glob("*/pack")
    assert not (kept / "files" / bundle.parent.name).exists()


@pytest.mark.registry
def test_real_wheels_run_where_there_were_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    onnx.save(net(), tmp_path / "m.onnx")
    outputs = tmp_path / "outputs.npz"
    job = Job("infer", "onnxruntime", str(tmp_path / "m.onnx"), "fp32", 1, outputs=str(outputs))
    machine = LocalMachine(tmp_path / "device", python=bare_python(tmp_path / "python"))
    link = RemoteLink(Visit(machine, machine.spec, OWNER))
    try:
        with contextlib.closing(link):
            lines = [json.loads(line) for line in link.run(job, timeout_s=_TIMEOUT_S)]
    except (MissingDependency, ToolError) as error:
        pytest.skip(f"{error}: {error.stderr_tail}")
    finally:
        machine.end()
    assert lines[-1] == {"event": "outputs"}
    found = np.load(outputs)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    (right,) = session.run(None, {"x": found["input:x"]})
    assert np.allclose(found["output:0:0"], right, atol=1e-5)
