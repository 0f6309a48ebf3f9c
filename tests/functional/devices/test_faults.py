"""`edgekit bench` on devices that fail: each failure is a row with its reason, and soon."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.agents import eventually
from tests.functional.devices.conftest import BENCH, MakeModel
from tests.hosts import IMPATIENT, MIB, UNTIL_TOLD, Host, There

MakeThere = Callable[..., There]

# Enough memory for a Python, and for an SSH server.
_SMALL_BYTES = 96 * MIB


class TestFrozen:
    def test_for_a_while(self, host: Host, there: There, model: MakeModel) -> None:
        bench = host.begin("bench", model(), *BENCH, program=UNTIL_TOLD)
        there.begun()
        there.device.group.freeze()
        time.sleep(3)
        there.device.group.thaw()
        there.go()
        there.ran_once(bench)

    def test_for_good(self, host: Host, there: There, model: MakeModel) -> None:
        times = {**IMPATIENT, "visit.PATIENCE_S": 1.0, "visit.LEASE_S": 2.0}
        bench = host.begin("bench", model(), *BENCH, program=UNTIL_TOLD, times=times)
        there.begun()
        there.device.group.freeze()
        done = bench.done()
        assert (done.status, done.failure["kind"]) == (5, "LinkLost")
        there.device.group.thaw()
        eventually(lambda: not there.left())


class TestPower:
    def test_a_restart_in_the_middle_of_a_run(
        self, host: Host, there: There, model: MakeModel
    ) -> None:
        bench = host.begin("bench", model(), *BENCH, program=UNTIL_TOLD)
        there.begun()
        there.device.lose_power()
        there.device.regain_power()
        done = bench.done()
        assert done.status == 5
        assert "was restarted" in done.failure["message"]
        assert (there.count("starts"), there.count("ends")) == (1, 0)
        eventually(there.is_clean)

    def test_it_stays_off(self, host: Host, there: There, model: MakeModel) -> None:
        times = {**IMPATIENT, "visit.PATIENCE_S": 1.0}
        bench = host.begin("bench", model(), *BENCH, program=UNTIL_TOLD, times=times)
        there.begun()
        there.device.lose_power()
        done = bench.done()
        assert (done.status, done.failure["kind"]) == (5, "LinkLost")


def test_out_of_memory(host: Host, make_there: MakeThere, model: MakeModel) -> None:
    there = make_there(memory_bytes=_SMALL_BYTES)
    done = host.begin("bench", model(), *BENCH, program="bytes(1) * (1 << 28)").done()
    assert done.status == 5
    assert "memory" in done.failure["message"]
    eventually(there.is_clean)


class TestFullDisk:
    def test_it_is_said_before_anything_is_pushed(
        self, host: Host, make_there: MakeThere, model: MakeModel
    ) -> None:
        there = make_there(disk_bytes=24 * MIB)
        done = host.begin("bench", model(12 * MIB), *BENCH, program="").done()
        assert (done.status, done.failure["kind"]) == (5, "Incompatible")
        assert "no room" in done.failure["message"]
        assert there.count("starts") == 0
        assert sum(path.stat().st_size for path in there.files()) < MIB
        eventually(there.is_clean)

    def test_a_job_that_fills_it_is_told_of(
        self, host: Host, make_there: MakeThere, model: MakeModel
    ) -> None:
        there = make_there(disk_bytes=24 * MIB)
        program = "(home / 'big').write_bytes(bytes(1 << 26))"
        done = host.begin("bench", model(), *BENCH, program=program).done()
        assert done.status == 5
        assert "disk was full" in done.failure["message"]
        eventually(there.is_clean)


class TestFlood:
    def test_what_a_worker_logs_is_capped(
        self, host: Host, there: There, model: MakeModel
    ) -> None:
        program = "for _ in range(500): os.write(2, b'x' * 2**16)"
        there.ran_once(host.begin("bench", model(), *BENCH, program=program))

    def test_an_answer_without_end_is_an_error(
        self, host: Host, there: There, model: MakeModel
    ) -> None:
        program = "line = b'x' * 2**16\nwhile True:\n    os.write(1, line)"
        times = {**IMPATIENT, "workers.ANSWER_LIMIT": 2 * MIB}
        done = host.begin("bench", model(), *BENCH, program=program, times=times).done()
        assert done.status == 5
        assert f"sent more than {2 * MIB} bytes" in done.failure["message"]
        eventually(there.is_clean)


def test_a_supervisor_that_is_killed(host: Host, there: There, model: MakeModel) -> None:
    bench = host.begin("bench", model(), *BENCH, program=UNTIL_TOLD)
    there.begun()
    there.kill_supervisor()
    done = bench.done()
    assert done.status == 5
    assert "was killed" in done.failure["message"]
    eventually(there.is_clean)


@pytest.mark.parametrize(
    "program",
    ["time.sleep(600)", "import signal; signal.signal(15, signal.SIG_IGN); time.sleep(600)"],
    ids=["sleeps", "ignores"],
)
def test_one_that_hangs_is_ended(host: Host, there: There, model: MakeModel, program: str) -> None:
    times = {**IMPATIENT, "visit.GRACE_S": 0.5}
    done = host.begin(
        "bench", model(), *BENCH, "--timeout", 1, program=program, times=times
    ).done()
    assert done.status == 5
    assert "no result after 1 s" in done.failure["message"]
    eventually(there.is_clean)


class TestTwoHosts:
    def test_the_second_is_told_who_has_it(
        self, host: Host, there: There, model: MakeModel
    ) -> None:
        first = host.begin("bench", model(), *BENCH, program=UNTIL_TOLD)
        there.begun()
        second = host.begin("bench", model(), *BENCH, program="").done()
        assert (second.status, second.failure["kind"]) == (5, "DeviceBusy")
        assert "anna@host" in second.failure["message"]
        there.go()
        there.ran_once(first)

    def test_the_second_waits_where_it_may(
        self, host: Host, there: There, model: MakeModel
    ) -> None:
        host.knows("same", there.device.server, wait_s=60.0)
        first = host.begin("bench", model(), *BENCH, program=UNTIL_TOLD)
        there.begun()
        words = ["same" if word == "jetson" else word for word in BENCH]
        second = host.begin("bench", model(), *words, program="mark('second')")
        # It asks, and is told to wait.
        time.sleep(2)
        assert there.count("second") == 0
        there.go()
        assert (first.done().status, second.done().status) == (0, 0)
        assert (there.count("starts"), there.count("ends"), there.count("second")) == (2, 2, 1)
        eventually(there.is_clean)
