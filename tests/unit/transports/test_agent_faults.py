"""Whatever befalls a device, a host or the channel between: one run, and the true reason."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit.errors import DeviceError, Incompatible, LinkLost
from edgekit.transports.agentanswers import Result, failure
from edgekit.transports.agentclient import AgentClient
from tests.agents import LONG_S, OWNER, FolderDevice, eventually
from tests.unit.transports.conftest import MakeDevice

CGROUPS = Path("/sys/fs/cgroup")
# Two that are started, one of which stands still and one of which leaves the group.
FAMILY = """
import os, signal, subprocess, time
still = subprocess.Popen(["sleep", "600"])
os.kill(still.pid, signal.SIGSTOP)
subprocess.Popen(["sleep", "600"], start_new_session=True)
print("up")
"""


def first_line(client: AgentClient, name: str) -> bytes:
    return next(iter(client.attach(name, timeout_s=LONG_S)))


def ended(client: AgentClient, name: str) -> Result:
    eventually(lambda: client.status(name).state == "done")
    return client.result(name)


def test_channels_die_and_the_run_goes_on(device: FolderDevice) -> None:
    client = device.client()
    program = """
        import os, sys, time
        number = 0
        while not os.path.exists("stop"):
            sys.stdout.write(str(number)); sys.stdout.write("\\n")
            number += 1
            time.sleep(0.01)
        print(number)
        """
    name = device.begin(client, program)
    lines: list[int] = []
    killers: list[threading.Timer] = []
    for line in client.attach(name, timeout_s=LONG_S):
        lines.append(int(line))
        if len(killers) < min(4, len(device.channels)):
            # While the next answer is waited for.
            killers.append(threading.Timer(0.02, device.channels[-1].process.kill))
            killers[-1].start()
        if len(device.channels) == 5:
            (device.job(name).work / "stop").touch()
    assert lines == [*range(len(lines) - 1), len(lines) - 1]
    assert len(device.channels) == 5
    assert ended(client, name).reason == "exit"


@pytest.mark.parametrize("pause_s", [0.0, 0.001, 0.003, 0.01, 0.03, 0.1])
def test_a_channel_dies_while_a_job_starts(device: FolderDevice, pause_s: float) -> None:
    client, name = device.client(), uuid.uuid4().hex
    client.lock(OWNER, LONG_S)
    client.mkjob(name, {})
    order = device.order("import os; open('runs', 'a').write('x'); print('done')")
    channel = device.greeted()
    channel.send(json.dumps({"id": 1, "op": "start", "args": {"job": name, **order}}).encode())
    channel.send(b"\n")
    time.sleep(pause_s)
    channel.close()
    client.start(name, **order)
    assert list(client.attach(name, timeout_s=LONG_S)) == [b"done"]
    assert (device.job(name).work / "runs").read_text() == "x"


def test_a_host_is_gone_for_good(device: FolderDevice) -> None:
    client = device.client()
    name = device.begin(client, FAMILY + "time.sleep(600)", lease_s=1.0)
    client.close()
    job = device.job(name)
    eventually(lambda: job.state()["state"] == "done")
    result = client.result(name)
    assert result.reason == "lease"
    assert isinstance(failure(result, LONG_S), LinkLost)


def test_reading_renews_the_lease(device: FolderDevice) -> None:
    lines, result = device.run("import time; time.sleep(3.2); print('end')", lease_s=1.0)
    assert (lines, result.reason) == ([b"end"], "exit")


def test_a_job_takes_too_long_and_does_not_listen(device: FolderDevice) -> None:
    program = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + FAMILY
    _, result = device.run(program + "time.sleep(600)", timeout_s=0.5)
    assert (result.reason, result.signal, result.all_ended) == ("timeout", signal.SIGKILL, True)
    assert result.strays == 1
    assert "0.5 s" in str(failure(result, 0.5))


def test_a_job_is_cancelled_and_has_the_time_to_clean_up(device: FolderDevice) -> None:
    client = device.client()
    program = """
        import signal, sys, time
        told = []
        signal.signal(signal.SIGTERM, lambda *_: told.append("told"))
        print("up")
        sys.stdin.read()
        while not told:
            time.sleep(0.01)
        print("ended")
        """
    name = device.begin(client, program, stdin="x\n", grace_s=30.0)
    assert first_line(client, name) == b"up"
    client.cancel(name)
    assert ended(client, name).reason == "cancelled"
    assert list(client.attach(name, timeout_s=LONG_S)) == [b"up", b"ended"]


def test_what_stands_still_is_cancelled_too(device: FolderDevice) -> None:
    client = device.client()
    name = device.begin(client, FAMILY + "os.kill(os.getpid(), signal.SIGSTOP)")
    assert first_line(client, name) == b"up"
    client.cancel(name)
    result = ended(client, name)
    assert (result.reason, result.signal, result.all_ended) == ("cancelled", 9, True)


def test_a_job_is_cancelled_before_it_starts(device: FolderDevice) -> None:
    client, name = device.client(), uuid.uuid4().hex
    client.lock(OWNER, LONG_S)
    client.mkjob(name, {})
    client.cancel(name)
    client.start(name, **device.order("import time; time.sleep(600)"))
    assert ended(client, name).reason == "cancelled"


def test_what_a_job_leaves_behind_is_ended(device: FolderDevice) -> None:
    # It has left the group, the session and the environment, and holds standard output open.
    program = """
        import os, shutil
        sleep, (gone, held) = shutil.which("sleep"), os.pipe()
        if not os.fork():
            os.setsid()
            if not os.fork():
                os.execve(sleep, ["sleep", "600"], {})
            os._exit(0)
        os.close(held)
        os.read(gone, 1)  # until the other program runs
        """
    _, result = device.run(program)
    assert (result.reason, result.status, result.all_ended) == ("exit", 0, True)
    assert result.strays == 1


def test_the_supervisor_is_killed(device: FolderDevice) -> None:
    client = device.client()
    name = device.begin(client, FAMILY + "time.sleep(600)")
    assert first_line(client, name) == b"up"
    assert len(device.left()) == 4
    os.kill(device.job(name).began()["pid"], signal.SIGKILL)
    eventually(lambda: client.status(name).state == "lost")
    assert client.status(name).why == "supervisor died"
    with pytest.raises(DeviceError, match="was killed"):
        client.result(name)
    eventually(lambda: device.left() == [])
    client.unlock(OWNER)
    client.lock("ben", LONG_S)


def test_the_next_agent_ends_what_a_killed_supervisor_left(device: FolderDevice) -> None:
    client = device.client()
    name = device.begin(client, FAMILY + "time.sleep(600)")
    assert first_line(client, name) == b"up"
    client.close()
    os.kill(device.job(name).began()["pid"], signal.SIGKILL)
    # The program itself dies with its supervisor, the others with nobody.
    eventually(lambda: len(device.left()) == 2)
    device.greeted()
    eventually(lambda: device.left() == [])


def test_the_device_was_restarted(device: FolderDevice) -> None:
    client = device.client()
    name = device.begin(client, "print(1)")
    ended(client, name)
    folder = device.job(name).folder
    (folder / "result.json").unlink()
    began = json.loads((folder / "began.json").read_text())
    (folder / "began.json").write_text(json.dumps({**began, "boot_id": "another"}))
    with pytest.raises(DeviceError, match="restarted"):
        client.result(name)
    assert client.gc(name)


def test_a_flood_on_standard_output(device: FolderDevice) -> None:
    program = "import sys\nfor _ in range(300): sys.stdout.write('x' * 9999 + '\\n')"
    lines, result = device.run(program, stdout_bytes=2**20)
    # The last one was cut in the middle.
    assert sum(map(len, lines)) + len(lines) == 2**20 // 10_000 * 10_000
    assert result.kept_bytes["stdout"] == 2**20
    assert result.dropped_bytes["stdout"] == 300 * 10_000 - 2**20
    assert "the worker sent more than" in str(failure(result, LONG_S))


def test_a_flood_on_standard_error(device: FolderDevice) -> None:
    program = "import sys; sys.stderr.write('x' * 3_000_000 + 'the end'); print('fine')"
    lines, result = device.run(program, stderr_bytes=2**20)
    assert lines == [b"fine"]
    assert result.dropped_bytes["stderr"] == 3_000_007 - 2**20
    assert result.tail.endswith("the end")
    assert failure(result, LONG_S) is None


def test_a_file_that_grows_too_large(device: FolderDevice) -> None:
    program = "open('out', 'wb').write(bytes(2**21))"
    _, result = device.run(program, file_bytes=2**20, outputs=["out"])
    assert result.status == 1
    assert "File too large" in result.tail
    assert result.outputs["out"].size_bytes <= 2**20


def test_memory_that_it_may_not_have(device: FolderDevice) -> None:
    _, result = device.run("bytearray(2**30)", memory_bytes=2**28)
    assert (result.reason, result.status) == ("exit", 1)
    assert "MemoryError" in result.tail


@pytest.mark.parametrize(("kills", "reason"), [(3, "signal"), (4, "oom")])
def test_what_killed_it_is_what_the_kernel_counted(
    device: FolderDevice, tmp_path: Path, kills: int, reason: str
) -> None:
    counter = tmp_path / "proc/vmstat"
    counter.parent.mkdir()
    counter.write_text("pgfault 9\noom_kill 3\n")
    program = f"""
        import os
        open({str(counter)!r}, "w").write("pgfault 9\\noom_kill {kills}\\n")
        os.kill(os.getpid(), 9)
        """
    _, result = device.run(program, system=str(tmp_path))
    assert (result.reason, result.signal) == (reason, 9)


def _group(parent: Path, limit: str) -> Path | None:
    group = parent / f"edgekit-{uuid.uuid4().hex}"
    try:
        group.mkdir()
        (group / limit).write_text(str(96 * 2**20))
    except OSError:
        with contextlib.suppress(OSError):
            group.rmdir()
        return None
    return group


@pytest.fixture
def memory_group() -> Iterator[Path]:
    """A group of processes that may have 96 MiB together."""
    old = _group(CGROUPS / "memory", "memory.limit_in_bytes")
    group = old or _group(CGROUPS, "memory.max")
    if group is None:
        pytest.skip("no group with less memory can be made: that needs root and cgroups")
    yield group
    eventually(lambda: not (group / "cgroup.procs").read_text())
    group.rmdir()


def test_memory_that_there_is_not(memory_group: Path, make_device: MakeDevice) -> None:
    def join() -> None:
        (memory_group / "cgroup.procs").write_text(str(os.getpid()))

    device = make_device(popen={"preexec_fn": join})
    program = "held = []\nwhile True: held.append(b'x' * 2**22)"
    _, result = device.run(program)
    assert (result.reason, result.signal) == ("oom", signal.SIGKILL)
    assert result.peak_bytes > 2**24
    assert "not enough memory" in str(failure(result, LONG_S))
    assert device.run("print('still here')")[0] == [b"still here"]


def test_the_disk_fills_up_while_it_runs(small_disk: Path, make_device: MakeDevice) -> None:
    device = make_device(small_disk)
    program = "import sys\nfor n in range(300_000): print(n)\nsys.exit('no' * 9999)"
    lines, result = device.run(program)
    assert (result.reason, result.status, result.disk_full) == ("exit", 1, True)
    assert min(result.dropped_bytes["stdout"], result.dropped_bytes["stderr"]) > 0
    assert [int(line) for line in lines[:-1]] == list(range(len(lines) - 1))
    assert isinstance(failure(result, LONG_S), Incompatible)


def test_the_disk_is_full_before_it_starts(small_disk: Path, make_device: MakeDevice) -> None:
    device = make_device(small_disk)
    client, name = device.client(), uuid.uuid4().hex
    client.lock(OWNER, LONG_S)
    client.mkjob(name, {})
    hog = small_disk / "hog"
    with contextlib.suppress(OSError), hog.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with pytest.raises(Incompatible, match="disk is full"):
        client.start(name, **device.order("print(1)"))
    hog.unlink()
    client.start(name, **device.order("print(1)"))
    assert list(client.attach(name, timeout_s=LONG_S)) == [b"1"]
