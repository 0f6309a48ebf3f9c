"""A stretch of time on a machine, from what it told at its start and at its end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from edgekit.text import one_line

# Facts by name, as `edgekit.measure` gives them.
Facts = Mapping[str, str]

# Beyond any fact; what a device sends may be any text.
_ENDLESS = 1e20
_COUNTER = "counter."
_NAME_LENGTH = 60
_NS = 1e9
_US = 1e6
_NS_PER_MS = 1e6
# The kernel counts CPU time in ticks of 10 ms: below this, one of them is some percent.
_LEAST_S = 0.2


def number(text: str | None, base: int = 10) -> float | None:
    """The number that a device wrote; None where it wrote none, or one that nothing can be."""
    try:
        value = float(text or "") if base == 10 else float(int(text or "", base))  # noqa: PLR2004
    except (ValueError, OverflowError):
        return None
    return value if abs(value) < _ENDLESS else None


def counts(name: str) -> bool:
    """Whether a fact is a count that says something only beside a later one."""
    return name.startswith(_COUNTER)


def values(facts: Facts, prefix: str) -> dict[str, float]:
    """Numbers of the facts whose names begin with `prefix`, by the rest of the name, printable."""
    found = {
        one_line(name.removeprefix(prefix))[:_NAME_LENGTH]: number(text)
        for name, text in facts.items()
        if name.startswith(prefix)
    }
    return {name: value for name, value in found.items() if value is not None}


def gpus(facts: Facts, about: str) -> dict[str, str]:
    """What is told of each GPU: the fact `about` by `gpu0`, `gpu1`, ..."""
    named = {re.fullmatch("(gpu[0-9]{1,3})[.](.*)", name): text for name, text in facts.items()}
    return {gpu[1]: text for gpu, text in named.items() if gpu and gpu[2] == about}


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a machine told before and after.

    Attributes:
        before: Facts at the start.
        after: Facts at the end.
    """

    before: Facts
    after: Facts

    @classmethod
    def of(cls, environment: Facts) -> Stretch:
        """The stretch that the samples of a launch tell of: `before.*` and `after.*`."""
        return cls(_named("before.", environment), _named("after.", environment))

    def rise(self, counter: str) -> float | None:
        """How far `counter` rose; None where it isn't known, as after a wrap."""
        first, last = (
            number(facts.get(_COUNTER + counter)) for facts in (self.before, self.after)
        )
        if first is None or last is None or last < first:
            return None
        return last - first

    def rises(self, prefix: str) -> dict[str, float]:
        """How far each counter rose whose name begins with `prefix`, by the rest of the name."""
        first, last = (values(facts, _COUNTER + prefix) for facts in (self.before, self.after))
        return {name: value - first.get(name, value) for name, value in last.items()}

    @property
    def seconds(self) -> float | None:
        """How long it was; None where that isn't known, or it was too short to be judged."""
        rose = self.rise("clock_ns")
        return rose / _NS if rose is not None and rose / _NS >= _LEAST_S else None

    @property
    def stolen(self) -> float | None:
        """Share of the CPUs' time that the hypervisor gave to other machines, from 0 to 1."""
        total_ms, stolen_ms = self.rise("cpu.total_ms"), self.rise("cpu.stolen_ms")
        if self.seconds is None or not total_ms or stolen_ms is None:
            return None
        return min(stolen_ms / total_ms, 1.0)

    @property
    def others(self) -> float | None:
        """Share of the CPU time that was used which other processes used, from 0 to 1."""
        busy_ms, own_ns = self.rise("cpu.busy_ms"), self.rise("self.cpu_ns")
        if self.seconds is None or not busy_ms or own_ns is None:
            return None
        return max(0.0, 1.0 - own_ns / _NS_PER_MS / busy_ms)

    @property
    def kept_waiting(self) -> float | None:
        """Share of the time in which the worker's threads could run that they waited, 0 to 1."""
        own_ns, wait_ns = self.rise("self.cpu_ns"), self.rise("self.waited_ns")
        if self.seconds is None or not own_ns or wait_ns is None:
            return None
        return wait_ns / (own_ns + wait_ns)

    def waited(self, kind: str) -> float | None:
        """Share of the time in which some task waited for `cpu`, `memory` or `io`, from 0 to 1."""
        wait_us = self.rise(f"pressure.{kind}_us")
        if self.seconds is None or wait_us is None:
            return None
        return min(wait_us / _US / self.seconds, 1.0)


def _named(prefix: str, facts: Facts) -> dict[str, str]:
    return {
        name.removeprefix(prefix): value
        for name, value in facts.items()
        if name.startswith(prefix)
    }
