"""Phones, as a user has them: a real adbd, Android's shell and tools, and a made benchmark_model.

What benchmark_model says is made up (see `tests.phones`): unverified on hardware.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import phones
from tests.lab.network import Device, Network
from tests.lab.phone import Adbd
from tests.source import ROOT

_TIMEOUT_S = 120
MAIN = "from edgekit.__main__ import main; main()"
Phone = Device[Adbd]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


class User:
    """Whoever runs edgekit on the host of the network."""

    def __init__(self, network: Network, phone: Phone, home: Path) -> None:
        self.phone, self.home = phone, home
        words = ["env", f"HOME={home}", f"XDG_CONFIG_HOME={home}/.config", f"PYTHONPATH={ROOT}"]
        self._words = network.host.enter(*words, sys.executable, "-c")
        self.program = home / "a 'quoted'; program"
        self.model = phones.artifact(home / "toy;touch x" / "litert-fp32").path

    def start(self, *args: object) -> subprocess.Popen[str]:
        return self.start_python(MAIN, *args)

    def start_python(self, text: str, *args: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self._words, text, *map(str, args)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def cli(self, *args: object) -> subprocess.CompletedProcess[str]:
        return self.python(MAIN, *args)

    def add(self, *extra: str, serial: str = "") -> str:
        address = serial or self.phone.server.serial
        args = ("--transport", "adb", "--benchmark-model", self.program)
        done = self.cli("devices", "add", "phone", address, *args)
        assert done.returncode == 0, done.stderr
        with (self.home / ".config/edgekit/devices.toml").open("a") as file:
            file.writelines(f"{line}\n" for line in extra)
        return done.stderr

    def bench(self, *args: object) -> tuple[Any, ...]:
        words = ("bench", self.model, "--device", "phone", "--profile", "quick")
        return (*words, "--results", self.home / "results", "--json", *args)

    @property
    def starts(self) -> list[str]:
        """As many runs as each start of benchmark_model was asked for."""
        return self._there(phones.NOTES).read_text().split()

    def there(self, place: str) -> Path:
        return self._there(f"/data/local/tmp/edgekit/{place}")

    def _there(self, path: str) -> Path:
        return self.phone.server.data / path.removeprefix("/data/")

    def is_measuring(self) -> bool:
        return self._there(phones.NOTES).exists() and "64" in self.starts

    def is_clean(self) -> bool:
        left = list(self.there("jobs").iterdir()) + list(self.there("").glob("sent-*"))
        return not (left or self.running() or self.there("lock").exists())

    def running(self) -> list[str]:
        """What of edgekit's still runs on the phone."""
        words = ("phone-", "sleep", "files/")
        found = [line for _, line in self.phone.machine.processes()]
        return [line for line in found if any(word in line for word in words)]

    def python(self, text: str, *args: object) -> subprocess.CompletedProcess[str]:
        with self.start_python(text, *args) as process:
            output, words = process.communicate(timeout=_TIMEOUT_S)
        return subprocess.CompletedProcess(process.args, process.returncode, output, words)


@pytest.fixture
def user(network: Network, phone: Phone, home: Path) -> User:
    made = User(network, phone, home)
    phones.benchmark_model(made.program)
    return made


def result(done: subprocess.CompletedProcess[str]) -> Any:
    (found,) = json.loads(done.stdout)["results"]
    return found


def failure(done: subprocess.CompletedProcess[str]) -> Any:
    (found,) = json.loads(done.stdout)["failures"]
    return found["failure"]


