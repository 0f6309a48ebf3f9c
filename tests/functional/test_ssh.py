"""Devices over a real SSH server on loopback."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import cast

import pytest

from edgekit import inventory
from edgekit.errors import (
    AuthFailed,
    DataError,
    HostKeyChanged,
    HostKeyUnknown,
    Incompatible,
    LinkLost,
)
from edgekit.records.devicespec import DeviceSpec
from edgekit.transports import TRANSPORTS, Remote, cargo, linked, remote, visit
from edgekit.wire import Job
from edgekit.workflows import tuning
from tests import system_trees
from tests.lab.machine import USER_ID
from tests.lab.sshd import Sshd, new_key
from tests.machines import scripted, scripted_worker


@pytest.fixture
def server(new_sshd: Callable[..., Sshd], home: Path) -> Sshd:
    made = new_sshd(user="root")
    made.let_in(home)
    return made


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That of the user who measures, with an inventory of theirs."""
    made = tmp_path / "home"
    made.mkdir()
    monkeypatch.setenv("HOME", str(made))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(made / ".config"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def small_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cargo, "worker", functools.cache(scripted_worker))


def run(spec: DeviceSpec, job: Job, timeout_s: float = 60.0) -> Generator[bytes]:
    if "board" in inventory.load():
        inventory.remove("board")
    inventory.add("board", spec)
    with linked(inventory.device("board")) as link:
        lines = cast("Generator[bytes]", link.run(job, timeout_s=timeout_s))
        with contextlib.closing(lines):
            yield from lines


def say_one(spec: DeviceSpec) -> list[bytes]:
    return list(run(spec, scripted("say('one')")))


@pytest.mark.usefixtures("small_worker")
class TestLogin:
    def test_a_pinned_key_is_enough(self, server: Sshd) -> None:
        assert say_one(server.spec()) == [b"one"]
        assert list((server.work_dir / "jobs").iterdir()) == []

    def test_known_hosts_is_as_good(self, server: Sshd, home: Path) -> None:
        (home / ".ssh/known_hosts").write_text(server.known_host)
        assert say_one(server.spec(host_key="")) == [b"one"]

    def test_an_unknown_key_is_refused(self, server: Sshd) -> None:
        with pytest.raises(HostKeyUnknown, match="SHA256:") as caught:
            say_one(server.spec(host_key=""))
        assert f"edgekit devices add board {server.login}" in caught.value.hint

    def test_nothing_in_the_users_configuration_lets_an_unknown_key_pass(
        self, server: Sshd, home: Path
    ) -> None:
        lines = "Host *\nStrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n"
        (home / ".ssh/config").write_text(lines)
        with pytest.raises(HostKeyUnknown):
            say_one(server.spec(host_key=""))

    @pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
    def test_a_changed_key_is_refused(self, server: Sshd, tmp_path: Path, kind: str) -> None:
        other = new_key(tmp_path / "other", kind)
        with pytest.raises(HostKeyChanged, match="another host key") as caught:
            say_one(server.spec(host_key=other))
        assert "edgekit devices remove board" in caught.value.hint

    def test_a_key_that_changed_in_known_hosts_is_refused(
        self, server: Sshd, home: Path, tmp_path: Path
    ) -> None:
        line = f"[127.0.0.1]:{server.port} {new_key(tmp_path / 'other')}\n"
        (home / ".ssh/known_hosts").write_text(line)
        with pytest.raises(HostKeyChanged, match="another host key") as caught:
            say_one(server.spec(host_key=""))
        assert "ssh-keygen -R" in caught.value.hint

    def test_another_users_key_is_not_let_in(self, server: Sshd, home: Path) -> None:
        own = home / ".ssh/id_ed25519"
        own.unlink()
        new_key(own)
        with pytest.raises(AuthFailed, match=server.user):
            say_one(server.spec())

    def test_nobody_there(self, server: Sshd) -> None:
        server.kill()
        with pytest.raises(LinkLost, match="reached"):
            say_one(server.spec())

    def test_the_users_configuration_says_where_and_through_what(
        self, server: Sshd, home: Path
    ) -> None:
        (home / ".ssh/config").write_text(
            f"Host jump\nHostName 127.0.0.1\nPort {server.port}\nUser {server.user}\n"
            f"Host board\nHostName 127.0.0.1\nPort {server.port}\nUser {server.user}\n"
            "ProxyJump jump\n"
        )
        (home / ".ssh/known_hosts").write_text(server.known_host)
        assert say_one(server.spec(address="board")) == [b"one"]
        # The jump host's key is checked too.
        (home / ".ssh/known_hosts").unlink()
        with pytest.raises(HostKeyUnknown, match="on the way"):
            say_one(server.spec(address="board"))

    @pytest.mark.parametrize("name", ["config", "known_hosts"])
    def test_a_broken_configuration_is_told(self, server: Sshd, home: Path, name: str) -> None:
        (home / ".ssh" / name).write_text("Port\n")
        with pytest.raises(DataError, match="SSH configuration"):
            say_one(server.spec(host_key=""))

    def test_no_python_there(self, server: Sshd) -> None:
        with pytest.raises(Incompatible, match="there is no python9"):
            say_one(server.spec(python="python9"))


