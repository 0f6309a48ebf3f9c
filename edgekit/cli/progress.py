"""How far a command is: a live line on a terminal, plain lines elsewhere. On standard error."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from edgekit.cli import output
from edgekit.text import one_line

if TYPE_CHECKING:
    from edgekit.workflows.bench import Step

OnStep = Callable[["Step"], None]

_REFRESHES_PER_S = 4
# Phases that may take minutes before anything is measured.
_DELAYS = {"wait": "somebody else measures on it; waiting", "bundle": "bringing it the runtime"}
# Phases of a leg after which no worker runs.
_OVER = ("done", "failed")


@contextlib.contextmanager
def shown() -> Iterator[OnStep]:
    """What to call with each step; the live line is gone at the end, whatever happens."""
    if not sys.stderr.isatty():
        yield _line
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.status import Status

    # Few refreshes: drawing takes CPU time on the machine that is measured.
    status = Status("", console=Console(stderr=True), refresh_per_second=_REFRESHES_PER_S)
    board = Board()
    with status:
        yield lambda step: status.update(escape(board.words(step)))


class Board:
    """What there is to say of each device: one line each, in the order in which they began."""

    def __init__(self) -> None:
        self._lines: dict[str, str] = {}
        self._clocks: dict[str, _Clock] = {}

    def words(self, step: Step) -> str:
        """All lines, now that a device is at `step`."""
        name = step.plan.device.name
        clock = self._clocks.setdefault(name, _Clock())
        self._lines[name] = _words(step, clock.left_s(step))
        if len(self._lines) == 1:
            return self._lines[name]
        # Under each other behind the mark that turns.
        return "\n  ".join(f"{one_line(each)}: {line}" for each, line in self._lines.items())


@contextlib.contextmanager
def told() -> Iterator[Callable[[str], None]]:
    """What to call with words about what goes on: a terminal shows the last, a log all."""
    if not sys.stderr.isatty():
        yield output.say
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.status import Status

    status = Status("", console=Console(stderr=True), refresh_per_second=_REFRESHES_PER_S)
    with status:
        yield lambda words: status.update(escape(one_line(words)))


def _line(step: Step) -> None:
    if step.launch == 1 and step.phase == "start":
        plan = step.plan
        output.say(f"{plan.subject.name}: measuring with {plan.runtime}{plan.device.on}")
    if words := _DELAYS.get(step.phase):
        output.say(f"{step.plan.device.name}: {words}")


def _words(step: Step, left_s: float) -> str:
    plan = step.plan
    head = f"[{step.leg}/{step.legs}] {one_line(plan.subject.name)} with {one_line(plan.runtime)}"
    if step.phase in _OVER:
        return f"{head}: {step.phase}"
    minutes, seconds = divmod(round(left_s), 60)
    return (
        f"{head}, process {step.launch} of {plan.profile.launches}: {step.phase} "
        f"(about {minutes}:{seconds:02} left)"
    )


class _Clock:
    """Guesses the time left: what processes took so far, times how many are to come."""

    # Starting a process, importing a runtime, loading a model.
    _START_S = 3.0

    def __init__(self) -> None:
        self._start_s = time.monotonic()
        self._done = 0
        self._last = (0, 0)

    def left_s(self, step: Step) -> float:
        """Seconds until the last leg is done."""
        if (step.leg, step.launch) != self._last:
            self._done += self._last != (0, 0)
            self._last = (step.leg, step.launch)
        launches = step.plan.profile.launches
        to_come = (step.legs - step.leg + 1) * launches - step.launch + 1
        elapsed_s = time.monotonic() - self._start_s
        profile = step.plan.profile
        guess_s = profile.min_time_s + profile.warmup_min_time_s + self._START_S
        each_s = elapsed_s / self._done if self._done else guess_s
        begun_s = elapsed_s - self._done * each_s
        return max(0.0, to_come * each_s - begun_s)
