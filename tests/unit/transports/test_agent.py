"""The agent, as the one file that a device gets: what it is asked for, and what it refuses."""

from __future__ import annotations

import json
import os
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.errors import DeviceBusy, DeviceError, Incompatible
from edgekit.transports import agentfile
from edgekit.transports.agentanswers import Output
from edgekit.transports.agentclient import AgentClient
from tests.agents import LONG_S, OWNER, FolderDevice, PipeChannel, eventually
from tests.unit.transports.conftest import MakeDevice

JOB = "0" * 32
# Every interpreter that is here: boards have old ones.
PYTHONS = [
    sys.executable,
    *map(str, sorted(Path.home().glob(".pyenv/versions/3.*/bin/python3"))),
    "/usr/bin/python3",
]


@pytest.fixture
def channel(device: FolderDevice) -> PipeChannel:
    return device.greeted()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FolderDevice, PipeChannel]]:
    """One for the many tests that change nothing on it."""
    device = FolderDevice(tmp_path_factory.mktemp("shared") / "device")
    yield device, device.greeted()
    assert device.close() == []
    assert device.stderr.read_text() == ""


def test_the_file_is_the_same_each_time() -> None:
    first = agentfile.packed()
    agentfile.packed.cache_clear()
    assert agentfile.packed() == first


@pytest.mark.parametrize("python", [path for path in PYTHONS if Path(path).exists()])
def test_it_runs_on_every_python_that_is_here(make_device: MakeDevice, python: str) -> None:
    device = make_device(python=python)
    lines, result = device.run("print(input()); print(input())", stdin="one\ntwo\n")
    assert lines == [b"one", b"two"]
    assert (result.reason, result.status, result.strays, result.all_ended) == ("exit", 0, 0, True)


def test_it_says_who_it_is(device: FolderDevice) -> None:
    hello = device.open().read()
    assert (hello["hello"], hello["protocol"]) == ("edgekit-agent", 1)
    assert hello["sha256"] == agentfile.sha256()
    assert hello["refused"] == ""


def test_it_tells_what_the_device_is(device: FolderDevice) -> None:
    facts = device.client().probe()
    assert facts.bits == 64
    assert facts.cpus == len(os.sched_getaffinity(0))
    assert facts.disk_free_bytes > 0
    assert facts.memory_bytes is None or facts.memory_bytes > 2**26


def test_it_tells_nothing_of_what_is_not_there(device: FolderDevice, tmp_path: Path) -> None:
    facts = device.client().probe(system=str(tmp_path))
    assert (facts.model, facts.l4t, facts.governor, facts.temperatures_c) == ("", "", "", {})
    assert (facts.memory_bytes, facts.available_bytes) == (None, None)


def test_a_zone_that_is_off_has_no_temperature(device: FolderDevice, tmp_path: Path) -> None:
    zone = tmp_path / "sys/class/thermal/thermal_zone0"
    _write(zone / "type", "tj-thermal\n")
    _write(zone / "temp", "49800\n")
    _write(tmp_path / "sys/class/thermal/thermal_zone1/temp", "-256000\n")
    facts = device.client().probe(system=str(tmp_path))
    assert facts.temperatures_c == {"tj-thermal": 49.8}


def test_memory_is_what_the_group_may_have(device: FolderDevice, tmp_path: Path) -> None:
    _write(tmp_path / "proc/meminfo", "MemTotal:  8000 kB\nMemAvailable:  6000 kB\n")
    _write(tmp_path / "proc/self/cgroup", "4:cpu,memory:/board\n0::/\n")
    _write(tmp_path / "sys/fs/cgroup/memory/board/memory.limit_in_bytes", "4096000\n")
    facts = device.client().probe(system=str(tmp_path))
    assert (facts.memory_bytes, facts.available_bytes) == (4096000, 6144000)


def test_a_folder_that_is_open_to_others_is_refused(device: FolderDevice) -> None:
    device.root.chmod(0o750)
    with pytest.raises(Incompatible, match="0700"):
        device.client().probe()
    assert not (device.root / "jobs").exists()