@pytest.mark.usefixtures("small_worker")
class TestLink:
    COUNT = 60
    PROGRAM = """
        open(job["precision"], "a").write("x")
        for number in range(60):
            say(number)
            time.sleep(0.05)
        """

    def test_the_job_runs_on_while_the_server_is_gone(self, server: Sshd, tmp_path: Path) -> None:
        runs = tmp_path / "runs"
        lines = run(server.spec(), scripted(self.PROGRAM, precision=str(runs)))
        found = [next(lines) for _ in range(3)]
        server.kill()
        time.sleep(0.5)
        server.start()
        found += list(lines)
        assert found == [str(number).encode() for number in range(self.COUNT)]
        assert runs.read_text() == "x"

    def test_another_key_after_the_break_is_refused(self, server: Sshd) -> None:
        lines = run(server.spec(), scripted("say('one'); time.sleep(5)"))
        assert next(lines) == b"one"
        server.kill()
        server.change_host_key("ecdsa")
        server.start()
        with pytest.raises(HostKeyChanged):
            next(lines)

    def test_a_server_that_stands_still_is_given_up(
        self, server: Sshd, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(visit, "PATIENCE_S", 0.5)
        monkeypatch.setattr(remote, "LEASE_S", 1.0)
        monkeypatch.setattr(remote, "GRACE_S", 0.5)
        monkeypatch.setattr("edgekit.transports.sshlogin._KEEPALIVE_S", 0.2)
        monkeypatch.setattr("edgekit.transports.sshlogin.CONNECT_S", 1.0)
        monkeypatch.setattr("edgekit.transports.sshlogin.LOGIN_S", 1.0)
        lines = run(server.spec(), scripted("say('one'); time.sleep(600)"))
        assert next(lines) == b"one"
        server.machine.signal("sshd", signal.SIGSTOP)
        start = time.monotonic()
        with pytest.raises(LinkLost):
            next(lines)
        assert time.monotonic() - start < 60
        server.machine.signal("sshd", signal.SIGCONT)

    def test_a_reader_that_stops_ends_the_job_there(self, server: Sshd) -> None:
        lines = run(server.spec(), scripted("say(os.getpid()); time.sleep(600)"))
        pid = int(next(lines))
        assert (server.machine.proc / "root/proc" / str(pid)).exists()
        lines.close()
        assert not (server.machine.proc / "root/proc" / str(pid)).exists()

    def test_names_reach_no_shell(self, server: Sshd, tmp_path: Path) -> None:
        model = tmp_path / "a'; touch evil; 'b \"$(touch evil)\".onnx"
        model.write_bytes(b"weights")
        job = scripted("say(open(job['model']).read())", model=str(model))
        assert list(run(server.spec(), job)) == [b"weights"]
        assert not list(server.home.rglob("evil"))


@pytest.mark.usefixtures("small_worker")
def test_as_a_plain_user(sshd: Sshd, home: Path) -> None:
    sshd.let_in(home)
    uid, cwd = list(run(sshd.spec(), scripted("say(os.getuid()); say(os.getcwd())")))
    assert int(uid) == USER_ID
    assert cwd.startswith(b"/srv/ek/.cache/edgekit/jobs/")
    assert sshd.work_dir.stat().st_mode & 0o777 == 0o700


def test_clocks_are_held_there_and_put_back(server: Sshd, tmp_path: Path) -> None:
    machine = system_trees.laptop(tmp_path / "machine")
    governor = machine / system_trees.CPU / "cpufreq/policy0/scaling_governor"
    inventory.add("board", server.spec(root=str(machine)))
    with tuning.tuned([inventory.device("board")]):
        assert governor.read_text() == "performance\n"
        time.sleep(0.5)
        assert governor.read_text() == "performance\n"
    assert governor.read_text() == "powersave\n"
    assert list((server.work_dir / "jobs").iterdir()) == []


def test_a_device_says_what_it_is(server: Sshd) -> None:
    inventory.add("board", server.spec())
    transport = TRANSPORTS.get("ssh")
    assert isinstance(transport, Remote)
    facts = transport.probe(inventory.device("board"))
    assert facts.machine == os.uname().machine
    assert "numpy" in facts.packages


def test_the_offered_key_is_the_servers(server: Sshd) -> None:
    transport = TRANSPORTS.get("ssh")
    assert isinstance(transport, Remote)
    key = transport.host_key(server.login)
    assert (key.public, key.fingerprint) == (server.host_key, server.fingerprint)
