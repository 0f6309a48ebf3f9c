"""One launch of two files: two fresh processes that took turns, and what it says as one value."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgekit.wire import Samples, Turns
from edgekit.workflows import validity
from edgekit.workflows.stretches import Stretch
from edgekit.workflows.turns import rounds


@dataclass(frozen=True, slots=True)
class Launch:
    """What one launch measured.

    Attributes:
        base: The process of base.
        head: The process of head.
        log: Logarithm of the ratio of wall times, the median over the rounds.
        cpu_log: Likewise of CPU times.
        rounds: How many.
        runs: Inferences in a turn.
        words: What throttled the machine meanwhile; such a launch doesn't count.
        machine: What else went on.
    """

    base: Samples
    head: Samples
    log: float
    cpu_log: float
    rounds: int
    runs: int
    words: tuple[str, ...]
    machine: str

    @classmethod
    def of(cls, turns: Turns) -> Launch:
        """The launch that a `compare` job of two files measured."""
        base, head = turns.sides
        whole = _together(turns.sides)
        wall = [rounds(turns, side.latency_ns) for side in turns.sides]
        return cls(
            base=base,
            head=head,
            log=_log_ratio(*wall),
            cpu_log=_log_ratio(*(rounds(turns, side.cpu_ns) for side in turns.sides)),
            rounds=len(wall[0]),
            runs=turns.runs,
            words=validity.throttled(Stretch.of(whole.environment)),
            machine=validity.machine_class(whole),
        )

    def counted_ns(self, side: int) -> list[int]:
        """Wall times of a side's inferences, in ns, without the first of each turn.

        Args:
            side: 0 for base, 1 for head.
        """
        times_ns = (self.base, self.head)[side].latency_ns
        if self.runs == 1:
            return times_ns
        return [time_ns for at, time_ns in enumerate(times_ns) if at % self.runs]


def _together(sides: Sequence[Samples]) -> Samples:
    """The sides as one process, since what one of them takes is no disturbance to the other."""
    environment = dict(sides[0].environment)
    for name in environment:
        if ".counter.self." in name:
            known = [side.environment.get(name, "") for side in sides]
            if all(value.isdigit() for value in known):
                environment[name] = str(sum(map(int, known)))
    return replace(sides[0], environment=environment)


def _log_ratio(base_ns: Sequence[int], head_ns: Sequence[int]) -> float:
    pairs = zip(base_ns, head_ns, strict=True)
    # A clock of CPU time may have steps longer than an inference.
    return statistics.median(math.log(max(head, 1) / max(base, 1)) for base, head in pairs)