def test_what_it_keeps_is_its_users_own(device: FolderDevice) -> None:
    device.run("open('mine', 'w')")
    made = [path for path in device.root.rglob("*") if path != device.agent]
    assert [path for path in made if path.lstat().st_mode & 0o077] == []


def test_it_ends_with_its_channel(device: FolderDevice) -> None:
    channel = device.greeted()
    assert channel.process.stdin is not None
    channel.process.stdin.close()
    assert channel.process.wait(LONG_S) == 0


def test_it_ends_when_nobody_asks_any_more(make_device: MakeDevice) -> None:
    channel = make_device(idle_s=1).greeted()
    assert channel.process.wait(LONG_S) != 0


@pytest.mark.parametrize(
    ("line", "number"),
    [
        (b"", None),
        (b"{", None),
        (b"\xff\xfe", None),
        (b"[" * 100_000, None),
        (b"[]", None),
        (b'{"op": "probe"}', None),
        (b'{"id": true, "op": "probe"}', None),
        (b'{"id": 1e400, "op": "probe"}', None),
        (b'{"id": 7}', 7),
        (b'{"id": 7, "op": "answer"}', 7),
        (b'{"id": 7, "op": "_holder"}', 7),
        (b'{"id": 7, "op": ["probe"]}', 7),
        (b'{"id": 7, "op": "probe", "args": []}', 7),
        (b'{"id": 7, "op": "lock", "args": {"owner": "a", "ttl_s": NaN}}', None),
    ],
)
def test_a_broken_line_is_answered_as_what_it_is(
    shared: tuple[FolderDevice, PipeChannel], line: bytes, number: int | None
) -> None:
    _, channel = shared
    channel.ask({"id": 6, "op": "unlock", "args": {"owner": "a"}})
    answer = channel.ask(line)
    assert (answer["id"], answer["error"]) == (number, "bad-request")
    question = {"id": 8, "op": "status", "args": {"job": "f" * 32}}
    assert channel.ask(question)["ok"] == {"state": "unknown"}


def test_a_line_without_end_ends_the_talk(channel: PipeChannel) -> None:
    assert channel.process.stdin is not None
    writer = threading.Thread(target=channel.send, args=(b"x" * (2**20 + 2**17),))
    writer.start()
    answer = channel.read()
    writer.join()
    assert (answer["id"], answer["error"]) == (None, "bad-request")
    assert channel.process.wait(LONG_S) == 0


@pytest.mark.parametrize(
    ("op", "args"),
    [
        *[
            ("status", {"job": job})
            for job in ("../../etc", "a/b", "", "0" * 33, None, 5, "é" * 32)
        ],
        *[
            ("mkjob", {"job": JOB, "files": {name: "0" * 64}})
            for name in ("..", "/a", "a/../b", "-")
        ],
        ("mkjob", {"job": JOB, "files": {"a": "../x"}}),
        ("mkjob", {"job": JOB, "files": ["a"]}),
        ("tail", {"job": JOB, "name": "../began.json"}),
        ("tail", {"job": JOB, "name": "stdout", "offset": -1}),
        ("tail", {"job": JOB, "name": "stdout", "wait_s": 1e9}),
        ("lock", {"owner": "", "ttl_s": 5}),
        ("lock", {"owner": "a\nb", "ttl_s": 5}),
        ("lock", {"owner": "a" * 201, "ttl_s": 5}),
        ("lock", {"owner": "a", "ttl_s": True}),
        ("start", {"job": JOB, "owner": "a", "argv": []}),
        ("start", {"job": JOB, "owner": "a", "argv": "sh"}),
        ("start", {"job": JOB, "owner": "a", "argv": [1]}),
        ("start", {"job": JOB, "owner": "a", "argv": ["a"], "outputs": ["../a"]}),
        ("start", {"job": JOB, "owner": "a", "argv": ["a"], "env": {"a b": "c"}}),
        ("start", {"job": JOB, "owner": "a", "argv": ["a"], "timeout_s": 0}),
        ("probe", {"system": "a"}),
        ("probe", {"system": "/\0"}),
    ],
)
def test_what_is_no_request_is_refused(
    shared: tuple[FolderDevice, PipeChannel], op: str, args: dict[str, Any]
) -> None:
    device, channel = shared
    before = sorted(device.root.rglob("*"))
    answer = channel.ask({"id": 1, "op": op, "args": args})
    assert answer["error"] == "bad-request"
    assert sorted(device.root.rglob("*")) == before


