"""What a device lacks is brought to it: once, for the job alone, and only what may be."""

from __future__ import annotations

import functools
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import pytest

from edgekit import bundles
from edgekit.errors import Incompatible, ToolError
from edgekit.transports import OWNER, cargo, outfit, visit
from edgekit.transports.outfit import lacking
from edgekit.transports.remote import RemoteLink
from edgekit.transports.visit import Visit
from edgekit.wire import Job
from tests.agents import eventually
from tests.machines import LocalMachine, scripted, scripted_worker
from tests.wheels import bare_python, stand_in

PHASE = b'{"event": "phase", "phase": "bundle"}'
PROGRAM = "import pack; say(pack.answer)"
Make = Callable[[], LocalMachine]


@pytest.mark.parametrize(
    ("runtime", "packages", "wanted"),
    [
        ("onnxruntime", ["onnxruntime", "numpy"], ""),
        # JetPack's own build is used where it is.
        ("onnxruntime", ["onnxruntime_gpu", "numpy"], ""),
        ("onnxruntime-reference", ["onnxruntime", "numpy"], ""),
        ("onnxruntime", ["numpy"], "onnxruntime"),
        ("onnxruntime", [], "onnxruntime"),
        # And not hidden by another.
        ("onnxruntime", ["onnxruntime_gpu"], "numpy"),
        ("litert", ["tflite_runtime", "numpy"], ""),
        ("litert", ["ai_edge_litert", "numpy"], ""),
        ("litert", ["onnxruntime", "numpy"], "litert"),
        ("openvino", ["numpy"], "openvino"),
        ("tensorrt", ["tensorrt"], "numpy"),
        ("tensorrt", ["tensorrt", "numpy"], ""),
        ("tensorrt", ["numpy"], "tensorrt"),
        ("torch", ["torch", "numpy"], ""),
        ("torch-cuda-compiled", ["numpy"], "torch-cuda-compiled"),
    ],
)
def test_what_is_there_is_used_and_the_rest_is_brought(
    runtime: str, packages: list[str], wanted: str
) -> None:
    assert lacking(runtime, dict.fromkeys(packages, "1.0")) == wanted


def test_every_runtime_that_can_be_brought_is_known() -> None:
    assert bundles.REQUIREMENTS.keys() - {"numpy"} <= outfit.BUILDS.keys()


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a uv of our own."""
    stand_in(tmp_path / "tools", 300_000)
    monkeypatch.setenv("PATH", f"{tmp_path / 'tools'}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(cargo, "worker", functools.cache(scripted_worker))
    return tmp_path / "tools"


@pytest.fixture
def make(tmp_path: Path, tools: Path) -> Iterator[Make]:
    """Makes hosts' ways to one device, whose Python has no packages."""
    made: list[LocalMachine] = []
    python = bare_python(tmp_path / "python")

    def make() -> LocalMachine:
        made.append(LocalMachine(tmp_path / "device", python=python))
        return made[-1]

    yield make
    for machine in made:
        machine.end()


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Job:
    """One whose runtime is `pack`, which comes with OpenVINO."""
    monkeypatch.setitem(outfit.BUILDS, PROGRAM, ("openvino",))
    monkeypatch.setitem(bundles.REQUIREMENTS, PROGRAM, ("pack", "numpy"))
    return scripted(PROGRAM)


def run(machine: LocalMachine, *jobs: Job) -> list[bytes]:
    link = RemoteLink(Visit(machine, machine.spec, OWNER))
    with closing(link):
        return [line for job in jobs for line in link.run(job, timeout_s=60.0)]


