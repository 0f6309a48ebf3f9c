"""Hold a machine's clocks still while others measure on it, and put everything back.

The only part of edgekit that changes something on a machine, and only where it is asked to.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, NoReturn, Optional, Protocol, Tuple

from edgekit.errors import EdgekitError, UsageError
from edgekit.measure.clocks import accelerators, policies, turbo_switch
from edgekit.measure.environment import read
from edgekit.measure.jetson import mode_number, set_power_mode

# What says that everything is set: the phase that a tune job reaches and stays in.
TUNED = "tuned"
_GOVERNOR = "performance"

Change = Tuple[Path, str]


class Events(Protocol):
    """Where the job says how far it is."""

    def enter(self, phase: str) -> None:
        """Say that `phase` begins."""
        ...


def hold(root: Path, events: Events, power_mode: Optional[int] = None) -> None:
    """Set the clocks, say so, and put them back when standard input ends.

    It ends when the host has finished, and also when the host is killed.

    Args:
        root: Where the system's files are.
        events: Told of `TUNED` as soon as everything is set.
        power_mode: Number of a Jetson's power mode to go to; None for the one that it is in.

    Raises:
        UsageError: There is nothing to set here, or it may not be set; what was is back.
    """
    # Whoever ends this process with the customary signal also wants things put back.
    signal.signal(signal.SIGTERM, _leave)
    with contextlib.ExitStack() as stack:
        if power_mode is not None:
            # A mode sets clocks too: these are right again only once the old one is back.
            stack.enter_context(_put_back(path for path, _ in _wanted(root)))
            stack.enter_context(_in_mode(root, str(power_mode)))
        wanted = changes(root)
        stack.enter_context(_put_back(path for path, _ in wanted))
        for path, value in wanted:
            _write(path, value, wanted)
        events.enter(TUNED)
        while os.read(0, 1024):
            pass


def changes(root: Path) -> List[Change]:
    """The files to write and what to write: governors that hold the clock, and no turbo.

    The clock of a board's GPU is held at the highest that the power mode allows.

    Raises:
        UsageError: The system has none of these.
    """
    wanted = _wanted(root)
    if not wanted:
        raise UsageError(
            "--tune: this machine has no CPU governor and no turbo that could be set",
            hint="bench without --tune; in a virtual machine the host decides on the clocks",
        )
    # What is empty can't be read, and so not be put back.
    return [(path, value) for path, value in wanted if value and read(path) not in ("", value)]


def _wanted(root: Path) -> List[Change]:
    wanted = [(folder / "scaling_governor", _GOVERNOR) for folder in policies(root).values()]
    switch = turbo_switch(root)
    if switch is not None:
        path, _, off = switch
        wanted.append((path, off))
    wanted += [(folder / "min_freq", read(folder / "max_freq")) for folder in accelerators(root)]
    return wanted


@contextlib.contextmanager
def _put_back(paths: Iterable[Path]) -> Iterator[None]:
    """Whatever is written to these files meanwhile, they say at the end what they say now."""
    before = [(path, read(path)) for path in paths]
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for path, value in reversed(before):
            # One that can't be put back must not keep the others from it.
            with contextlib.suppress(OSError):
                if read(path) != value:
                    path.write_text(value + "\n", encoding="utf-8")


@contextlib.contextmanager
def _in_mode(root: Path, number: str) -> Iterator[None]:
    before = mode_number(root)
    try:
        set_power_mode(root, number)
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        set_power_mode(root, before)


def _write(path: Path, value: str, wanted: List[Change]) -> None:
    try:
        path.write_text(value + "\n", encoding="utf-8")
    except OSError as error:
        files: Dict[str, List[str]] = {}
        for file, text in wanted:
            files.setdefault(text, []).append(str(file))
        commands = "; ".join(
            f"echo {text} | sudo tee {' '.join(names)}" for text, names in files.items()
        )
        raise UsageError(
            f"--tune: can't write {value} to {path}: {error.strerror}; what was set is back",
            hint=f"as root, then bench without --tune: {commands}",
        ) from error


def _leave(_signal: int, _frame: object) -> NoReturn:
    sys.exit(EdgekitError.exit_code)
