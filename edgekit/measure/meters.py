"""Energy over a stretch of time, from a sensor that counts it or from one that tells power."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple, Union

Clock = Callable[[], int]
Reading = Callable[[], Optional[int]]

NS = 1_000_000_000
# A shorter stretch is mostly the error of when a sensor was renewed.
PERIODS = 20
UNREAD = "it could not be read"


class Metered(NamedTuple):
    """What a sensor measured.

    Attributes:
        energy_uj: Energy, in microjoules.
        duration_ns: From the sensor's first reading to its last.
    """

    energy_uj: int
    duration_ns: int


Outcome = Union[Metered, str]


@dataclass(frozen=True)
class Counter:
    """A sensor that counts energy. Only the ends of a stretch are read.

    Attributes:
        name: What measures: `rapl:package-0`.
        scope: What of the machine it measures: `package`.
        period_s: Seconds from one renewal of the counter to the next.
        read_uj: Reads the counter, in microjoules; None where it can't be read.
        range_uj: Where the counter begins again at 0; None if it doesn't.
    """

    name: str
    scope: str
    period_s: float
    read_uj: Reading
    range_uj: Optional[int] = None

    def start(self, clock: Clock) -> Callable[[], Outcome]:
        """Begin a stretch.

        Args:
            clock: Monotonic time, in ns.

        Returns:
            What ends the stretch: it gives the energy, or why there is none.
        """
        begun_ns, begun_uj = clock(), self.read_uj()

        def stop() -> Outcome:
            ended_ns, ended_uj = clock(), self.read_uj()
            if begun_uj is None or ended_uj is None:
                return UNREAD
            used_uj = ended_uj - begun_uj
            if used_uj < 0 and self.range_uj is None:
                return "its counter went back"
            # A stretch is far shorter than the minutes that a counter takes to go round.
            return Metered(used_uj + (self.range_uj or 0) * (used_uj < 0), ended_ns - begun_ns)

        return stop


@dataclass(frozen=True)
class Power:
    """A sensor that tells power. A thread reads it all through a stretch.

    Attributes:
        name: What measures: `ina3221:VDD_IN`.
        scope: What of the machine it measures: `board`.
        period_s: Seconds between two readings.
        read_uw: Reads the power, in microwatts; None where it can't be read.
    """

    name: str
    scope: str
    period_s: float
    read_uw: Reading

    def start(self, clock: Clock) -> Callable[[], Outcome]:
        """Begin a stretch; as `Counter.start` does."""
        readings: List[Tuple[int, int]] = []
        over = threading.Event()

        def take() -> None:
            now_ns, power_uw = clock(), self.read_uw()
            if power_uw is not None:
                readings.append((now_ns, power_uw))

        def keep_taking() -> None:
            while not over.wait(self.period_s):
                take()

        def stop() -> Outcome:
            over.set()
            thread.join()
            take()
            if len(readings) < PERIODS:
                return f"it gave {len(readings)} readings in a window; {PERIODS} are needed"
            duration_ns = readings[-1][0] - readings[0][0]
            return Metered(round(mean_uw(readings) * duration_ns / NS), duration_ns)

        thread = threading.Thread(target=keep_taking, daemon=True)
        take()
        thread.start()
        return stop


Sensor = Union[Counter, Power]


def mean_uw(readings: Sequence[Tuple[int, int]]) -> float:
    """Mean power over time, in microwatts, by the trapezoidal rule.

    Args:
        readings: Instants, in ns and ascending, each with the power then, in microwatts; at
            least two instants that differ.
    """
    twice = sum(
        (power + before) * (now - then)
        for (then, before), (now, power) in zip(readings, readings[1:])
    )
    return twice / 2 / (readings[-1][0] - readings[0][0])
