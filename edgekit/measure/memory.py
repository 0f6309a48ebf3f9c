"""Resident memory by phase, from the kernel's own high-water mark: exact, and no polling."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, List

from edgekit.measure import nvml
from edgekit.wire import MemoryMark

KIB = 1024
RESET_PEAK = "5"  # proc(5), clear_refs: sets the peak to what is resident now


class MemoryLog:
    """Marks at the end of each phase.

    Args:
        model: The model's file; other files of it lie in its folder.
        process: Folder of this process's files; there is none but on Linux.
    """

    def __init__(self, model: Path, process: Path = Path("/proc/self")) -> None:
        self._folder = os.path.realpath(model.parent) + os.sep
        self._process = process
        self._was_reset = False
        self.marks: List[MemoryMark] = []

    def mark(self, phase: str) -> None:
        """Note what `phase` took and begin the next one."""
        gpu_bytes = nvml.own_memory_bytes(self._process)  # first: asking takes memory once
        status = self._status()
        if not status:
            return
        self.marks.append(
            MemoryMark(
                phase=phase,
                rss_bytes=status.get("VmRSS", 0),
                peak_bytes=status.get("VmHWM", 0),
                anonymous_bytes=status.get("RssAnon", 0),
                file_bytes=status.get("RssFile", 0),
                mapped_bytes=self._mapped_bytes(),
                reset=self._was_reset,
                gpu_bytes=gpu_bytes,
            )
        )
        self._was_reset = self._reset()

    def _status(self) -> Dict[str, int]:
        try:
            text = (self._process / "status").read_text(encoding="utf-8")
        except OSError:
            return {}
        sizes = {}
        for line in text.splitlines():
            name, _, value = line.partition(":")
            words = value.split()
            if len(words) == 2 and words[1] == "kB":  # noqa: PLR2004 -- a number and its unit
                sizes[name] = int(words[0]) * KIB
        return sizes

    def _mapped_bytes(self) -> int:
        """Resident pages of mappings of the model's files: `Rss` in proc(5), `smaps`."""
        try:
            text = (self._process / "smaps").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return 0
        size, ours = 0, False
        for line in text.splitlines():
            name, _, rest = line.partition(" ")
            if not name.endswith(":"):
                # The head of a mapping: addresses, rights, offset, device, inode, path.
                ours = ("/" + line.partition("/")[2]).startswith(self._folder)
            elif ours and name == "Rss:":
                size += int(rest.split()[0]) * KIB
        return size

    def _reset(self) -> bool:
        try:
            (self._process / "clear_refs").write_text(RESET_PEAK, encoding="utf-8")
        except OSError:
            return False
        return True
