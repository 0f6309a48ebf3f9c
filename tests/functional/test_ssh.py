"""Devices over a real SSH server on loopback."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
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
from edgekit.transports import TRANSPORTS, Remote, cargo, linked, remote, sshlogin, visit
from edgekit.wire import Job
from edgekit.workflows import tuning
from tests import system_trees
from tests.machines import scripted, scripted_worker
from tests.needs import without
from tests.sshd import Sshd, make_key

pytestmark = pytest.mark.ssh

try:
    import asyncssh
except ModuleNotFoundError:
    without("ssh", "no asyncssh here: pip install asyncssh")

Run = Callable[[Job], Generator[bytes]]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    made = Sshd(tmp_path / "sshd")
    # The user who logs in, and the inventory of it.
    monkeypatch.setenv("HOME", str(made.home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(made.home / ".config"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.chdir(made.home)
    made.start()
    yield made
    made.kill()


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

    def test_known_hosts_is_as_good(self, server: Sshd) -> None:
        line = f"[127.0.0.1]:{server.port} {server.host_key}\n"
        (server.home / ".ssh/known_hosts").write_text(line)
        assert say_one(server.spec(host_key="")) == [b"one"]

    def test_an_unknown_key_is_refused(self, server: Sshd) -> None:
        with pytest.raises(HostKeyUnknown, match="SHA256:") as caught:
            say_one(server.spec(host_key=""))
        assert f"edgekit devices add board {server.address}" in caught.value.hint

    def test_nothing_in_the_users_configuration_lets_an_unknown_key_pass(
        self, server: Sshd
    ) -> None:
        lines = "Host *\nStrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n"
        (server.home / ".ssh/config").write_text(lines)
        with pytest.raises(HostKeyUnknown):
            say_one(server.spec(host_key=""))

    @pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
    def test_a_changed_key_is_refused(self, server: Sshd, tmp_path: Path, kind: str) -> None:
        other = " ".join(make_key(tmp_path / "other", kind).split()[:2])
        with pytest.raises(HostKeyChanged, match="another host key") as caught:
            say_one(server.spec(host_key=other))
        assert "edgekit devices remove board" in caught.value.hint

    def test_a_key_that_changed_in_known_hosts_is_refused(
        self, server: Sshd, tmp_path: Path
    ) -> None:
        line = f"[127.0.0.1]:{server.port} {make_key(tmp_path / 'other')}\n"
        (server.home / ".ssh/known_hosts").write_text(line)
        with pytest.raises(HostKeyChanged, match="another host key") as caught:
            say_one(server.spec(host_key=""))
        assert "ssh-keygen -R" in caught.value.hint

    def test_another_users_key_is_not_let_in(self, server: Sshd) -> None:
        own = server.home / ".ssh/id_ed25519"
        own.unlink()
        make_key(own)
        with pytest.raises(AuthFailed, match=server.user):
            say_one(server.spec())

    def test_nobody_there(self, server: Sshd) -> None:
        server.kill()
        with pytest.raises(LinkLost, match="reached"):
            say_one(server.spec())

    def test_the_users_configuration_says_where_and_through_what(self, server: Sshd) -> None:
        (server.home / ".ssh/config").write_text(
            f"Host jump\nHostName 127.0.0.1\nPort {server.port}\nUser {server.user}\n"
            f"Host board\nHostName 127.0.0.1\nPort {server.port}\nUser {server.user}\n"
            "ProxyJump jump\n"
        )
        line = f"[127.0.0.1]:{server.port} {server.host_key}\n"
        (server.home / ".ssh/known_hosts").write_text(line)
        assert say_one(server.spec(address="board")) == [b"one"]
        # The jump host's key is checked too.
        (server.home / ".ssh/known_hosts").unlink()
        with pytest.raises(HostKeyUnknown, match="on the way"):
            say_one(server.spec(address="board"))

    @pytest.mark.parametrize("name", ["config", "known_hosts"])
    def test_a_broken_configuration_is_told(self, server: Sshd, name: str) -> None:
        (server.home / ".ssh" / name).write_text("Port\n")
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
        make_key(server._folder / "host_ecdsa", "ecdsa")
        server.start("ecdsa")
        with pytest.raises(HostKeyChanged):
            next(lines)

    def test_a_server_that_stands_still_is_given_up(
        self, server: Sshd, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(visit, "PATIENCE_S", 0.5)
        monkeypatch.setattr(remote, "LEASE_S", 1.0)
        monkeypatch.setattr(remote, "GRACE_S", 0.5)
        monkeypatch.setattr(sshlogin, "_KEEPALIVE_S", 0.2)
        monkeypatch.setattr(sshlogin, "CONNECT_S", 1.0)
        monkeypatch.setattr(sshlogin, "LOGIN_S", 1.0)
        lines = run(server.spec(), scripted("say('one'); time.sleep(600)"))
        assert next(lines) == b"one"
        server.signal(signal.SIGSTOP)
        start = time.monotonic()
        with pytest.raises(LinkLost):
            next(lines)
        assert time.monotonic() - start < 60
        server.signal(signal.SIGCONT)

    def test_a_reader_that_stops_ends_the_job_there(self, server: Sshd) -> None:
        lines = run(server.spec(), scripted("say(os.getpid()); time.sleep(600)"))
        pid = int(next(lines))
        lines.close()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    def test_names_reach_no_shell(self, server: Sshd, tmp_path: Path) -> None:
        model = tmp_path / "a'; touch evil; 'b \"$(touch evil)\".onnx"
        model.write_bytes(b"weights")
        job = scripted("say(open(job['model']).read())", model=str(model))
        assert list(run(server.spec(), job)) == [b"weights"]
        assert not list(server.home.rglob("evil"))


@pytest.mark.usefixtures("small_worker")
def test_as_a_plain_user(tmp_path_factory: pytest.TempPathFactory, server: Sshd) -> None:
    python = "/usr/bin/python3"
    if os.geteuid() != 0 or not shutil.which("unshare") or not Path(python).exists():
        pytest.skip("ssh: only root can make another user, who needs a Python of the system")
    with tempfile.TemporaryDirectory() as folder:
        other = server.other_user(Path(folder))
        try:
            spec = other.spec(python=python, work_dir="~/.cache/edgekit")
            job = scripted("say(os.getuid()); say(os.getcwd())")
            uid, cwd = list(run(spec, job))
        finally:
            other.kill()
        assert int(uid) == other.uid
        assert cwd.startswith(os.fsencode(f"{folder}/home/.cache/edgekit/jobs/"))
        assert (Path(folder) / "home/.cache/edgekit").stat().st_mode & 0o777 == 0o700


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
    key = transport.host_key(server.address)
    assert key.public == " ".join(server.host_key.split()[:2])
    assert key.fingerprint == asyncssh.import_public_key(key.public).get_fingerprint()
