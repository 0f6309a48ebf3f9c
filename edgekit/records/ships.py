"""Records of a verdict: which precision of a model to ship."""

import enum
from dataclasses import dataclass

from edgekit.records.artifact import Format, Precision
from edgekit.records.results import Int8Share


class Ship(enum.StrEnum):
    """What a verdict says."""

    INT8 = "ship int8"
    FP16 = "ship fp16"
    FP32 = "ship fp32"
    TOO_CLOSE = "too close to call"


@dataclass(frozen=True, slots=True)
class ShipSide:
    """One precision of a verdict.

    Attributes:
        precision: The precision.
        p50_ns: Median latency of one inference, while the others took their turns.
        speed: Float32's latency divided by this one's, pair by pair: 1.5 is half as fast again.
        interval: 95 % interval of `speed`; None for float32 itself, and where there are too few
            launches for one.
        size_bytes: Size of the model's files.
        agreement: Share of samples whose largest output is the float model's; None if unmeasured.
        images: Number of those samples.
        int8: How much of it ran in int8; None for float files and where the runtime doesn't tell.
    """

    precision: Precision
    p50_ns: float
    speed: float
    interval: tuple[float, float] | None
    size_bytes: int
    agreement: float | None
    images: int
    int8: Int8Share | None = None


@dataclass(frozen=True, slots=True)
class ShipVerdict:
    """Which precision of one model, in one format and by one runtime, is worth shipping here.

    Attributes:
        choice: The answer.
        reasons: Why, one sentence each, the one that decided first.
        sides: The precisions that were compared, float32 first.
        model: Name of the model.
        format: Format of the files.
        runtime: What ran them.
        threads: Threads that the runtime might use.
        batch: Samples in one inference.
        launches: Number of processes, in each of which the files took turns.
    """

    choice: Ship
    reasons: tuple[str, ...]
    sides: tuple[ShipSide, ...]
    model: str
    format: Format
    runtime: str
    threads: int
    batch: int
    launches: int
