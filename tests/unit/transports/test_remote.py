"""Jobs on a device whose link breaks, with the real agent and workers of our own."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import cast

import msgspec
import pytest

from edgekit.errors import DeviceBusy, DeviceError, Incompatible, LinkLost
from edgekit.transports import OWNER, cargo, remote, visit
from edgekit.transports.agentclient import AgentClient
from edgekit.transports.remote import RemoteLink
from edgekit.transports.visit import Visit
from edgekit.wire import Job
from tests.agents import eventually
from tests.machines import LocalMachine, scripted, scripted_worker

LONG_S = 60.0
Make = Callable[[], LocalMachine]


@pytest.fixture(autouse=True)
def small_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cargo, "worker", functools.cache(scripted_worker))


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes hosts' ways to one device."""
    made: list[LocalMachine] = []

    def make() -> LocalMachine:
        made.append(LocalMachine(tmp_path / "device"))
        return made[-1]

    yield make
    for machine in made:
        machine.end()


def linked(machine: LocalMachine, owner: str = OWNER) -> RemoteLink:
    return RemoteLink(Visit(machine, machine.spec, owner))


def run(machine: LocalMachine, job: Job, timeout_s: float = LONG_S) -> Generator[bytes]:
    with contextlib.closing(linked(machine)) as link:
        lines = cast("Generator[bytes]", link.run(job, timeout_s=timeout_s))
        with contextlib.closing(lines):
            yield from lines


def jobs_left(machine: LocalMachine) -> list[Path]:
    return list((machine.root / "jobs").iterdir())


def test_a_jobs_lines_come_and_nothing_is_left(make: Make) -> None:
    machine = make()
    job = scripted("say('one'); say(job['threads']); os.write(1, b'three')", threads=3)
    assert list(run(machine, job)) == [b"one", b"3", b"three"]
    assert jobs_left(machine) == []
    assert not (machine.root / "lock.json").exists()


def test_the_job_finds_its_files_by_their_names_there(make: Make, tmp_path: Path) -> None:
    model = tmp_path / "a b;c.onnx"
    model.write_bytes(b"weights")
    job = scripted("say(job['model']); say(open(job['model']).read())", model=str(model))
    assert list(run(make(), job)) == [b"0/model.onnx", b"weights"]


def test_a_second_job_moves_next_to_nothing(make: Make, tmp_path: Path) -> None:
    model = tmp_path / "m.onnx"
    model.write_bytes(os.urandom(10 * 2**20))
    job = scripted("say('done')", model=str(model))
    first, second = make(), make()
    list(run(first, job))
    assert first.sent_bytes > model.stat().st_size
    assert list(run(second, job)) == [b"done"]
    assert second.sent_bytes < 100_000


def test_each_line_comes_once_over_a_link_that_breaks(make: Make, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    machine = make()
    job = scripted(
        f"""
        with open({str(runs)!r}, "a") as file: file.write("x")
        for number in range(40):
            say(number)
            time.sleep(0.02)
        """
    )
    lines = run(machine, job)
    found = [next(lines) for _ in range(3)]
    machine.down.set()
    time.sleep(0.3)
    machine.down.clear()
    found += list(lines)
    assert found == [str(number).encode() for number in range(40)]
    assert runs.read_text() == "x"
    assert machine.agents > 1


@pytest.mark.parametrize("sent_bytes", [1, 60_000, 1_000_000])
def test_a_link_that_breaks_while_files_are_brought(
    make: Make, tmp_path: Path, sent_bytes: int
) -> None:
    model = tmp_path / "m.onnx"
    model.write_bytes(os.urandom(4 * 2**20))
    machine = make()

    def cut() -> None:
        eventually(lambda: machine.sent_bytes >= sent_bytes)
        machine.down.set()
        time.sleep(0.3)
        machine.down.clear()

    fault = threading.Thread(target=cut)
    fault.start()
    job = scripted("say(len(open(job['model'], 'rb').read()))", model=str(model))
    assert list(run(machine, job)) == [str(model.stat().st_size).encode()]
    fault.join()


def test_a_link_that_stays_away_is_told(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit, "PATIENCE_S", 0.5)
    monkeypatch.setattr(remote, "LEASE_S", 1.0)
    machine = make()
    lines = run(machine, scripted("say('one'); time.sleep(600)"))
    assert next(lines) == b"one"
    machine.down.set()
    with pytest.raises(LinkLost):
        next(lines)
    # The device ends what nobody asks for.
    (folder,) = jobs_left(machine)
    eventually((folder / "result.json").exists)
    assert json.loads((folder / "result.json").read_text())["reason"] == "lease"


def test_a_device_that_is_not_there_is_told_at_once(make: Make) -> None:
    machine = make()
    machine.down.set()
    start = time.monotonic()
    with pytest.raises(LinkLost, match="no route"):
        list(run(machine, scripted("say('one')")))
    assert time.monotonic() - start < LONG_S / 2


def test_a_reader_that_stops_ends_the_job(make: Make, tmp_path: Path) -> None:
    machine = make()
    lines = run(machine, scripted("say(os.getpid()); time.sleep(600)"))
    pid = int(next(lines))
    lines.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert jobs_left(machine) == []


def test_a_busy_device_says_who_has_it(make: Make) -> None:
    first = make()
    client = AgentClient(first.agent)
    client.lock("anna@laptop", 60.0)
    with pytest.raises(DeviceBusy, match="anna@laptop"):
        list(run(make(), scripted("say('one')")))
    client.unlock("anna@laptop")
    client.close()
    assert list(run(make(), scripted("say('one')"))) == [b"one"]


def test_outputs_are_here_when_the_last_line_is(make: Make, tmp_path: Path) -> None:
    to = tmp_path / "out.npz"
    content = bytes(range(256)) * 8192
    program = """
        with open(job["outputs"], "wb") as file: file.write(bytes(range(256)) * 8192)
        say("one")
        say("done")
        """
    seen = [(line, to.exists()) for line in run(make(), scripted(program, outputs=str(to)))]
    assert [line for line, _ in seen] == [b"one", b"done"]
    assert seen[-1] == (b"done", True)
    assert to.read_bytes() == content


def test_a_link_in_place_of_an_output_is_not_fetched(make: Make, tmp_path: Path) -> None:
    to = tmp_path / "out.npz"
    program = "os.symlink('/etc/passwd', job['outputs']); say('done')"
    assert list(run(make(), scripted(program, outputs=str(to)))) == [b"done"]
    assert not to.exists()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("sys.stderr.write('\\x1b[31mthe end'); sys.exit(7)", "exit status 7"),
        ("os.kill(os.getpid(), 11)", "signal 11|SIGSEGV"),
    ],
)
def test_a_crash_is_told(make: Make, program: str, words: str) -> None:
    with pytest.raises(DeviceError, match=words) as caught:
        list(run(make(), scripted(program)))
    assert "\x1b" not in caught.value.stderr_tail