def test_a_job_that_nobody_made_can_not_start(device: FolderDevice) -> None:
    client = device.client()
    with pytest.raises(DeviceError, match="mkjob"):
        client.start(JOB, **device.order("print(1)"))
    assert client.status(JOB).state == "unknown"
    with pytest.raises(DeviceError, match="no such job"):
        list(client.attach(JOB, timeout_s=LONG_S))


def test_files_are_pushed_once_and_checked(device: FolderDevice, tmp_path: Path) -> None:
    client = device.client()
    client.lock(OWNER, LONG_S)
    sha256 = device.push(b"weights")
    files = {"0/model.onnx": sha256, "1/model.onnx": sha256}
    program = """
        import shutil
        print(open("0/model.onnx").read(), open("1/model.onnx").read())
        shutil.copy("0/model.onnx", "out.npz")
        """
    lines, result = device.run(program, files=files, outputs=["out.npz", "other"])
    assert lines == [b"weights weights"]
    assert result.outputs == {"out.npz": Output(7, sha256)}
    assert client.mkjob(JOB, files) == []
    assert client.mkjob(JOB, {"a": "1" * 64}) == ["1" * 64]


def test_outputs_are_fetched_whole(device: FolderDevice, tmp_path: Path) -> None:
    client = device.client()
    name = device.begin(client, "open('o', 'wb').write(bytes(3 * 2**19))", outputs=["o"])
    list(client.attach(name, timeout_s=LONG_S))
    client.fetch(name, "o", client.result(name).outputs["o"], tmp_path / "here")
    assert (tmp_path / "here").read_bytes() == bytes(3 * 2**19)
    assert not (tmp_path / "here.part").exists()


def test_a_file_that_was_mangled_on_its_way_is_not_used(device: FolderDevice) -> None:
    client = device.client()
    client.lock(OWNER, LONG_S)
    files = {"model": device.push(b"half", sha256="a" * 64)}
    client.mkjob(JOB, files)
    with pytest.raises(DeviceError, match="push it again"):
        client.start(JOB, **device.order("print(1)", files=files))
    assert client.mkjob(JOB, files) == ["a" * 64]
    with pytest.raises(DeviceError, match="not pushed"):
        client.start(JOB, **device.order("print(1)", files=files))
    assert client.status(JOB).state == "prepared"


def test_outputs_that_are_no_plain_files_are_not_taken(device: FolderDevice) -> None:
    program = """
        import os
        os.symlink("/etc/passwd", "link"); os.mkfifo("pipe"); os.mkdir("folder")
        open("plain", "w").write("x")
        """
    _, result = device.run(program, outputs=["link", "pipe", "folder", "plain", "missing"])
    assert list(result.outputs) == ["plain"]


