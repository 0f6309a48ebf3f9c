"""What comes out where another program measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Summary:
    """What a program tells of inferences that it timed itself, in place of the time of each.

    Attributes:
        program: Its name.
        count: Timed inferences.
        mean_ns: Mean of their times.
        least_ns: The shortest.
        most_ns: The longest.
        std_ns: Their standard deviation; None if it isn't told.
        p50_ns: Their median, likewise.
        p95_ns: Their 95th percentile, likewise.
        warmup_ns: Mean time of an inference of the warm-up.
        memory_bytes: What the process grew by, by its own account; None if it isn't told.
        unchecked: Why its outputs weren't compared with the golden sample; empty if they were.
    """

    program: str
    count: int
    mean_ns: int
    least_ns: int
    most_ns: int
    std_ns: Optional[int] = None
    p50_ns: Optional[int] = None
    p95_ns: Optional[int] = None
    warmup_ns: int = 0
    memory_bytes: Optional[int] = None
    unchecked: str = ""
