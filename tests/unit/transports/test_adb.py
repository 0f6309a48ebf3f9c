"""Phones by a made `adb`: what a real one says when things are wrong, after its sources."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.errors import (
    AuthFailed,
    DataError,
    DeviceBusy,
    DeviceError,
    Incompatible,
    LinkLost,
    MissingDependency,
    UsageError,
)
from edgekit.records.devicespec import DeviceSpec
from edgekit.transports import adbprogram, phonebench, phonefacts
from edgekit.transports.adb import AdbLink
from edgekit.transports.adbprogram import Adb
from edgekit.transports.cargo import of_bytes
from edgekit.transports.phone import HOME, Phone
from edgekit.wire import Job, Profile, Scenario
from tests import phones

Fake = Callable[[str], Path]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Puts an `adb` on the path that does what is given, in shell, with its calls in `calls`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def make(body: str) -> Path:
        calls = tmp_path / "calls"
        head = f'#!/bin/sh\n[ "$1" = start-server ] && exit 0\necho "$*" >> {calls}\n'
        (folder / "adb").write_text(head + body)
        (folder / "adb").chmod(0o755)
        return calls

    return make


def a_job(**fields: Any) -> Job:
    profile = Profile(64, 1.0, 30.0, 5, 0.5, 10.0)
    return replace(Job("bench", "litert", "m.tflite", "fp32", 2, profile=profile), **fields)


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        ("error: device unauthorized.", AuthFailed, "phone's screen"),
        ("error: insufficient permissions for device: udev", AuthFailed, "udev"),
        ("error: device offline", LinkLost, "adb devices"),
        ("error: device 'X1' not found", LinkLost, "adb devices"),
        ("error: closed", LinkLost, "adb devices"),
        ("error: \x1b[2J", LinkLost, "adb devices"),
    ],
)
def test_what_is_wrong_is_told_apart(
    fake: Fake, words: str, error: type[DeviceError], hint: str
) -> None:
    fake(f"echo '{words}' >&2; exit 1")
    with pytest.raises(error, match="X1") as caught:
        Phone("X1", "me").facts()
    assert type(caught.value) is error
    assert hint in caught.value.hint
    assert "\x1b" not in str(caught.value)


def test_one_over_tcp_is_connected_and_may_refuse(fake: Fake) -> None:
    calls = fake(
        'case "$1" in connect) echo "failed to authenticate to $2" ;; disconnect) ;;'
        " *) echo 'error: device offline' >&2; exit 1 ;; esac"
    )
    with pytest.raises(AuthFailed, match="10.0.0.1:5555"):
        Phone("10.0.0.1:5555", "me").facts()
    assert calls.read_text().splitlines()[1:] == [
        "disconnect 10.0.0.1:5555",
        "connect 10.0.0.1:5555",
    ]


def test_one_that_hangs_is_given_up(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adbprogram, "_ANSWER_S", 0.3)
    fake("exec sleep 100")
    with pytest.raises(LinkLost, match="does not answer"):
        Phone("X1", "me").facts()


def test_one_that_never_ends_is_ended(fake: Fake) -> None:
    fake("exec yes")
    with pytest.raises(DeviceError, match="more than 1000 bytes"):
        Adb("X1").shell(["cat"], 1000)


def test_no_word_means_anything_to_a_shell(fake: Fake) -> None:
    fake('shift 3; sh -c "$1"')
    words = ["printf", "%s|", "a b", "'", '"', ";", "$HOME", "`id`", "\\"]
    assert Adb("X1").shell(words, 1000).output.decode() == "a b|'|\"|;|$HOME|`id`|\\|"


def test_words_that_a_shell_knows_are_not_sent(fake: Fake) -> None:
    fake(f'echo "$(sha256sum {Path(adbprogram.__file__).with_name("phone.sh")})"')
    with pytest.raises(DeviceError, match="no word for a phone"):
        Phone("X1", "me").state("a;reboot")


def test_a_stop_from_another_thread_ends_it(fake: Fake) -> None:
    calls = fake("exec sleep 100")
    adb = Adb("X1")

    def stop() -> None:
        while not calls.exists():
            time.sleep(0.01)
        adb.stop()

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(DeviceError, match="closed"):
        adb.shell(["true"], 1000)
    thread.join()


def test_without_adb_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependency) as caught:
        adbprogram.program()
    assert "apt install adb" in caught.value.hint
    beside = tmp_path / "adbutils" / "binaries" / "adb"
    beside.parent.mkdir(parents=True)
    beside.touch()
    (tmp_path / "adbutils" / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert adbprogram.program() == str(beside)


SCRIPT = Path(adbprogram.__file__).with_name("phone.sh")
# A phone that has the script, and answers each verb as it is told.
ANSWERS = f"""
[ "$3" = push ] && {{ PUSH; exit $?; }}
case "$4" in
  sha256sum*) sha256sum {SCRIPT} ;;
  *" lock"*) LOCK ;;
  *" lacking "*) LACKING ;;
  *" keep "*) KEEP ;;
  *) echo ok ;;
