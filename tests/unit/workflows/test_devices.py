"""`edgekit devices check` on a device that is a folder here, with the real agent and worker."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgekit import inventory
from edgekit.records import Device
from edgekit.records.devices import DeviceCheck, DeviceFacts, HostKey
from edgekit.records.devicespec import DeviceSpec
from edgekit.reports import devices as report
from edgekit.transports import OWNER, TRANSPORTS, Link, cargo, remote
from edgekit.transports.agentclient import AgentClient
from edgekit.transports.remote import RemoteLink
from edgekit.transports.visit import Visit
from edgekit.workflows import devices
from tests import machines, system_trees
from tests.machines import LocalMachine, scripted_worker
from tests.wheels import bare_python, stand_in

Look = Callable[..., DeviceCheck]


class OverPipes:
    """A transport to a folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.made: list[LocalMachine] = []

    def machine(self, device: Device) -> LocalMachine:
        made = LocalMachine(self.home)
        made.spec = inventory.find(device.name)
        self.made.append(made)
        return made

    def open(self, device: Device, owner: str = OWNER) -> Link:
        machine = self.machine(device)
        return RemoteLink(Visit(machine, machine.spec, owner))

    def host_key(self, address: str) -> HostKey:
        raise AssertionError(address)

    def probe(self, device: Device) -> DeviceFacts:
        machine = self.machine(device)
        client = AgentClient(machine.agent, patience_s=0.0)
        try:
            return remote.facts(client.probe(system=machine.spec.root))
        finally:
            client.close()


@pytest.fixture
def transport(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OverPipes]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = OverPipes(tmp_path / "device")
    monkeypatch.setitem(TRANSPORTS._loaded, "ssh", made)
    yield made
    for machine in made.made:
        machine.end()