def test_a_job_finds_what_was_brought_for_it(
    make: Make, job: Job, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, kept = make(), Mock(wraps=bundles.kept)
    monkeypatch.setattr(bundles, "kept", kept)
    assert run(machine, job, job) == [PHASE, b"42", b"42"]
    # Looked for once a link.
    kept.assert_called_once()
    (line,) = (tools / "asked").read_text().splitlines()
    assert line.endswith("pack numpy --override " + line.rpartition(" ")[2])
    # Its Python has it no more than before.
    words = [machine.spec.python, "-c", "import pack"]
    assert subprocess.run(words, capture_output=True, check=False).returncode == 1
    assert {path.name for path in machine.root.iterdir()} >= {"bundles", "files"}


def test_the_second_time_nothing_is_moved(make: Make, job: Job, tools: Path) -> None:
    first, second = make(), make()
    run(first, job)
    assert first.sent_bytes > 600_000
    assert run(second, job) == [b"42"]
    assert second.sent_bytes < 100_000
    assert len((tools / "asked").read_text().splitlines()) == 1


def test_what_another_host_has_brought_is_not_brought_again(
    make: Make, job: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run(make(), job)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    machine = make()
    assert run(machine, job) == [PHASE, b"42"]
    assert machine.sent_bytes < 100_000


def test_the_device_is_ours_however_long_it_takes(
    make: Make, job: Job, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit, "LEASE_S", 1.0)
    slow = (tools / "uv").read_text().replace("#!/bin/sh", "#!/bin/sh\nsleep 1.5")
    (tools / "uv").write_text(slow)
    assert run(make(), job) == [PHASE, b"42"]


def test_what_a_device_dropped_is_brought_again(make: Make, job: Job, tools: Path) -> None:
    first = make()
    run(first, job)
    for folder in (first.root / "bundles").glob("?" * 64):
        folder.rename(first.root / "bundles/aside")
    assert run(make(), job) == [PHASE, b"42"]
    assert len((tools / "asked").read_text().splitlines()) == 1


def test_a_job_without_a_runtime_needs_nothing(make: Make, tools: Path) -> None:
    assert run(make(), scripted("say('held')", kind="tune")) == [b"held"]
    assert not (tools / "asked").exists()


def test_what_is_there_is_used_where_it_is(make: Make, job: Job, tools: Path) -> None:
    machine = make()
    (site,) = Path(machine.spec.python).parents[1].glob("lib/python*/site-packages")
    for name in ("openvino", "numpy"):
        (site / f"{name}-1.0.dist-info").mkdir()
    (site / "pack.py").write_text("answer = 'theirs'")
    assert run(machine, job) == [b"theirs"]
    assert not (tools / "asked").exists()


def test_a_link_that_breaks_while_it_is_brought(make: Make, job: Job) -> None:
    machine = make()

    def cut() -> None:
        eventually(lambda: machine.sent_bytes > 300_000)
        machine.down.set()
        threading.Event().wait(0.3)
        machine.down.clear()

    fault = threading.Thread(target=cut)
    fault.start()
    assert run(machine, job) == [PHASE, b"42"]
    fault.join()


@pytest.mark.parametrize(
    ("runtime", "words", "way_out"),
    [
        ("torch", "torch, which is never pushed", "pip install --user torch"),
        ("tensorrt", "no tensorrt, which can't be pushed", "sudo apt install nvidia-jetpack"),
        ("onnxruntime-cuda", "no onnxruntime-cuda", "nvidia-jetpack"),
    ],
)
def test_what_can_not_be_brought_says_how_to_get_it(
    make: Make, tools: Path, runtime: str, words: str, way_out: str
) -> None:
    machine = make()
    with pytest.raises(Incompatible, match=words) as caught:
        run(machine, scripted(runtime))
    assert way_out in caught.value.hint
    assert not (tools / "asked").exists()
    # Others may have the device.
    assert not (machine.root / "lock.json").exists()


def test_a_uv_that_fails_is_told(make: Make, job: Job, tools: Path) -> None:
    (tools / "uv").write_text("#!/bin/sh\necho 'error: Failed to fetch' >&2\nexit 2\n")
    with pytest.raises(ToolError, match="registry can't be reached"):
        run(make(), job)


def test_a_uv_that_is_ended_is_not_asked_again(make: Make, job: Job, tools: Path) -> None:
    (tools / "uv").write_text(f"#!/bin/sh\necho x >>{tools}/asked\nkill -INT $$\n")
    with pytest.raises(ToolError, match="ended by signal 2"):
        run(make(), job)
    assert (tools / "asked").read_text() == "x\n"
