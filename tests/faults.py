"""What can befall a bench on a device, and what must come of it each time.

The tests let each happen once; `benchmarks/devices.py` counts over many times.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx

from tests.agents import eventually
from tests.foreign_files import net
from tests.hosts import IMPATIENT, MIB, UNTIL_TOLD, Command, Host, StillRunsError, There

# One process measures there.
BENCH = ("--device", "jetson", "--profile", "quick", "--threads", 1, "--json")
_DEVICE_ERROR = 5
# Long enough for both sides to notice it.
_WHILE_S = 2.0
# A host that gives up soon, and a device that does so a little later.
_SOON = {"visit.PATIENCE_S": 1.0, "visit.LEASE_S": 3.0, "visit.GRACE_S": 0.5}
# As many inferences as make some megabytes of samples.
_BIG = "samples['latency_ns'] = samples['cpu_ns'] = [1234567] * 200_000"
_FLOOD = "for _ in range(500): os.write(2, b'x' * 2**16)"
_ENDLESS = "line = b'x' * 2**16\nwhile True:\n    os.write(1, line)"
_DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


@dataclass(frozen=True)
class Scene:
    """A bench as it runs on the device `jetson`."""

    host: Host
    there: There
    model: Path
    command: Command


Act = Callable[[Scene], None]


@dataclass(frozen=True)
class Fault:
    """What befalls a bench.

    Attributes:
        name: What it is called.
        act: What happens once the bench was begun.
        reason: What the row says that comes of it, as `KIND: MESSAGE`; empty for numbers.
        program: What the worker does.
        after: What is undone when the bench is over.
        device: How the device is made, as `Network.add` takes it.
        cable: How the link is, as `Wire.set` takes it.
        model_bytes: About how big the model's file is.
        words: Of the command line.
        times: Constants of edgekit's transports to replace, in seconds; bytes of a limit.
    """

    name: str
    act: Act
    reason: str = ""
    program: str = UNTIL_TOLD
    after: Act = lambda _: None
    device: Mapping[str, Any] = field(default_factory=dict)
    cable: Mapping[str, float] = field(default_factory=dict)
    model_bytes: int = 0
    words: tuple[object, ...] = ()
    times: Mapping[str, float] = field(default_factory=lambda: IMPATIENT)

    @property
    def hears_no_more(self) -> bool:
        """Whether the device cleans up by itself, since no host does."""
        return self.reason.startswith("LinkLost") or self.act is _kill_host


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        lost: Whether neither numbers nor the right reason came back, or the run wasn't there.
        doubled: Whether it ran more than once.
        hung: Whether it didn't end by itself.
        left: What still runs on the device, or lies there of the job.
        said: The rows and messages, for people.
        took_s: From the command's begin to its end.
    """

    lost: bool
    doubled: bool
    hung: bool
    left: bool
    said: str
    took_s: float

    @property
    def is_right(self) -> bool:
        """Whether all is as it must be."""
        return not (self.lost or self.doubled or self.hung or self.left)


def happen(fault: Fault, host: Host, there: There, folder: Path) -> Outcome:
    """Let a fault befall a bench.

    Args:
        fault: The fault.
        host: Who measures; it knows the device as `jetson`.
        there: The device.
        folder: For the model's file.
    """
    there.device.wire.set(**fault.cable)
    path = model(folder / "m.onnx", fault.model_bytes)
    words = ("bench", path, *BENCH, *fault.words)
    command = host.begin(*words, program=fault.program, times=fault.times)
    scene = Scene(host, there, path, command)
    began_s = time.monotonic()
    lost, hung, said = False, False, ""
    try:
        fault.act(scene)
        lost, said = _lost(fault, command)
    except StillRunsError:
        hung = True
    except AssertionError as error:
        lost, said = True, repr(error)
    took_s = time.monotonic() - began_s
    fault.after(scene)
    starts, ends = there.count("starts"), there.count("ends")
    ran = starts == ends == 1 if not fault.reason and not fault.hears_no_more else ends == 0
    gone = _soon((lambda: not there.left()) if fault.hears_no_more else there.is_clean)
    said = f"{said} starts {starts} ends {ends} left {there.left()}"
    return Outcome(
        lost=lost or (there.is_up and not ran),
        doubled=max(starts, ends) > 1,
        hung=hung,
        left=not gone,
        said=said,
        took_s=took_s,
    )


def model(path: Path, size_bytes: int = 0) -> Path:
    """A model in a file of about so many bytes, as small as can be for none."""
    made = net()
    made.doc_string = "x" * size_bytes
    onnx.save(made, path)
    return path


def cut_for_a_while(there: There) -> None:
    """Cut the link, long enough for both sides to notice."""
    there.device.wire.cut()
    time.sleep(_WHILE_S)
    there.device.wire.mend()


def _lost(fault: Fault, command: Command) -> tuple[bool, str]:
    if command.is_killed:
        return False, ""
    done = command.done()
    if not fault.reason:
        return done.status != 0 or len(done.results) != 1, done.err
    found = done.failure
    said = f"{found['kind']}: {found['message']}"
    return done.status != _DEVICE_ERROR or fault.reason not in said, said


def _soon(holds: Callable[[], bool]) -> bool:
    try:
        eventually(holds)
    except AssertionError:
        return False
    return True


def _nothing(_: Scene) -> None:
    pass


def _cut_upload(scene: Scene) -> None:
    scene.there.uploading()
    cut_for_a_while(scene.there)


def _cut_run(scene: Scene) -> None:
    scene.there.begun()
    cut_for_a_while(scene.there)
    scene.there.go()


