"""`edgekit devices` and `bench --device`, as a user runs them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from tests.foreign_files import net
from tests.lab.sshd import Sshd
from tests.source import ROOT

RunCli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def cli(run_cli: RunCli, home: Path) -> RunCli:
    """Runs a command as a user with that home folder."""

    def run(*args: object) -> subprocess.CompletedProcess[str]:
        places = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")}
        # From another folder than the source, which is what must run all the same.
        places |= {"SSH_AUTH_SOCK": "", "PYTHONPATH": str(ROOT)}
        return run_cli(*args, env=places, cwd=home)

    return run


def test_an_unknown_device_says_how_to_add_it(cli: RunCli, tmp_path: Path) -> None:
    onnx.save(net(), tmp_path / "m.onnx")
    done = cli("bench", tmp_path / "m.onnx", "--device", "jetson")
    assert done.returncode == 2
    assert "edgekit devices add jetson user@host" in done.stderr


def test_an_empty_inventory(cli: RunCli) -> None:
    assert "edgekit devices add" in cli("devices", "list").stdout
    assert json.loads(cli("devices", "list", "--json").stdout) == []


@pytest.mark.parametrize(
    "args",
    [
        ("add", "a b", "user@host"),
        ("add", "board", "user@host; reboot"),
        ("add", "board", "user@host", "--work-dir", "/a b"),
        ("add", "phone", "SERIAL", "--transport", "usb"),
        ("add", "phone", "SERIAL;id", "--transport", "adb"),
        ("add", "phone", "SERIAL", "--transport", "adb", "--python", "python3"),
        ("add", "board", "user@host", "--benchmark-model", "/nothing"),
        ("remove", "board"),
        ("check", "board"),
    ],
)
def test_what_can_not_be_is_refused_before_anything_is_reached(
    cli: RunCli, args: tuple[str, ...]
) -> None:
    done = cli("devices", *args)
    assert done.returncode == 2
    assert "hint: " in done.stderr


def test_a_program_that_is_none_is_not_added(cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    words = ("devices", "add", "phone", "X1", "--transport", "adb", "--benchmark-model")
    done = cli(*words, tmp_path / "text")
    assert done.returncode == 6
    assert "is no program" in done.stderr


def test_nobody_there(cli: RunCli) -> None:
    done = cli("devices", "add", "board", "me@127.0.0.1:1")
    assert done.returncode == 5
    assert "can't be reached" in done.stderr


class TestDevices:
    @pytest.fixture
    def server(self, new_sshd: Callable[..., Sshd], home: Path) -> Sshd:
        made = new_sshd(user="root")
        made.let_in(home)
        return made

    @pytest.fixture
    def add(self, cli: RunCli, server: Sshd) -> Callable[..., Any]:
        def add(*args: object) -> Any:
            fixed = ("--python", server.spec().python, "--emulated")
            return cli("devices", "add", "board", server.login, *fixed, *args)

        return add

    def test_a_device_is_added_by_its_fingerprint(
        self, add: Callable[..., Any], cli: RunCli, server: Sshd
    ) -> None:
        fingerprint = server.fingerprint
        added = json.loads(add("--fingerprint", fingerprint, "--json").stdout)
        assert added["fingerprint"] == fingerprint
        assert added["emulated"]
        (listed,) = json.loads(cli("devices", "list", "--json").stdout)
        assert listed == added
        checked = json.loads(cli("devices", "check", "board", "--json").stdout)
        assert checked["facts"]["python"].startswith("3.")
        assert {part["name"] for part in checked["runtimes"]} >= {"onnxruntime", "tensorrt"}
        assert "removed board" in cli("devices", "remove", "board").stdout

    def test_a_key_that_nobody_confirms_is_not_kept(
        self, add: Callable[..., Any], server: Sshd, home: Path
    ) -> None:
        done = add()
        assert done.returncode == 5
        assert f"--fingerprint {server.fingerprint}" in done.stderr
        assert not (home / ".config").exists()

    def test_another_fingerprint_than_expected_is_refused(
        self, add: Callable[..., Any], home: Path
    ) -> None:
        done = add("--fingerprint", "SHA256:" + "A" * 43)
        assert done.returncode == 5
        assert "not SHA256:AAAA" in done.stderr
        assert not (home / ".config").exists()

    def test_a_bench_there_gives_what_a_bench_here_gives(
        self, add: Callable[..., Any], cli: RunCli, server: Sshd, home: Path, tmp_path: Path
    ) -> None:
        add("--fingerprint", server.fingerprint)
        # A machine that tells of no disturbance: what else runs here shall not matter.
        with (home / ".config/edgekit/devices.toml").open("a") as file:
            file.write('root = "/nonexistent"\n')
        onnx.save(net(), tmp_path / "m.onnx")
        words = ("bench", tmp_path / "m.onnx", "--profile", "quick", "--threads", 1, "--json")
        there = cli(*words, "--device", "board", "--results", tmp_path / "r")
        here = cli(*words, "--results", tmp_path / "r")
        found = [json.loads(done.stdout)["results"][0] for done in (there, here)]
        assert [result["device"]["name"] for result in found] == ["board", "local"]
        assert len({result["launches"][0]["output_sha256"] for result in found}) == 1
        assert list((server.work_dir / "jobs").iterdir()) == []