esac
"""


def answering(
    *, push: str = "true", lock: str = "echo held", lacking: str = ":", keep: str = "echo kept"
) -> str:
    words = {"PUSH": push, "LOCK": lock, "LACKING": lacking, "KEEP": keep}
    text = ANSWERS
    for name, value in words.items():
        text = text.replace(name, value)
    return text


def test_whoever_has_it_is_named(fake: Fake) -> None:
    fake(answering(lock="echo busy 42 you@there:1"))
    with pytest.raises(DeviceBusy, match="you@there:1 measures on it, for another 42 s"):
        Phone("X1", "me").take()


def test_an_old_android_is_told(fake: Fake) -> None:
    fake(answering(lock="echo lacks sha256sum"))
    with pytest.raises(Incompatible, match="has no sha256sum"):
        Phone("X1", "me").take()


def test_a_file_is_sent_once_and_kept_under_its_digest(fake: Fake) -> None:
    item = of_bytes(b"weights")
    calls = fake(answering(lacking=f"echo {item.sha256}"))
    phone = Phone("X1", "o w'ner")
    phone.bring([item, item])
    sent = [line for line in calls.read_text().splitlines() if " push " in line]
    assert len(sent) == 1
    kept = [line for line in calls.read_text().splitlines() if " keep " in line]
    assert kept[0].endswith(f" {item.sha256}")
    assert " o_w_ner 180 " in kept[0]
    assert sent[0].split()[-1].startswith(f"{HOME}/sent-")


def test_a_full_disk_is_told(fake: Fake) -> None:
    item = of_bytes(b"weights")
    full = 'echo "adb: error: failed to copy: No space left on device" >&2; false'
    fake(answering(lacking=f"echo {item.sha256}", push=full))
    with pytest.raises(Incompatible, match="disk is full"):
        Phone("X1", "me").bring([item])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "compare"}, "no Python on a phone"),
        ({"kind": "tune"}, "no Python on a phone"),
        ({"runtime": "onnxruntime"}, "runs litert, not onnxruntime"),
        ({"scenario": Scenario("paced", 10.0)}, "follow one another"),
        ({"shapes": {"x": [1, 3]}}, "nobody knows the inputs"),
        ({"batch": 2}, "nobody knows the inputs"),
    ],
)
def test_what_makes_no_sense_there_is_refused(fields: dict[str, Any], words: str) -> None:
    link = AdbLink(DeviceSpec(transport="adb", address="X1"), "me")
    with pytest.raises(UsageError, match=words):
        list(link.run(a_job(**fields), timeout_s=1))


def test_without_a_program_nothing_is_begun() -> None:
    link = AdbLink(DeviceSpec(transport="adb", address="X1"), "me")
    with pytest.raises(Incompatible, match="no benchmark_model is given") as caught:
        list(link.run(a_job(), timeout_s=1))
    assert "devices.toml" in caught.value.hint
    link.close()


class TestOrder:
    @pytest.fixture
    def job(self, tmp_path: Path) -> Job:
        made = phones.artifact(tmp_path / "toy" / "litert-fp32")
        return a_job(
            model=str(made.model),
            golden=str(made.file("golden")),
            layouts={"x": "NHWC"},
            batch=2,
        )

    def test_each_batch_of_the_golden_sample_is_a_process(self, job: Job, tmp_path: Path) -> None:
        check = phonebench.golden(job)
        assert check is not None
        assert check.counts == (2, 1)
        assert check.specs[0].shape == (2, 4, 4, 3)
        program = phones.benchmark_model(tmp_path / "program")
        order = phonebench.order(job, "ab" * 16, program, "f0", check)
        assert isinstance(order.steps.content, bytes)
        lines = [line.split() for line in order.steps.content.decode().splitlines()]
        assert [line[0] for line in lines] == ["golden", "golden", "run"]
        assert all(line[1:3] == ["taskset", "f0"] for line in lines)
        brought = {item.sha256 for item in order.items}
        named = {word.rpartition("/")[2] for line in lines for word in line if "files/" in word}
        assert named <= brought
        assert "--input_layer_shape=2,4,4,3" in lines[2]
        assert not any("value_files" in word for word in lines[2])

    def test_outputs_are_compared_without_those_that_fill_up(self, job: Job) -> None:
        check = phonebench.golden(job)
        assert check is not None
        written = [feed[0] for feed in check.feeds]
        found = phonebench.checked(check, written)
        assert (found.images, found.agreement, found.sqnr_db) == (3, 1.0, None)
        numbers = np.full(check.size_bytes // 4, np.nan, np.float32).tobytes()
        assert not phonebench.checked(check, [written[0], numbers]).finite

    @pytest.mark.parametrize("cut", [0, 4, -1])
    def test_outputs_of_another_size_are_refused(self, job: Job, cut: int) -> None:
        check = phonebench.golden(job)
        assert check is not None
        written = [feed[0] for feed in check.feeds]
        written[1] = written[1][:cut] if cut >= 0 else written[1] + b"\0"
        with pytest.raises(DataError, match="bytes of outputs"):
            phonebench.checked(check, written)

    def test_a_broken_golden_sample_is_told(self, job: Job, tmp_path: Path) -> None:
        (tmp_path / "broken.npz").write_bytes(b"PK")
        with pytest.raises(DataError, match="can't be read"):
            phonebench.golden(replace(job, golden=str(tmp_path / "broken.npz")))


def test_facts_of_a_phone_that_tells_nothing() -> None:
    found = phonefacts.of("")
    assert (found.cpus, found.big_cpus, found.thermal_status, found.battery) == (1, 0, None, "")
    assert json.dumps(found.temperatures_c) == "{}"


class TestScript:
    """The script of a phone, by the shell that is here; Android's is in the lab's phone."""

    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        source = Path(adbprogram.__file__).with_name("phone.sh").read_bytes()
        (tmp_path / "phone.sh").write_bytes(source)
        for tool in ("getprop", "nproc", "taskset"):
            (tmp_path / tool).write_text("#!/bin/sh\n")
            (tmp_path / tool).chmod(0o755)
        (tmp_path / "jobs").mkdir()
        return tmp_path

    @staticmethod
    def _start(home: Path, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["/bin/sh", str(home / "phone.sh"), "anna", "60", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env={"PATH": f"{os.environ['PATH']}:{home}"},
            text=True,
        )

    def test_a_host_that_hears_no_more_leaves_no_guard(self, home: Path) -> None:
        deaf = self._start(home, "lock")
        assert deaf.stdout is not None
        deaf.stdout.close()
        deaf.wait(30)
        assert not list(home.glob("guard-*"))
        assert self._start(home, "lock").communicate(timeout=30)[0] == "held\n"

    def test_a_guard_that_nobody_took_away_is_no_hindrance(self, home: Path) -> None:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        guard = home / f"guard-{boot}"
        guard.mkdir()
        (guard / "since").write_text("0\n")
        assert self._start(home, "lock").communicate(timeout=60)[0] == "held\n"