def wait_for(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + _TIMEOUT_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_a_phone_is_added_looked_at_and_measured(user: User) -> None:
    assert "adb over TCP proves nothing" in user.add()
    checked = json.loads(user.cli("devices", "check", "phone", "--json").stdout)
    facts = checked["facts"]
    assert (facts["machine"], facts["system"], facts["model"]) == (
        "x86_64",
        "Android 14 (API 34)",
        "Made Phone",
    )
    assert (facts["thermal_status"], facts["battery"]) == (0, "87 %, discharging")
    assert facts["temperatures_c"]["cpu.cpu0"] == 41.2
    (runtime,) = checked["runtimes"]
    assert runtime["name"] == "litert"
    assert runtime["state"] == "there"

    done = user.cli(*user.bench())
    assert done.returncode == 0, done.stderr + done.stdout
    found = result(done)
    assert found["valid"], found["reasons"]
    metrics = found["metrics"]
    assert metrics["latency_p50_ms"] == 2.781
    assert metrics["latency_p95_ms"] == 3.169
    assert metrics["latency_mean_ms"] == 2.94227
    assert metrics["latency_p99_ms"] is None
    assert metrics["agreement"] == 1.0
    note = "benchmark_model computed these, and gives no single times"
    assert note in found["reasons"]
    (launch,) = found["launches"]
    assert launch["latency_ns"] == []
    assert launch["environment"]["before.android.thermal_status"] == "0"
    assert launch["environment"]["after.power.battery"] == "Discharging"
    assert user.starts == ["1"] * phones.SAMPLES + ["64"]
    assert user.is_clean()
    assert not list(user.home.glob("**/x"))

    page = user.home / "page.html"
    drawn = user.cli("report", "--results", user.home / "results", "--html", page)
    assert drawn.returncode == 0, drawn.stderr
    assert note in page.read_text()

    again = user.cli(*user.bench())
    assert again.returncode == 0, again.stderr
    assert len(user.starts) == 2 * len(["1"] * phones.SAMPLES + ["64"])


def cut(user: User) -> None:
    user.phone.wire.cut()
    time.sleep(6)
    user.phone.wire.mend()


def kill_adbd(user: User) -> None:
    user.phone.server.kill()
    time.sleep(1)
    user.phone.server.start()


@pytest.mark.parametrize("disturb", [cut, kill_adbd])
def test_the_link_breaks_while_it_runs_and_is_mended(
    user: User, disturb: Callable[[User], None]
) -> None:
    phones.benchmark_model(user.program, work='[ "$runs" = 1 ] || sleep 5')
    user.add()
    # Of a hanging call; the real ones wait longer.
    quick = "from edgekit.transports import adbprogram; adbprogram._ANSWER_S = 2.0\n"
    with user.start_python(quick + MAIN, *user.bench()) as process:
        wait_for(user.is_measuring)
        disturb(user)
        output, words = process.communicate(timeout=_TIMEOUT_S)
    assert process.returncode == 0, words + output
    (found,) = json.loads(output)["results"]
    assert found["valid"], found["reasons"]
    assert found["metrics"]["latency_p50_ms"] == 2.781
    assert user.starts == ["1"] * phones.SAMPLES + ["64"]
    assert user.is_clean()


# A host that dies in the middle: with a lease of 2 s, and the id of the job.
DIES = """
import os, sys
from edgekit import inventory
from edgekit.transports import TRANSPORTS, phone, visit
from edgekit.workflows import bench, plans
from pathlib import Path
phone.LEASE_S = float(sys.argv[2])
(plan,), _ = plans.plan(plans.BenchRequest((Path(sys.argv[1]),), Path(), device="phone", profile="quick"))
link = TRANSPORTS.get("adb").open(inventory.device("phone"), "me")
for line in link.run(bench.job(plan), timeout_s=60, job_id="ab" * 16):
    print(line.decode(), flush=True)
    if len(sys.argv) > 3 and b"run" in line:
        os._exit(9)
link.close()
"""


def test_a_host_that_takes_over_finds_the_job_again(user: User) -> None:
    phones.benchmark_model(user.program, work='[ "$runs" = 1 ] || sleep 3')
    user.add()
    assert user.python(DIES, user.model, 180, "die").returncode == 9
    assert user.there("lock").exists()
    done = user.python(DIES, user.model, 180)
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["summary"]["p50_ns"] == 2_781_000
    assert user.starts == ["1"] * phones.SAMPLES + ["64"]
    assert user.is_clean()


def test_a_phone_that_is_left_alone_ends_the_job_by_itself(user: User) -> None:
    phones.benchmark_model(user.program, work='[ "$runs" = 1 ] || sleep 300')
    user.add()
    assert user.python(DIES, user.model, 3, "die").returncode == 9
    ended = user.there(f"jobs/{'ab' * 16}/ended")
    wait_for(ended.exists)
    wait_for(lambda: not user.running())
    assert ended.read_text() == "lease\n"
    # The next one cleans up, and isn't kept waiting.
    phones.benchmark_model(user.program)
    assert result(user.cli(*user.bench()))["valid"]
    assert user.is_clean()


# Whoever asks twice, and then wants nothing any more.
LEAVES = (
    DIES.split("for line", maxsplit=1)[0]
    + """
lines = link.run(bench.job(plan), timeout_s=60, job_id="ab" * 16)
while b'"run"' not in next(lines):
    pass
print(phone.Phone(inventory.find("phone").address, "me").ask("begin", "ab" * 16, "60", "0" * 64))
lines.close()
link.close()
"""
)


def test_a_job_is_begun_once_and_ended_with_its_link(user: User) -> None:
    phones.benchmark_model(user.program, work='[ "$runs" = 1 ] || sleep 300')
    user.add()
    with user.start_python(LEAVES, user.model, 180) as process:
        output, words = process.communicate(timeout=_TIMEOUT_S)
    assert output.strip() == "begun", words
    assert user.starts == ["1"] * phones.SAMPLES + ["64"]
    assert user.is_clean()


def test_what_takes_too_long_is_ended_there(user: User) -> None:
    phones.benchmark_model(user.program, work="sleep 300")
    user.add()
    done = user.cli(*user.bench("--timeout", "3"))
    assert done.returncode != 0
    found = failure(done)
    assert "no result in time" in found["message"]
    assert "--timeout" in found["hint"]
    assert user.is_clean()


def test_whoever_has_it_is_named(user: User) -> None:
    phones.benchmark_model(user.program, work='[ "$runs" = 1 ] || sleep 6')
    user.add("wait_s = 0")
    with user.start(*user.bench()) as first:
        wait_for(lambda: user.there("lock").exists())
        done = user.cli(*user.bench())
        found = failure(done)
        assert found["kind"] == "DeviceBusy"
        assert "@" in found["message"]
        assert "measures on it" in found["message"]
        output, _ = first.communicate(timeout=_TIMEOUT_S)
    assert json.loads(output)["results"][0]["valid"]
    assert user.is_clean()


def test_outputs_that_are_wrong_are_said_to_be(user: User) -> None:
    phones.benchmark_model(user.program, write='head -c 192 /dev/zero > "$output"')
    user.add()
    found = result(user.cli(*user.bench()))
    assert not found["valid"]
    assert any("SQNR" in reason for reason in found["reasons"])


def test_outputs_that_it_does_not_write_are_not_checked(user: User) -> None:
    phones.benchmark_model(user.program, write=":")
    user.add()
    found = result(user.cli(*user.bench()))
    assert not found["valid"]
    assert "unverified: this benchmark_model writes no outputs" in found["reasons"]


@pytest.mark.parametrize(
    ("work", "words"),
    [
        ("echo 'ERROR: no such op' >&2; exit 3", "exit status 3"),
        ("while echo 0123456789; do :; done", "more than 1048576 bytes"),
        (r"printf '\033[2Jcount=3 min=nan\n'; exit 0", "it says no times"),
    ],
)
def test_what_it_says_when_it_fails_is_told(user: User, work: str, words: str) -> None:
    phones.benchmark_model(user.program, work=work)
    user.add()
    done = user.cli(*user.bench())
    found = failure(done)
    assert words in found["message"]
    assert "\x1b" not in done.stdout + done.stderr
    assert user.is_clean()


def test_it_is_waited_for_until_it_is_cool(user: User) -> None:
    user.add("[phone.cooldown]", "start_below_c = 40", "max_wait_s = 1")
    (launch,) = result(user.cli(*user.bench()))["launches"]
    assert launch["environment"]["cooldown.outcome"] == "hot"
    assert launch["environment"]["cooldown.zone"] == "cpu.cpu0"


def test_what_makes_no_sense_there_is_refused(user: User) -> None:
    user.add()
    done = user.cli(*user.bench("--mode", "paced", "--rate", "10"))
    assert "inferences follow one another" in failure(done)["message"]
    tuned = user.cli(*user.bench("--tune"))
    assert tuned.returncode != 0
    assert "no Python on a phone" in tuned.stderr + tuned.stdout


def test_one_for_other_phones_is_refused(user: User) -> None:
    head = bytearray(64)
    head[:6] = b"\x7fELF\x02\x01"
    head[18] = 183
    user.program.write_bytes(head)
    user.add()
    checked = json.loads(user.cli("devices", "check", "phone", "--json").stdout)
    (runtime,) = checked["runtimes"]
    assert runtime["state"] == "missing"
    assert "is for arm64-v8a" in runtime["why"]
    found = failure(user.cli(*user.bench()))
    assert found["kind"] == "Incompatible"
    assert "is for arm64-v8a; the phone is x86_64" in found["message"]


@pytest.mark.parametrize("serial", ["10.77.99.1:5555", "EKNOTHERE1"])
def test_nobody_there(user: User, serial: str) -> None:
    user.add(serial=serial)
    done = user.cli("devices", "check", "phone")
    assert done.returncode == 5
    assert "can't be reached" in done.stderr or "does not answer" in done.stderr
