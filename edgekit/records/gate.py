"""Records of a gate: what is compared, what it may cost, and what came of it."""

import enum
from dataclasses import dataclass, field
from pathlib import Path

from edgekit.records.results import BenchPlan
from edgekit.wire import Failure

# History of the schema of verdicts:
# 1  2026-11  the first
GATE_SCHEMA = 1


class Outcome(enum.StrEnum):
    """What a check says. A gate's is the worst of its checks'."""

    PASS = "pass"  # noqa: S105 -- no password
    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"

    @classmethod
    def worst(cls, outcomes: "list[Outcome]") -> "Outcome":
        """Fail before inconclusive before pass; pass of none."""
        ranked = list(cls)
        return max(outcomes, key=ranked.index, default=cls.PASS)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much worse than base head may be.

    Attributes:
        slowdown: Of latency, as a share of base's: 0.03 is 3 %.
        size_growth: Of the file's size, likewise.
        memory_growth: Of the memory of each phase, likewise, and 1 MiB.
        ops_growth: Of the number of operators that run, likewise.
        int8_drop: Of the share of operators that run in int8, as a difference: 0.01 is a point.
        accuracy_drop: Of the head's metric, or of agreement without labels, as a difference.
    """

    slowdown: float = 0.03
    size_growth: float = 0.02
    memory_growth: float = 0.02
    ops_growth: float = 0.02
    int8_drop: float = 0.01
    accuracy_drop: float = 0.01


@dataclass(frozen=True, slots=True)
class GatePlan:
    """Two files to compare.

    Attributes:
        name: What the pair is called: the artifact's name.
        base: What was shipped.
        head: What shall be shipped.
        limits: How much worse it may be.
        budget_s: Seconds that the comparison of latency may take.
        data: Images that accuracy is compared on; None for no such check.
    """

    name: str
    base: BenchPlan
    head: BenchPlan
    limits: Limits = field(default_factory=Limits)
    budget_s: float = 60.0
    data: Path | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a gate looks at.

    Attributes:
        metric: `latency`, `outputs`, `file_size`, `memory_load`, `memory_steady`, `memory_peak`,
            `int8_share`, `ops`, `top1`, `agreement`, or `missing`: a file that only base has.
        unit: `ms`, `bytes`, `share`, `count`, `dB`.
        better: `lower` or `higher`.
        base: Base's value; None where there is none.
        head: Head's value.
        ratio: Head's to base's; of latency the median of what was measured in turns.
        interval: Interval of `ratio`, for what is measured with noise; None for what is exact.
        allowed: The worst `ratio` that passes where there is an interval, else the worst `head`.
        outcome: What it says.
        reason: Why, in words.
    """

    metric: str
    unit: str
    better: str
    base: float | None
    head: float | None
    ratio: float | None
    interval: tuple[float, float] | None
    allowed: float | None
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Timing:
    """Two files timed in turns, in several launches of fresh processes.

    Attributes:
        ratio: Wall time of head to that of base: over the launches, of the median over rounds.
        interval: Interval of `ratio`, at the confidence of one look; None for too few launches.
        p_slower: How probable such times are if head is within its limit, corrected for the looks.
        cpu_ratio: Ratio of CPU time, likewise; None where it wasn't measured.
        cpu_interval: Its interval.
        floor_ratio: Ratio of the shortest times of all.
        tail_ratio: Ratio of the 90th percentiles, the median over the launches.
        base_ms: Median wall time of base.
        head_ms: Median wall time of head.
        launches: The ratio of each launch, in their order.
        cpu_launches: Likewise of CPU time.
        rounds: Rounds in all launches together.
        seconds: Wall time that all of it took, with the starts of processes.
        machine: What else went on: `quiet`, `noisy`, `hostile`, `unknown`; the worst launch's.
        disturbed: What throttled or disturbed the machine, in words.
        confirmed: Whether fresh launches said the same again; None where nobody asked.
    """

    ratio: float
    interval: tuple[float, float] | None
    p_slower: float
    cpu_ratio: float | None
    cpu_interval: tuple[float, float] | None
    floor_ratio: float
    tail_ratio: float
    base_ms: float
    head_ms: float
    launches: tuple[float, ...]
    cpu_launches: tuple[float, ...]
    rounds: int
    seconds: float
    machine: str
    disturbed: tuple[str, ...] = ()
    confirmed: bool | None = None


@dataclass(frozen=True, slots=True)
class GatePair:
    """What came of one pair.

    Attributes:
        plan: What was asked for.
        checks: What was looked at, in the order of a report.
        timing: How latency was measured; None where it wasn't.
        notes: What to know: another version of a tool on each side, a disturbed machine.
        facts: The machine, and versions of what ran.
        failure: Why it could not be compared; None if it could.
    """

    plan: GatePlan
    checks: tuple[Check, ...] = ()
    timing: Timing | None = None
    notes: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    failure: Failure | None = None

    @property
    def outcome(self) -> Outcome:
        """The worst of the checks'; fail for a pair that could not be compared."""
        if self.failure:
            return Outcome.FAIL
        return Outcome.worst([check.outcome for check in self.checks])


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """What a gate says.

    Attributes:
        pairs: Each pair's part.
        notes: What concerns no pair: files that only head has.
        base: What base was called: a path or a revision.
        head: What head was called.
        measured_at: When it began: UTC, ISO 8601.
        schema_version: Version of this record's schema.
    """

    pairs: tuple[GatePair, ...]
    notes: tuple[str, ...] = ()
    base: str = ""
    head: str = ""
    measured_at: str = ""
    schema_version: int = GATE_SCHEMA

    @property
    def outcome(self) -> Outcome:
        """The worst of the pairs'."""
        return Outcome.worst([pair.outcome for pair in self.pairs])


@dataclass(frozen=True, slots=True)
class Resolution:
    """What slowdown a machine can tell from none: a file that was measured against itself.

    Attributes:
        plan: What was asked for; base and head are one file.
        timing: How it was measured.
        slowdown: The least slowdown that the budget resolves, as a share.
        attainable: Whether the plan's limit is no smaller.
    """

    plan: GatePlan
    timing: Timing
    slowdown: float
    attainable: bool