def _cut_as_it_ends(scene: Scene) -> None:
    there = scene.there
    there.begun()
    there.device.wire.cut()
    there.go()
    eventually(lambda: there.count("ends"))
    time.sleep(_WHILE_S)
    there.device.wire.mend()


def _cut_samples(scene: Scene) -> None:
    there = scene.there
    there.begun()
    there.device.wire.set(mbit_per_s=10)
    there.go()
    eventually(lambda: there.count("ends"))
    before = there.device.wire.counts()["passed"]
    # Some hundred kilobytes of a few megabytes.
    eventually(lambda: there.device.wire.counts()["passed"] > before + 600)
    cut_for_a_while(there)


def _cut_upload_for_good(scene: Scene) -> None:
    scene.there.uploading()
    scene.there.device.wire.cut()


def _cut_run_for_good(scene: Scene) -> None:
    scene.there.begun()
    scene.there.device.wire.cut()


def _kill_host(scene: Scene) -> None:
    scene.there.begun()
    scene.command.kill()


def _restart_server(scene: Scene) -> None:
    scene.there.begun()
    scene.there.device.server.kill()
    time.sleep(0.5)
    scene.there.device.server.start()
    scene.there.go()


def _freeze_for_a_while(scene: Scene) -> None:
    scene.there.begun()
    scene.there.device.group.freeze()
    time.sleep(_WHILE_S)
    scene.there.device.group.thaw()
    scene.there.go()


def _freeze(scene: Scene) -> None:
    scene.there.begun()
    scene.there.device.group.freeze()


def _thaw(scene: Scene) -> None:
    scene.there.device.group.thaw()


def _restart(scene: Scene) -> None:
    scene.there.begun()
    scene.there.device.lose_power()
    scene.there.device.regain_power()


def _lose_power(scene: Scene) -> None:
    scene.there.begun()
    scene.there.device.lose_power()


def _kill_supervisor(scene: Scene) -> None:
    scene.there.begun()
    scene.there.kill_supervisor()


def _second_host(scene: Scene) -> None:
    scene.there.begun()
    second = scene.host.begin("bench", scene.model, *BENCH, program="").done()
    assert (second.status, second.failure["kind"]) == (_DEVICE_ERROR, "DeviceBusy")
    assert "anna@host" in second.failure["message"]
    scene.there.go()


_UPLOAD: dict[str, Any] = {"model_bytes": 6 * MIB, "cable": {"mbit_per_s": 40}}
_GIVES_UP: dict[str, Any] = {"reason": "LinkLost", "times": {**IMPATIENT, **_SOON}}
_BAD_LINK: dict[str, Any] = {"program": "", "model_bytes": MIB // 4, "times": {}}
_SMALL_DISK: dict[str, Any] = {"device": {"disk_bytes": 24 * MIB}}
FAULTS = (
    Fault("none", _nothing, program=""),
    Fault("link cut in an upload", _cut_upload, program="", **_UPLOAD),
    Fault("link cut in a run", _cut_run),
    Fault("link cut as a run ends", _cut_as_it_ends),
    Fault("link cut in the samples", _cut_samples, program=f"{UNTIL_TOLD}; {_BIG}"),
    Fault("link cut for good in an upload", _cut_upload_for_good, **_UPLOAD, **_GIVES_UP),
    Fault("link cut for good in a run", _cut_run_for_good, **_GIVES_UP),
    Fault("slow link", _nothing, cable={"delay_ms": 40, "jitter_ms": 20}, **_BAD_LINK),
    Fault("narrow link", _nothing, cable={"mbit_per_s": 2}, **_BAD_LINK),
    Fault("lossy link", _nothing, cable={"loss": 0.1, "delay_ms": 5}, **_BAD_LINK),
    Fault("host killed", _kill_host, times={**IMPATIENT, **_SOON}),
    Fault("sshd restarted, plain user", _restart_server),
    Fault("sshd restarted, root", _restart_server, device={"user": "root"}),
    Fault("frozen for a while", _freeze_for_a_while),
    Fault("frozen for good", _freeze, after=_thaw, **_GIVES_UP),
    Fault("power cut", _restart, "DeviceError: the device was restarted"),
    Fault("power off for good", _lose_power, **_GIVES_UP),
    Fault(
        "out of memory",
        _nothing,
        "DeviceError: the device had not enough memory",
        program="bytes(1) * (1 << 28)",
        device={"memory_bytes": 96 * MIB},
    ),
    Fault(
        "disk full before the upload",
        _nothing,
        "Incompatible: the device takes no files: no room",
        model_bytes=12 * MIB,
        **_SMALL_DISK,
    ),
    Fault(
        "disk filled by the run",
        _nothing,
        "Incompatible: the device's disk was full",
        program="(home / 'big').write_bytes(bytes(1 << 26))",
        **_SMALL_DISK,
    ),
    Fault("log flood", _nothing, program=_FLOOD),
    Fault(
        "answer without end",
        _nothing,
        f"DeviceError: the device sent more than {2 * MIB} bytes",
        program=_ENDLESS,
        times={**IMPATIENT, "workers.ANSWER_LIMIT": 2 * MIB},
    ),
    Fault(
        "supervisor killed",
        _kill_supervisor,
        "DeviceError: what watches over the job on the device was killed",
    ),
    Fault(
        "run hangs",
        _nothing,
        "DeviceError: no result after 1 s",
        program="time.sleep(600)",
        words=("--timeout", 1),
        times={**IMPATIENT, **_SOON},
    ),
    Fault(
        "run hangs and is deaf",
        _nothing,
        "DeviceError: no result after 1 s",
        program=_DEAF,
        words=("--timeout", 1),
        times={**IMPATIENT, **_SOON},
    ),
    Fault("two hosts", _second_host),
)
