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


@contextlib.contextmanager
def shown() -> Iterator[OnStep]:
    """What to call with each step; the live line is gone at the end, whatever happens."""
    if not sys.stderr.isatty():
        yield _line
        return
    from rich.console import Console
    from rich.status import Status

    # Few refreshes: drawing takes CPU time on the machine that is measured.
    status = Status("", console=Console(stderr=True), refresh_per_second=_REFRESHES_PER_S)
    clock = _Clock()
    with status:
        yield lambda step: status.update(_words(step, clock.left_s(step)))


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
        output.say(f"{step.plan.subject.name}: measuring with {step.plan.runtime}")


def _words(step: Step, left_s: float) -> str:
    from rich.markup import escape

    name = escape(one_line(step.plan.subject.name))
    minutes, seconds = divmod(round(left_s), 60)
    return (
        f"[{step.leg}/{step.legs}] {name} with {step.plan.runtime}, process {step.launch} of "
        f"{step.plan.profile.launches}: {step.phase} (about {minutes}:{seconds:02} left)"
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