def test_the_environment_holds_nothing_of_the_users(
    device: FolderDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_SECRET", "x")
    program = "import os; print(' '.join(sorted(os.environ))); print(os.environ['TMPDIR'])"
    lines, _ = device.run(program, env={"OMP_NUM_THREADS": "3"})
    names = set(lines[0].decode().split())
    assert {"OMP_NUM_THREADS", "PATH", "TMPDIR"} <= names
    assert "SOME_SECRET" not in names
    assert Path(lines[1].decode()).is_relative_to(device.root / "jobs")


def test_a_program_that_is_not_there(device: FolderDevice) -> None:
    _, result = device.run("", argv=["/no/such/program"])
    assert (result.reason, result.status, result.signal) == ("exec", None, None)
    assert "/no/such/program" in result.error


def test_a_signal_is_told(device: FolderDevice) -> None:
    _, result = device.run("import os; os.kill(os.getpid(), 11)")
    assert (result.reason, result.signal) == ("signal", 11)


def test_standard_error_ends_in_the_result(device: FolderDevice) -> None:
    _, result = device.run("import sys; sys.exit('why\\x1b[31m')")
    assert (result.reason, result.status) == ("exit", 1)
    assert result.tail == "why\x1b[31m\n"  # as it is: who shows it cleans it


def test_standard_input_stays_open_and_takes_more_than_a_pipe(device: FolderDevice) -> None:
    program = """
        import os, select, sys
        print(len(sys.stdin.readline()))
        print(select.select([0], [], [], 0.2)[0])
        """
    lines, _ = device.run(program, stdin="x" * 300_000 + "\n")
    assert lines == [b"300001", b"[]"]


def test_two_owners_of_one_device(device: FolderDevice) -> None:
    anna, ben = device.client(), device.client()
    anna.lock("anna", LONG_S)
    anna.lock("anna", LONG_S)
    with pytest.raises(DeviceBusy, match="anna"):
        ben.lock("ben", LONG_S)
    ben.unlock("ben")
    ben.mkjob(JOB, {})
    with pytest.raises(DeviceBusy, match="anna"):
        ben.start(JOB, **device.order("print(1)", owner="ben"))
    anna.unlock("anna")
    with pytest.raises(DeviceBusy, match="nobody"):
        ben.start(JOB, **device.order("print(1)", owner="ben"))
    ben.lock("ben", LONG_S)
    ben.start(JOB, **device.order("print(1)", owner="ben"))
    assert list(ben.attach(JOB, timeout_s=LONG_S)) == [b"1"]


def test_only_one_of_many_gets_the_device(device: FolderDevice) -> None:
    channels = [device.greeted() for _ in range(6)]
    answers: list[Any] = [None] * len(channels)
    barrier = threading.Barrier(len(channels))

    def lock(number: int) -> None:
        barrier.wait()
        args = {"owner": f"host{number}", "ttl_s": 60}
        answers[number] = channels[number].ask({"id": 1, "op": "lock", "args": args})

    threads = [threading.Thread(target=lock, args=(number,)) for number in range(len(channels))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(answer["ok"]["held"] for answer in answers) == 1
    assert len({answer["ok"]["owner"] for answer in answers}) == 1


@pytest.mark.parametrize("stale", [{"until_s": 0.0}, {"boot_id": "another"}])
def test_a_lock_that_is_over_is_taken(device: FolderDevice, stale: dict[str, Any]) -> None:
    client = device.client()
    client.lock("gone", LONG_S)
    _change(device.root / "lock.json", stale)
    client.lock("ben", LONG_S)


def test_a_running_job_keeps_the_device_for_its_owner(device: FolderDevice) -> None:
    client = device.client()
    name = device.begin(client, "import time; time.sleep(60)")
    _change(device.root / "lock.json", {"until_s": 0.0})
    client.unlock(OWNER)
    with pytest.raises(DeviceBusy, match=OWNER):
        client.lock("ben", LONG_S)
    client.cancel(name)
    # Its supervisor goes after the result is there.
    eventually(lambda: _is_taken(client, "ben"))


def test_whoever_reads_has_the_device_for_as_long_again(device: FolderDevice) -> None:
    client = device.client()
    name = device.begin(client, "print('one')")
    _change(device.root / "lock.json", {"until_s": 0.0})
    assert list(client.attach(name, timeout_s=LONG_S)) == [b"one"]
    with pytest.raises(DeviceBusy, match=OWNER):
        client.lock("ben", LONG_S)


@pytest.mark.parametrize("jump_s", [-(10**8), 10**8])
def test_a_clock_that_jumps_ends_no_job(device: FolderDevice, jump_s: int) -> None:
    client = device.client()
    name = device.begin(client, "import time; time.sleep(1.5); print('one')", lease_s=60.0)
    lease = device.job(name).folder / "lease"
    at_s = lease.stat().st_mtime + jump_s
    os.utime(lease, (at_s, at_s))
    assert list(client.attach(name, timeout_s=LONG_S)) == [b"one"]


def _is_taken(client: AgentClient, owner: str) -> bool:
    try:
        client.lock(owner, LONG_S)
    except DeviceBusy:
        return False
    return True


def test_a_job_starts_once_however_often_it_is_told_to(device: FolderDevice) -> None:
    client = device.client()
    client.lock(OWNER, LONG_S)
    client.mkjob(JOB, {})
    order = device.order("import os, time; print(os.getpid()); time.sleep(0.3)")
    question = {"id": 1, "op": "start", "args": {"job": JOB, **order}}
    channels = [device.greeted() for _ in range(4)]
    for channel in channels:
        channel.send(json.dumps(question).encode() + b"\n")
    for channel in channels:
        assert channel.read()["ok"]["state"] in ("running", "done")
    assert len(list(client.attach(JOB, timeout_s=LONG_S))) == 1
    assert client.start(JOB, **order).state == "done"
    assert len(list(client.attach(JOB, timeout_s=LONG_S))) == 1


def test_garbage_is_what_nobody_needs(device: FolderDevice) -> None:
    client = device.client()
    old, new = ("first", "second")
    shas = [device_push(device, client, text) for text in (old, new)]
    name = device.begin(client, "import time; time.sleep(60)")
    assert not client.gc(name)
    client.cancel(name)
    eventually(lambda: client.status(name).state == "done")
    eventually(lambda: client.gc(name, keep_bytes=len(new)))
    assert client.status(name).state == "unknown"
    assert client.mkjob(JOB, {"a": shas[0], "b": shas[1]}) == [shas[0]]
    other = uuid.uuid4().hex
    client.mkjob(other, {})
    os.utime(device.job(JOB).folder, (1, 1))
    assert client.gc(uuid.uuid4().hex, keep_jobs=1)
    assert [client.status(job).state for job in (JOB, other)] == ["unknown", "prepared"]


def device_push(device: FolderDevice, client: Any, text: str) -> str:
    client.lock(OWNER, LONG_S)
    sha256 = device.push(text.encode())
    os.utime(device.root / "files" / sha256, (len(text), len(text)))
    return sha256


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        "job",
        "owner",
        "ttl_s",
        "files",
        "name",
        "offset",
        "argv",
        "env",
        "outputs",
        "system",
        "stdin",
    ]
)
OPS = st.sampled_from(
    [
        "probe",
        "lock",
        "unlock",
        "unpack",
        "mkjob",
        "start",
        "status",
        "touch",
        "tail",
        "cancel",
        "gc",
    ]
)
ARGS = st.dictionaries(NAMES, ODD | st.just(JOB), max_size=6)
REQUESTS = st.fixed_dictionaries({"id": st.just(1) | ODD, "op": OPS | ODD, "args": ARGS | ODD})
LINES = st.binary(max_size=200).filter(lambda line: b"\n" not in line) | REQUESTS.map(
    lambda request: json.dumps(request).encode()
)


@given(line=LINES)
@settings(max_examples=150, deadline=None)
def test_any_line_gets_one_answer_and_leaves_nothing_outside(
    shared: tuple[FolderDevice, PipeChannel], line: bytes
) -> None:
    device, channel = shared
    answer = channel.ask(line)
    assert set(answer) in ({"id", "ok"}, {"id", "error", "message"})
    assert answer.get("error") in (None, "bad-request", "no-job", "no-file", "busy", "file")
    places = {path.relative_to(device.root).parts[0] for path in device.root.rglob("*")}
    assert places <= {device.agent.name, "files", "bundles", "jobs", "guard", "lock.json"}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _change(path: Path, fields: dict[str, Any]) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
