"""What crosses to the machine that measures: a `Job` goes in, `Samples` come out.

Plain dataclasses in Python 3.8's syntax, encoded by the standard library's JSON, since the device
side has nothing else. The host decodes with a validating library, because what a device returns
is untrusted input. Integers are in the smallest unit that matters: nanoseconds, bytes.
"""

from edgekit.wire.job import (
    DETECTIONS,
    Cooldown,
    EndToEnd,
    Job,
    Preprocess,
    Profile,
    Rival,
    Scenario,
)
from edgekit.wire.samples import (
    Closeness,
    EnergyWindow,
    Failure,
    Look,
    MemoryMark,
    Op,
    Samples,
    TensorSpec,
    Trial,
    Turns,
)
from edgekit.wire.summary import Summary

__all__ = [
    "DETECTIONS",
    "Closeness",
    "Cooldown",
    "EndToEnd",
    "EnergyWindow",
    "Failure",
    "Job",
    "Look",
    "MemoryMark",
    "Op",
    "Preprocess",
    "Profile",
    "Rival",
    "Samples",
    "Scenario",
    "Summary",
    "TensorSpec",
    "Trial",
    "Turns",
]
