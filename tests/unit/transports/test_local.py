"""The transport to this machine, with small workers of our own."""

from __future__ import annotations

import os
import sys
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.errors import DeviceError
from edgekit.text import printable
from edgekit.transports.local import LocalLink
from edgekit.wire import Job

JOB = Job("bench", "onnxruntime", "m.onnx", "fp32", threads=3)


def _link(program: str) -> LocalLink:
    return LocalLink((sys.executable, "-c", textwrap.dedent(program)))


def _run(program: str, timeout_s: float = 60.0) -> list[bytes]:
    return list(_link(program).run(JOB, timeout_s=timeout_s))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def test_lines_come_as_they_are_written() -> None:
    program = """
        import sys
        sys.stdout.write("one\\ntwo\\n\\nthree"); sys.stdout.flush()
        """
    assert _run(program) == [b"one", b"two", b"", b"three"]


def test_the_job_arrives_on_standard_input() -> None:
    (line,) = _run("import json, sys; print(json.loads(sys.stdin.readline())['threads'])")
    assert line == b"3"


def test_the_environment_is_the_same_whatever_the_user_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    monkeypatch.setenv("SOME_SECRET", "x")
    program = "import os; [print(k, v) for k, v in os.environ.items()]"
    variables = dict(line.decode().split(" ", 1) for line in _run(program))
    assert variables["OMP_NUM_THREADS"] == "3"
    assert variables["PYTHONHASHSEED"] == "0"
    assert "SOME_SECRET" not in variables


def test_a_crash_names_the_signal_and_keeps_the_last_lines() -> None:
    program = """
        import os, sys
        for i in range(100): print("line", i, file=sys.stderr)
        print("\\x1b[31mthe end\\x07", file=sys.stderr, flush=True)
        os.kill(os.getpid(), 11)
        """
    with pytest.raises(DeviceError, match="SIGSEGV") as caught:
        _run(program)
    lines = caught.value.stderr_tail.splitlines()
    assert len(lines) == 40
    assert lines[-1] == " [31mthe end "


def test_an_exit_status_is_told() -> None:
    with pytest.raises(DeviceError, match="status 7"):
        _run("raise SystemExit(7)")


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(DeviceError, match="can't start"):
        list(LocalLink(("/nonexistent/python",)).run(JOB, timeout_s=1.0))


def test_at_the_deadline_the_worker_and_its_children_are_gone() -> None:
    program = """
        import os, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print(os.getpid(), child.pid, flush=True)
        time.sleep(600)
        """
    lines = _link(program).run(JOB, timeout_s=5.0)
    pids = [int(word) for word in next(lines).split()]
    with pytest.raises(DeviceError, match="no result after 5 s"):
        next(lines)
    _wait_until_gone(pids)


def test_a_reader_that_stops_listening_ends_the_worker() -> None:
    lines = _link("import os, time; print(os.getpid(), flush=True); time.sleep(600)").run(
        JOB, timeout_s=600.0
    )
    pid = int(next(lines))
    lines.close()  # type: ignore[attr-defined]
    _wait_until_gone([pid])


@pytest.mark.parametrize("piece", ["x", "x\\n"])
def test_an_answer_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch, piece: str) -> None:
    monkeypatch.setattr("edgekit.transports.workers.ANSWER_LIMIT", 2**20)
    with pytest.raises(DeviceError, match="more than 1048576 bytes"):
        _run(f"import sys\nwhile True: sys.stdout.write('{piece}' * 65536)")


def test_a_flood_on_standard_error_stops_nobody() -> None:
    program = """
        import sys
        sys.stderr.write("x" * 5_000_000)
        print("done")
        """
    assert _run(program) == [b"done"]


def test_what_is_shown_can_not_steer_a_terminal() -> None:
    assert printable("a\x1b[2Jb\x9bc\r\nd\u202ee") == "a [2Jb c \nd e"


def _wait_until_gone(pids: list[int]) -> None:
    for _ in range(100):
        if not any(_alive(pid) for pid in pids):
            return
        time.sleep(0.05)
    pytest.fail("a process of the worker is still there")


def test_memory_is_compared_with_an_allocator_that_does_the_same_each_time() -> None:
    code = "import os, sys; sys.stderr.write(os.environ.get('MALLOC_MMAP_THRESHOLD_', 'moving'))"
    for fixed_heap, told in ((True, "131072"), (False, "moving")):
        link = LocalLink((sys.executable, "-c", f"{code}; sys.exit(3)"))
        with pytest.raises(DeviceError) as caught:
            list(link.run(replace(JOB, fixed_heap=fixed_heap), timeout_s=60))
        assert caught.value.stderr_tail == told


def test_another_thread_can_end_it() -> None:
    link = _link("import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    lines = link.run(JOB, timeout_s=60.0)
    pid = int(next(lines))
    hand = threading.Thread(target=link.stop)
    hand.start()
    with pytest.raises(DeviceError, match="SIGKILL"):
        next(lines)
    hand.join()
    assert not _alive(pid)


def test_a_link_that_was_stopped_before_its_worker_began_ends_it() -> None:
    link = _link("import time; time.sleep(600)")
    link.stop()
    with pytest.raises(DeviceError, match="SIGKILL"):
        list(link.run(JOB, timeout_s=60.0))


def test_stopping_a_link_that_runs_nothing_does_no_harm() -> None:
    link = _link("print('x')")
    assert list(link.run(JOB, timeout_s=60.0)) == [b"x"]
    link.stop()
