"""The lab itself: that what it makes is what its names say."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import graph_files
from tests.agents import eventually
from tests.lab import board as boards
from tests.lab import cgroups, fixtures, needs, parts, runs
from tests.lab.machine import USER_ID

_MIB = 1 << 20
_TIMEOUT_S = 60
_INFER = """
import json, platform, sys
import numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
images = numpy.linspace(-1, 1, 192, dtype=numpy.float32).reshape(1, 3, 8, 8)
outputs = session.run(None, {"x": images})[0].ravel().tolist()
print(json.dumps({"machine": platform.machine(), "outputs": outputs}))
"""

_OPEN_VSOCK = """
import socket
try:
    print(socket.socket(socket.AF_VSOCK))
except OSError as error:
    print(error)
"""


def run(command, **options):
    return subprocess.run(
        command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, **options
    )


def answers(address, port):
    try:
        with socket.create_connection((address, port), timeout=2) as stream:
            return stream.recv(4) == b"SSH-"
    except OSError:
        return False


def wait_for(condition):
    end_s = time.monotonic() + _TIMEOUT_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.01)


class TestSshd:
    @pytest.mark.parametrize(("user", "number"), [("ek", str(USER_ID)), ("root", "0")])
    def test_lets_its_user_in(self, new_sshd, user, number):
        sshd = new_sshd(user=user)
        done = run(sshd.command("id -u; pwd; touch seen; exit 7"))
        assert (done.returncode, done.stdout.split()) == (7, [number, f"/srv/{user}"]), done.stderr
        assert (sshd.home / "seen").exists()

    def test_is_gone_when_killed_and_back_when_restarted(self, sshd):
        run(sshd.command("setsid sleep 600 >/dev/null 2>&1 </dev/null &"))
        sshd.kill()
        assert not answers(sshd.address, sshd.port)
        assert [name for _, name in sshd.machine.processes() if name == "sleep"] == ["sleep"]
        sshd.start()
        assert run(sshd.command("echo back")).stdout == "back\n"

    def test_a_changed_host_key_is_refused(self, sshd):
        known = sshd.known_host
        sshd.change_host_key()
        sshd.restart()
        assert sshd.known_host != known
        command = sshd.command("true")
        (sshd.machine.folder / "known_hosts").write_text(known)
        assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in run(command).stderr

    def test_nothing_is_left_when_its_machine_ends(self, sshd):
        run(sshd.command("setsid sleep 600 >/dev/null 2>&1 </dev/null &"))
        before = sshd.machine.processes()
        sshd.machine.power_cut()
        assert len(before) >= 3
        assert [process for process, _ in before if Path(f"/proc/{process}").exists()] == []


class TestNetwork:
    @pytest.fixture
    def device(self, network):
        return network.add("device")

    def test_the_host_reaches_the_device_and_nothing_else(self, network, device):
        with network.namespace.inside():
            assert answers(device.wire.address, device.server.port)
        routes = network.host.run("ip", "-4", "route").stdout.splitlines()
        assert [line.split()[0] for line in routes] == ["10.77.1.0/24"]
        done = run(network.host.enter(*device.server.command("hostname")))
        assert done.stdout == "device\n", done.stderr

    def test_the_wire_delays(self, network, device):
        device.wire.set(delay_ms=50)
        began_s = time.perf_counter()
        with network.namespace.inside():
            assert answers(device.wire.address, device.server.port)
        # There and back for the connection, and again for the greeting is at least one way.
        assert time.perf_counter() - began_s >= 0.15

    def test_the_wire_loses(self, network, device):
        device.wire.set(loss=0.5)
        with network.namespace.inside(), socket.socket(type=socket.SOCK_DGRAM) as sender:
            for _ in range(100):
                sender.sendto(b"", (device.wire.address, 9))

        def both_ways() -> bool:
            counts = device.wire.counts()
            return min(counts["lost"], counts["passed"]) > 20

        eventually(both_ways)

    def test_the_wire_is_narrow(self, network, device):
        device.wire.set(mbit_per_s=4)
        command = network.host.enter(*device.server.command("head -c 1000000 /dev/urandom"))
        began_s = time.perf_counter()
        done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=True)
        assert time.perf_counter() - began_s >= 2
        assert len(done.stdout) == 1_000_000

    def test_a_cut_is_silent_and_is_mended(self, network, device):
        with network.namespace.inside():
            device.wire.cut()
            with pytest.raises(TimeoutError):
                socket.create_connection((device.wire.address, device.server.port), timeout=0.2)
            assert device.wire.counts()["cut"] > 0
            device.wire.mend()
            assert answers(device.wire.address, device.server.port)

    def test_a_frozen_device_accepts_and_says_nothing(self, network, device):
        place = (device.wire.address, device.server.port)
        device.group.freeze()
        with (
            network.namespace.inside(),
            socket.create_connection(place, timeout=_TIMEOUT_S) as stream,
        ):
            stream.settimeout(0.2)
            with pytest.raises(TimeoutError):
                stream.recv(4)
            device.group.thaw()
            stream.settimeout(_TIMEOUT_S)
            assert stream.recv(4) == b"SSH-"

    def test_a_frozen_device_may_lose_power(self, network, device):
        device.group.freeze()
        device.lose_power()
        device.regain_power()
        assert run(network.host.enter(*device.server.command("echo up"))).stdout == "up\n"

    def test_a_power_cut_ends_all_and_the_disk_stays(self, network, device):
        boot_id = device.machine.run("cat", "/proc/sys/kernel/random/boot_id").stdout
        leave = "echo kept > file; setsid sleep 600 >/dev/null 2>&1 </dev/null &"
        run(network.host.enter(*device.server.command(leave)))
        device.lose_power()
        assert device.machine.processes() == []
        device.regain_power()
        assert "sleep" not in {name for _, name in device.machine.processes()}
        done = run(network.host.enter(*device.server.command("cat file")))
        assert done.stdout == "kept\n", done.stderr
        assert device.machine.run("cat", "/proc/sys/kernel/random/boot_id").stdout != boot_id

    def test_a_small_device(self, network):
        device = network.add("small", memory_bytes=64 * _MIB, cpus=0.5, disk_bytes=_MIB)
        program = "/usr/bin/python3 -c 'bytes(1) * (1 << 27)'"
        done = run(network.host.enter(*device.server.command(program)))
        assert done.returncode in {137, 255}, done.stderr
        done = run(network.host.enter(*device.server.command("head -c 2000000 /dev/zero > file")))
        assert "No space left on device" in done.stderr

    def test_nothing_that_a_machine_starts_has_vsock(self, network):
        log = network.host.spawn([sys.executable, "-c", _OPEN_VSOCK], log="vsock.log")
        wait_for(lambda: log.exists() and log.read_text())
        assert "Address family not supported" in log.read_text()


class TestBoard:
    def test_runs_arm_programs(self, network, board, tmp_path):
        model = board.device.server.home / "tiny.onnx"
        graph_files.onnx_file(model, "float")
        here, there = (
            json.loads(done.stdout)
            for done in (
                run([sys.executable, "-c", _INFER, str(model)]),
                board.device.machine.run("/usr/bin/python3", "-c", _INFER, "/srv/ek/tiny.onnx"),
            )
        )
        assert there["machine"] == "aarch64"
        assert there["outputs"] == pytest.approx(here["outputs"], abs=1e-5)

    def test_is_reached_by_ssh_and_is_a_jetson(self, network, board):
        look = "uname -m; cat /sys/firmware/devicetree/base/model; cat /proc/cpuinfo"
        done = run(network.host.enter(*board.device.server.command(look)))
        assert done.stdout.startswith("aarch64\nNVIDIA Jetson Orin Nano Developer Kit\0"), done
        assert "CPU implementer" in done.stdout

    def test_warms_up_as_it_works(self, board):
        def zone_mc():
            zone = "/sys/class/thermal/thermal_zone4/temp"
            return int(board.device.machine.run("cat", zone).stdout)

        board.warmth.set(33)
        board.device.machine.spawn(["/bin/sh", "-c", "while :; do :; done"], log="busy.log")
        wait_for(lambda: zone_mc() > 34_000)
        board.warmth.set(90)
        assert zone_mc() > 50_000

    def test_may_come_without_runtimes(self, network, board):
        bare = boards.add(network, "bare", runtimes=False)
        done = bare.device.machine.run("/usr/bin/python3", "-c", "import numpy")
        assert "No module named 'numpy'" in done.stderr


class TestPhone:
    def test_the_shell_gives_exit_codes(self, phone):
        done = run(phone.server.command("shell", "echo said; echo wrong >&2; exit 7"))
        assert (done.returncode, done.stdout, done.stderr) == (7, "said\n", "wrong\n")

    def test_is_like_android(self, phone, tmp_path):
        (tmp_path / "file").write_bytes(b"\0" * _MIB)
        pushed = run(phone.server.command("push", str(tmp_path / "file"), "/data/local/tmp/file"))
        assert pushed.returncode == 0, pushed.stderr
        assert (phone.server.data / "local/tmp/file").stat().st_size == _MIB
        shell = "getprop ro.product.model; dumpsys battery; which python3; toybox | head -1"
        said = run(phone.server.command("shell", shell)).stdout
        assert "Made Phone" in said
        assert "level: 87" in said
        assert "python" not in said

    def test_hangs_when_the_wire_is_cut_until_it_is_connected_anew(self, phone):
        phone.wire.cut()
        with pytest.raises(subprocess.TimeoutExpired):
            subprocess.run(phone.server.command("shell", "true"), timeout=0.5, check=False)
        phone.wire.mend()
        phone.server.connect()
        assert run(phone.server.command("shell", "echo back")).stdout == "back\n"


class TestNeeds:
    @pytest.fixture
    def machine_without_programs(self, monkeypatch, tmp_path):
        monkeypatch.setattr(shutil, "which", lambda *_, **__: None)

    @pytest.mark.parametrize("name", ["ssh", "netns", "arm64", "adb"])
    def test_a_missing_program_is_a_skip_with_its_package(
        self, machine_without_programs, monkeypatch, name
    ):
        monkeypatch.delenv("CI", raising=False)
        with pytest.raises(pytest.skip.Exception, match=f"^{name}: .*(root|apt-get install)"):
            needs.needs(name)

    @pytest.mark.parametrize("name", ["ssh", "netns", "arm64"])
    def test_in_ci_it_fails(self, machine_without_programs, monkeypatch, name):
        monkeypatch.setenv("CI", "true")
        # A skip that nobody catches would skip this test.
        with pytest.raises((pytest.fail.Exception, pytest.skip.Exception)) as ended:
            needs.needs(name)
        assert isinstance(ended.value, pytest.fail.Exception)
        assert ".ci/lab" in str(ended.value)

    def test_a_phone_is_optional_in_ci(self, machine_without_programs, monkeypatch):
        monkeypatch.setenv("CI", "true")
        with pytest.raises(pytest.skip.Exception):
            needs.needs("adb")

    def test_a_fixture_marks_its_tests(self):
        marks: list[str] = []
        item: Any = SimpleNamespace(
            fixturenames=["tmp_path", "network", "board"], add_marker=marks.append
        )
        fixtures.pytest_collection_modifyitems([item])
        assert marks == ["netns", "arm64"]


class TestLeftovers:
    def test_a_dead_run_is_known_by_its_names(self):
        assert not runs.is_of_a_dead_run(runs.fresh("thing"))
        assert not runs.is_of_a_dead_run("somebody-elses")
        program = "from tests.lab import runs; print(runs.fresh('thing'))"
        done = run([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
        assert runs.is_of_a_dead_run(done.stdout.strip())

    def test_its_groups_are_swept(self, network):
        program = (
            "import os, subprocess; from tests.lab.cgroups import Cgroup; group = Cgroup('old');"
            "child = subprocess.Popen(['setsid', 'sleep', '600'], stdout=-3, stderr=-3);"
            "open(group.joins[0], 'w').write(str(child.pid)); print(group.folder, child.pid)"
        )
        done = run([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
        folder, process = done.stdout.split()
        assert Path(folder).exists()
        cgroups.sweep()
        assert not Path(folder).exists()
        status = Path(f"/proc/{process}/stat")
        assert not status.exists() or ") Z " in status.read_text()


class TestParts:
    def test_a_part_that_fails_leaves_nothing_and_says_why(self, monkeypatch, tmp_path):
        monkeypatch.setenv("EDGEKIT_LAB_CACHE", str(tmp_path))
        monkeypatch.setattr(parts, "_WHEELS", ("./no-such-file.whl",))
        with pytest.raises(parts.CannotGetError, match="no-such-file"):
            parts.arm_wheels()
        assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
