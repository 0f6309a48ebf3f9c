"""Memory marks, on a made `/proc/self` and on the real one."""

from __future__ import annotations

import mmap
import sys
from pathlib import Path

import pytest

from edgekit.measure.memory import MemoryLog

STATUS = (
    "Name:\tpython\nVmHWM:\t   900 kB\nVmRSS:\t   700 kB\nRssAnon:\t 400 kB\nRssFile:\t 300 kB\n"
)


def test_a_mark_holds_what_the_kernel_says_in_bytes(tmp_path: Path) -> None:
    (tmp_path / "status").write_text(STATUS)
    log = MemoryLog(Path("m.onnx"), tmp_path)
    log.mark("start")
    log.mark("load")
    first, second = log.marks
    assert (first.phase, first.rss_bytes, first.peak_bytes) == ("start", 700 * 1024, 900 * 1024)
    assert (first.anonymous_bytes, first.file_bytes) == (400 * 1024, 300 * 1024)
    assert not first.reset
    assert second.reset
    assert (tmp_path / "clear_refs").read_text() == "5"


def test_a_peak_that_could_not_be_reset_says_so(tmp_path: Path) -> None:
    (tmp_path / "status").write_text(STATUS)
    (tmp_path / "clear_refs").mkdir()  # can't be written
    log = MemoryLog(Path("m.onnx"), tmp_path)
    log.mark("start")
    log.mark("load")
    assert [mark.reset for mark in log.marks] == [False, False]


def test_no_marks_where_the_system_has_none(tmp_path: Path) -> None:
    log = MemoryLog(Path("m.onnx"), tmp_path / "nothing")
    log.mark("start")
    assert log.marks == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_peak_of_a_phase_sees_memory_that_is_gone_again() -> None:
    size = 64 * 2**20
    log = MemoryLog(Path("m.onnx"))
    log.mark("before")
    # Mapped, since an allocator that holds freed pages would hand those out again.
    with mmap.mmap(-1, size) as block:
        block.write(b"\1" * size)
    log.mark("during")
    log.mark("after")
    before, during, after = log.marks
    if not during.reset:
        pytest.skip("this kernel doesn't reset the mark")
    assert during.peak_bytes - before.rss_bytes > size * 0.9
    assert after.peak_bytes < during.peak_bytes - size * 0.9


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_is_mapped_of_the_models_own_files_is_told_apart(tmp_path: Path) -> None:
    size = 8 * 2**20
    (tmp_path / "my model").mkdir()
    path = tmp_path / "my model" / "weights.bin"
    path.write_bytes(bytes(size))
    log = MemoryLog(tmp_path / "my model" / "model.xml")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        log.mark("mapped")
        assert sum(mapped[::4096]) == 0  # reads a byte of every page
        log.mark("read")
    log.mark("closed")
    assert [mark.mapped_bytes for mark in log.marks] == [0, size, 0]
