"""Two files timed in turns, launch by launch, until it is clear which is slower or time is up."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from edgekit import stats
from edgekit.errors import DeviceError, UsageError
from edgekit.records import BenchPlan, GatePlan, Limits, Timing
from edgekit.regression.sequential import ERROR, LOOKS, Evidence, weigh
from edgekit.transports import Link, linked
from edgekit.wire import Profile
from edgekit.workflows import turns
from edgekit.workflows.launches import Launch

# Of one launch. More launches tell more than longer ones: each has luck of its own.
PROFILE = Profile(
    min_runs=8,
    min_time_s=1.0,
    max_time_s=20.0,
    warmup_min_runs=2,
    warmup_min_time_s=0.05,
    warmup_max_time_s=0.1,
)
_TIMEOUT_S = 900.0
_NS_PER_MS = 1e6
_CLASSES = ("unknown", "quiet", "noisy", "hostile")

OnEvent = Callable[[str], None]
Enough = Callable[["Duel"], bool]


@dataclass(frozen=True, slots=True)
class Duel:
    """All launches of two files.

    Attributes:
        plan: What was asked for.
        launches: Those that count, in their order.
        dropped: What throttled the machine in those that don't, in words.
        seconds: Wall time of all of them, with the starts of processes.
    """

    plan: GatePlan
    launches: tuple[Launch, ...]
    dropped: tuple[str, ...]
    seconds: float

    @property
    def wall(self) -> Evidence:
        """What the wall times say."""
        return weigh([each.log for each in self.launches], self.plan.limits.slowdown)

    @property
    def cpu(self) -> Evidence:
        """What the CPU times say."""
        return weigh([each.cpu_log for each in self.launches], self.plan.limits.slowdown)

    @property
    def machine(self) -> str:
        """What went on during the median launch."""
        ranks = sorted(_CLASSES.index(each.machine) for each in self.launches)
        return _CLASSES[ranks[len(ranks) // 2]]

    @property
    def hostile(self) -> bool:
        """Whether others took so much of the machine that wall time alone can't be trusted."""
        return self.machine == _CLASSES[-1]

    @property
    def p_slower(self) -> float:
        """How probable such times are if head is within its limit.

        Where wall time alone can't be trusted, CPU time has to say the same.
        """
        wall = self.wall.p_slower
        return max(wall, self.cpu.p_slower) if self.hostile else wall

    @property
    def p_within(self) -> float:
        """How probable such times are if head is beyond its limit, likewise."""
        wall = self.wall.p_within
        return max(wall, self.cpu.p_within) if self.hostile else wall

    @property
    def floor_ratio(self) -> float:
        """Head's shortest time to base's."""
        base, head = (min(min(each.counted_ns(side)) for each in self.launches) for side in (0, 1))
        return head / base


def duel(plan: GatePlan, enough: Enough, on_event: OnEvent, *, seed: int = 0) -> Duel:
    """Launch after launch, until `enough` says so or the budget is up.

    A launch that was throttled doesn't count, for both sides.

    Args:
        plan: What to compare, and how long.
        enough: Asked after each look that the error was spent on.
        on_event: Told what each look found.
        seed: Seed of the first launch; each has its own.

    Raises:
        UsageError: The device is emulated.
        EdgekitError: A file can't be measured, or there was no launch that counts.
    """
    refuse_emulated(plan)
    with linked(plan.base.device) as link:
        return _duel(link, plan, enough, on_event, seed)


def _duel(link: Link, plan: GatePlan, enough: Enough, on_event: OnEvent, seed: int) -> Duel:
    start = time.monotonic()
    longest_s = 0.0
    found = Duel(plan, (), (), 0.0)
    number = 0
    while number == 0 or found.seconds + longest_s <= plan.budget_s:
        began = time.monotonic()
        launch = _launch(link, plan, seed + number)
        number += 1
        now = time.monotonic()
        longest_s = max(longest_s, now - began)
        found = _added(found, launch, now - start)
        count = len(found.launches)
        if count == LOOKS[-1] or (count in LOOKS and enough(found)):
            break
        if count in LOOKS:
            on_event(f"{plan.name}: {_words(found)}")
    if not found.launches:
        raise DeviceError(
            f"the machine was throttled in each launch: {found.dropped[0]}",
            hint="`edgekit doctor` says what disturbs this machine, and how to mend it",
            stage="run",
        )
    return found


def fixed(
    base: BenchPlan,
    head: BenchPlan,
    seconds: float,
    seed: int = 0,
    on_event: OnEvent = lambda _: None,
) -> Timing:
    """How `head` compares with `base`, as well as `seconds` tell it.

    Raises:
        EdgekitError: A file can't be measured.
    """
    plan = GatePlan(head.subject.name, base, head, Limits(), seconds)
    return timing(duel(plan, lambda _: False, on_event, seed=seed))


def timing(found: Duel) -> Timing:
    """The record of what was measured."""
    wall, cpu = found.wall, found.cpu
    sides = [[each.counted_ns(side) for each in found.launches] for side in (0, 1)]
    base, head = ([time_ns for times in side for time_ns in times] for side in sides)
    tails = [_p90(over) / _p90(under) for under, over in zip(*sides, strict=True)]
    return Timing(
        ratio=wall.ratio,
        interval=wall.interval,
        p_slower=wall.p_slower,
        cpu_ratio=cpu.ratio,
        cpu_interval=cpu.interval,
        floor_ratio=found.floor_ratio,
        tail_ratio=statistics.median(tails),
        base_ms=statistics.median(base) / _NS_PER_MS,
        head_ms=statistics.median(head) / _NS_PER_MS,
        launches=tuple(math.exp(each.log) for each in found.launches),
        cpu_launches=tuple(math.exp(each.cpu_log) for each in found.launches),
        rounds=sum(each.rounds for each in found.launches),
        seconds=found.seconds,
        machine=found.machine,
        disturbed=tuple(dict.fromkeys(found.dropped)),
    )


def decided(found: Duel, share: float = 1.0) -> bool:
    """Whether no further launch is needed.

    Args:
        found: What was measured so far.
        share: Of the error that a fail may spend: one of several pairs has only its part.
    """
    return found.p_slower <= ERROR * share or found.p_within <= ERROR


def refuse_emulated(plan: GatePlan) -> None:
    """Refuse to compare on a device that another machine plays.

    Raises:
        UsageError: Base's or head's is one.
    """
    for device in (plan.base.device, plan.head.device):
        if device.emulated:
            raise UsageError(
                f"{device.name} is emulated: its times say nothing of a real device",
                hint="compare on a real one; `edgekit bench` checks what an emulated one computes",
            )


def _launch(link: Link, plan: GatePlan, seed: int) -> Launch:
    timeout_s = plan.base.timeout_s or _TIMEOUT_S
    return Launch.of(turns.take(link, [plan.base, plan.head], PROFILE, seed, timeout_s=timeout_s))


def _added(found: Duel, launch: Launch, seconds: float) -> Duel:
    if launch.words:
        return replace(found, dropped=(*found.dropped, *launch.words), seconds=seconds)
    return replace(found, launches=(*found.launches, launch), seconds=seconds)


def _p90(times_ns: Sequence[int]) -> float:
    return stats.percentile(times_ns, 0.9)


def _words(found: Duel) -> str:
    wall = found.wall
    low, high = (100 * (end - 1) for end in wall.interval or (wall.ratio, wall.ratio))
    return (
        f"{100 * (wall.ratio - 1):+.1f} % ({low:.1f} to {high:.1f} %) after "
        f"{wall.count} launches, {found.seconds:.0f} s"
    )