@pytest.fixture
def check(transport: OverPipes) -> Look:
    def check(**fields: Any) -> DeviceCheck:
        fields = {"python": sys.executable, **fields}
        inventory.add("board", DeviceSpec.of(address="host", **fields))
        return devices.check("board")

    return check


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that knows of no wheel for LiteRT."""
    program = stand_in(tmp_path / "tools")
    program.write_text(
        """#!/bin/sh
        case "$*" in *litert*) echo 'x no solution' >&2; exit 1;; esac
        printf 'Would install 2 packages\\n + numpy==2.2.6\\n + onnxruntime==1.23.2\\n' >&2
        """
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'tools'}:{os.environ['PATH']}")
    return program


def test_a_laptop_is_looked_at_as_doctor_does(check: Look, tmp_path: Path) -> None:
    system_trees.laptop(tmp_path / "machine")
    battery = {"sys/class/power_supply/BAT0/status": "Discharging\n"}
    system_trees.write(tmp_path / "machine", battery)
    found = check(root=str(tmp_path / "machine"), emulated=True)
    assert (found.unseen, found.emulated) == ("", True)
    assert found.state["power.battery"] == "Discharging"
    assert found.state["machine_class"] == "quiet"
    assert not [name for name in found.state if name.startswith("counter.")]
    text = " ".join(one.what for one in found.disturbances)
    assert all(word in text for word in ("battery", "powersave", "turbo"))
    shown = report.checked(found)
    assert shown.startswith(" board (EMULATED)")
    assert "mend: plug it in" in shown
    # Nothing is left on it.
    jobs = tmp_path / "device/.cache/edgekit/jobs"
    assert list(jobs.iterdir()) == []


def test_what_is_there_is_ready(check: Look) -> None:
    found = check(root="/nonexistent")
    (onnxruntime,) = (one for one in found.runtimes if one.name == "onnxruntime")
    assert onnxruntime.state == "there"
    assert onnxruntime.versions.keys() == {"onnxruntime", "numpy"}
    assert "nothing that would disturb" in report.checked(found)


def test_what_would_be_brought_and_what_can_not_be(check: Look, tmp_path: Path, uv: Path) -> None:
    found = check(root="/nonexistent", python=bare_python(tmp_path / "python"))
    assert found.unseen == ""
    runtimes = {one.name: one for one in found.runtimes}
    assert runtimes["onnxruntime"].state == "brought"
    assert runtimes["onnxruntime"].versions == {"onnxruntime": "1.23.2", "numpy": "2.2.6"}
    assert runtimes["litert"].state == "missing"
    assert "ai-edge-litert has no wheel" in runtimes["litert"].why
    assert "nvidia-jetpack" in runtimes["tensorrt"].install
    assert "never pushed" in runtimes["torch"].why
    shown = report.checked(found)
    assert "edgekit brings it" in shown
    assert "pip install --user torch" in shown


def test_a_registry_that_is_out_of_reach_is_no_error(
    check: Look, tmp_path: Path, uv: Path
) -> None:
    uv.write_text("#!/bin/sh\necho 'error: Failed to fetch' >&2\nexit 2\n")
    found = check(root="/nonexistent", python=bare_python(tmp_path / "python"))
    (onnxruntime,) = (one for one in found.runtimes if one.name == "onnxruntime")
    assert onnxruntime.why == "the package registry can't be reached"
    assert "UV_DEFAULT_INDEX" in onnxruntime.install


def test_whoever_measures_is_not_disturbed(check: Look, transport: OverPipes) -> None:
    machine = LocalMachine(transport.home)
    transport.made.append(machine)
    client = AgentClient(machine.agent)
    client.lock("anna@laptop", 60.0)
    found = check(root="/nonexistent")
    client.close()
    assert found.facts.holder == "anna@laptop"
    assert "somebody measures on it" in found.unseen
    assert (found.machine, found.state) == ({}, {})
    shown = report.checked(found)
    assert "in use by" in shown
    assert "it was not looked at any closer" in shown


def test_somebody_who_comes_between_the_looks_is_not_waited_for(
    check: Look, transport: OverPipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = transport.probe

    def probed(device: Device) -> DeviceFacts:
        facts = probe(device)
        client = AgentClient(transport.machine(device).agent)
        client.lock("anna@laptop", 60.0)
        client.close()
        return facts

    monkeypatch.setattr(transport, "probe", probed)
    assert "somebody measures on it" in check(root="/nonexistent").unseen


def worker(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """A worker that runs `program` in place of a look."""
    text = machines._WORKER.replace('job["runtime"]', repr(program))
    assert repr(program) in text
    monkeypatch.setattr(machines, "_WORKER", text)
    monkeypatch.setattr(cargo, "worker", functools.cache(scripted_worker))


NASTY = "\x1b]0;evil\x07\x1b[2J"
LOOK = {
    "event": "look",
    "machine": {f"board.{NASTY}": NASTY, "cpu.model": NASTY},
    "before": {},
    "after": {
        f"temperature_mc.{NASTY}": "99000",
        "cpu.governor": NASTY,
        "x_bytes": "9" * 900,
        "load_1min": "nan",
        "pressure.cpu_some_avg10": "99",
    },
    "busy": [[NASTY + "\n- forged", 0.9]],
}


def said(look: dict[str, Any]) -> str:
    return f"say({json.dumps(look)!r})"


def test_nothing_of_a_device_steers_the_terminal(
    check: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker(monkeypatch, said(LOOK))
    found = check(root="/nonexistent")
    assert found.unseen == ""
    shown = report.checked(found).splitlines()
    assert all(line.isprintable() for line in shown)
    assert not [line for line in shown if line.startswith("- forged")]
    assert any("forged 90% of one" in line for line in shown)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("pass", "without a word"),
        ("say('{')", "make sense"),
        ('say(\'{"event": "look"}\')', "make sense"),
        (said({**LOOK, "busy": [["x", 1e300]]}), "share of a CPU"),
        (said({**LOOK, "after": {"x": "y" * 2000}}), "too much"),
        ("raise SystemExit(7)", "exit status 7"),
        (f"sys.stderr.write({NASTY!r}); raise SystemExit(7)", "exit status 7"),
    ],
)
def test_a_worker_that_tells_nothing_leaves_what_the_agent_tells(
    check: Look, monkeypatch: pytest.MonkeyPatch, program: str, words: str
) -> None:
    worker(monkeypatch, program)
    found = check(root="/nonexistent")
    assert words in found.unseen
    assert found.facts.cpus > 0
    shown = report.checked(found)
    assert words in shown
    assert all(line.isprintable() for line in shown.splitlines())