def test_a_line_that_was_cut_does_not_hide_why(make: Make) -> None:
    with pytest.raises(DeviceError, match="exit status 7"):
        list(run(make(), scripted('os.write(1, b\'{"event": "samp\'); sys.exit(7)')))


def test_time_runs_out_on_the_device(make: Make) -> None:
    machine = make()
    with pytest.raises(DeviceError, match="no result after 1 s"):
        list(run(machine, scripted("time.sleep(600)"), timeout_s=1.0))
    assert jobs_left(machine) == []


def test_a_python_that_is_not_there_is_told(tmp_path: Path) -> None:
    machine = LocalMachine(tmp_path / "device", python="/usr/bin/env")
    with pytest.raises(Incompatible, match="exit status"):
        list(run(machine, scripted("say('one')")))
    machine.end()


def test_whoever_takes_a_job_over_gets_all_its_lines(make: Make, tmp_path: Path) -> None:
    """As where a host died: its links are gone without a word."""
    runs, job_id = tmp_path / "runs", "0" * 31 + "1"
    job = scripted(
        f"""
        with open({str(runs)!r}, "a") as file: file.write("x")
        for number in range(20):
            say(number)
            time.sleep(0.02)
        """
    )
    whole = [str(number).encode() for number in range(20)]
    dead = make()
    lines = cast("Generator[bytes]", linked(dead).run(job, timeout_s=LONG_S, job_id=job_id))
    assert [next(lines) for _ in range(3)] == whole[:3]
    heirs = [linked(make()) for _ in range(2)]
    for heir in heirs:  # while it runs, and after its end
        assert list(heir.run(job, timeout_s=LONG_S, job_id=job_id)) == whole
    assert runs.read_text() == "x"
    heirs[-1].close()
    assert jobs_left(dead) == []
    dead.close()


def test_a_link_has_the_device_until_it_is_closed(make: Make) -> None:
    machine = make()
    link = linked(machine)
    say = scripted("say('one')")
    assert list(link.run(say, timeout_s=LONG_S)) == [b"one"]
    other = make()
    with pytest.raises(DeviceBusy, match=OWNER):
        list(linked(other, "anna@laptop").run(say, timeout_s=LONG_S))
    assert list(link.run(say, timeout_s=LONG_S)) == [b"one"]
    assert machine.agents == 1
    link.close()
    assert list(linked(make(), "anna@laptop").run(say, timeout_s=LONG_S)) == [b"one"]


def test_whoever_has_the_device_is_waited_for(make: Make) -> None:
    first = make()
    client = AgentClient(first.agent)
    client.lock("anna@laptop", 60.0)
    machine = make()
    machine.spec = msgspec.structs.replace(machine.spec, wait_s=60.0)
    lines = run(machine, scripted("say('one')"))
    assert json.loads(next(lines)) == {"event": "phase", "phase": "wait"}
    client.unlock("anna@laptop")
    assert list(lines)[-1] == b"one"
    client.close()


def test_another_thread_stops_what_runs(make: Make) -> None:
    machine = make()
    link = linked(machine)
    lines = link.run(scripted("say(os.getpid()); time.sleep(600)"), timeout_s=LONG_S)
    pid = int(next(lines))
    hand = threading.Thread(target=link.stop)
    hand.start()
    with pytest.raises(DeviceError, match="stopped"):
        next(lines)
    hand.join()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    link.close()
    assert jobs_left(machine) == []
