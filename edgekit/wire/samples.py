"""What comes out: everything that a worker measured, raw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional, Tuple

from edgekit.errors import EdgekitError
from edgekit.wire.summary import Summary


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of a model.

    Attributes:
        name: The name in the model file.
        shape: Elements along each axis, the batch first; None where it is free.
        dtype: NumPy's name of the element type.
        layout: Meaning of the axes: `NCHW`, `NHWC`, `NC`, or empty where it isn't known; `NL` is a
            row of tokens, filled up behind with zeros that a mask hides; `NT` and `NHTD` are those
            of a cache and its mask, filled up in front.
    """

    name: str
    shape: Tuple[Optional[int], ...]
    dtype: str
    layout: str = ""


@dataclass(frozen=True)
class Closeness:
    """How near a model's outputs are to the float model's on the same inputs.

    Attributes:
        images: Number of samples compared.
        agreement: Share of samples whose largest output has the same index, from 0 to 1.
        sqnr_db: Signal to quantization noise over all outputs, in dB: 10 log10(sum r^2 /
            sum (y - r)^2); None if the outputs are equal to the last bit.
        max_abs_error: The largest absolute difference.
        max_abs_reference: The largest absolute value of the reference, to set it against.
        finite: Whether every output is a finite number.
    """

    images: int
    agreement: float
    sqnr_db: Optional[float]
    max_abs_error: float
    max_abs_reference: float
    finite: bool


@dataclass(frozen=True)
class MemoryMark:
    """Resident memory of the worker's process at the end of a phase (Linux `/proc/self/status`).

    Attributes:
        phase: `start`, `runtime`, `load`, `first`, `steady`.
        rss_bytes: Resident now.
        peak_bytes: High-water mark since the phase began where `reset`, else since the start.
        anonymous_bytes: The part of `rss_bytes` that no file backs.
        file_bytes: The part of `rss_bytes` that files back: mapped weights, code.
        reset: Whether the kernel let the mark be reset when the phase began.
        mapped_bytes: The part of `file_bytes` that maps the model's own files.
        gpu_bytes: GPU memory that the process holds, CUDA's own included; None if it isn't told.
    """

    phase: str
    rss_bytes: int
    peak_bytes: int
    anonymous_bytes: int
    file_bytes: int
    reset: bool
    mapped_bytes: int = 0
    gpu_bytes: Optional[int] = None


@dataclass(frozen=True)
class Op:
    """One operator that a runtime ran in an inference.

    Attributes:
        name: Which one: its name in the graph that the runtime executes.
        op: Its kind, in the runtime's own words.
        precision: What it computed in: `int8`, `fp16`, `bf16`, `fp32`, or another element type's
            name.
        unit: What ran it: `CPU`, `CUDA`, `XNNPACK`, ...
        kernel: Name of the code that ran it; empty where the runtime doesn't tell.
        time_ns: Time that it took in one inference; None where it isn't told.
        conversion: Whether it only brings values from one type or memory layout to another.
    """

    name: str
    op: str
    precision: str
    unit: str
    kernel: str = ""
    time_ns: Optional[int] = None
    conversion: bool = False


@dataclass(frozen=True)
class EnergyWindow:
    """Energy of one stretch of time, by a real sensor.

    Attributes:
        sensor: What measured it: `rapl:package-0`, `nvml:0`, `ina3221:VDD_IN`, `pmic`.
        scope: What of the machine it measures: `package`, `gpu`, `board`, ...
        idle: Whether nothing was run meanwhile.
        energy_uj: Energy of the whole scope, in microjoules.
        duration_ns: Length of the stretch.
        runs: Inferences in it.
    """

    sensor: str
    scope: str
    idle: bool
    energy_uj: int
    duration_ns: int
    runs: int


@dataclass(frozen=True)
class Trial:
    """One rate that a server was tried at.

    Attributes:
        offered_per_s: Arrivals a second.
        achieved_per_s: Inferences a second, from the start to the end of the last.
        count: Inferences.
        p99_ns: The 99th percentile of their latency, from the instant of arrival.
        over: How many took longer than they may.
        most_waiting: Most arrivals that waited at one time.
        holds: Whether the 99th percentile holds: true with 99 % confidence, false if these
            inferences' own is beyond; None in between, or where nothing was asked of it.
    """

    offered_per_s: float
    achieved_per_s: float
    count: int
    p99_ns: int
    over: int
    most_waiting: int
    holds: Optional[bool]


@dataclass(frozen=True)
class Samples:
    """Everything that one worker measured, raw. Derived numbers are made from it again.

    Attributes:
        latency_ns: Wall time of each timed inference, host call to outputs in host memory; of
            edgekit's own server from the instant of arrival. Empty where there is a `summary`.
        cpu_ns: CPU time of the whole process over the same spans; empty where inferences run at
            the same time.
        warmup_ns: Wall time of each untimed inference after the first.
        load_ns: Wall time to read the model and make it ready.
        first_ns: Wall time of the first inference.
        steady: Whether two windows of the warm-up agreed before measuring began.
        memory: Marks by phase; empty where the system has no such marks.
        settings: The runtime's effective settings, read back from it.
        versions: Versions of the packages that took part.
        inputs: The inputs as they were fed: no free axis left.
        outputs: The outputs as the model declares them.
        defaulted: Free axes that nobody gave a size and that were set, by input name.
        golden: Check against the stored golden sample; None if there is none.
        output_sha256: Digest of the outputs of the first input in rotation.
        execution: Operators as the runtime runs them, in its order, if it tells.
        environment: The machine and its state, before (`before.*`) and after (`after.*`).
        batch: Samples in one inference.
        span_ns: Wall time from the start of the first timed inference to the end of the last.
        energy: Energy windows, idle ones among them; empty without a sensor.
        finite: Whether the outputs of all inputs in rotation are finite numbers.
        parts_ns: Wall time of each part of one inference, by its name, where parts were timed:
            `decode`, `preprocess`, `model`, `postprocess` and their `total` end to end, or
            `queue` and `model` of a server.
        lateness_ns: For `paced`: how long after its tick each inference began.
        missed: For `paced`: ticks at which the last inference had not ended.
        trials: For `server`: each rate that was tried; `latency_ns` are the last one's.
        loadgen_summary: What LoadGen wrote of its run; empty if it wasn't asked.
        summary: What a program told that gives no single times; None where it was our own worker.
    """

    latency_ns: List[int]
    cpu_ns: List[int]
    warmup_ns: List[int]
    load_ns: int
    first_ns: int
    steady: bool
    memory: List[MemoryMark]
    settings: Dict[str, str]
    versions: Dict[str, str]
    inputs: List[TensorSpec]
    outputs: List[TensorSpec]
    defaulted: Dict[str, List[int]]
    golden: Optional[Closeness]
    output_sha256: str
    execution: List[Op]
    environment: Dict[str, str]
    batch: int = 1
    span_ns: int = 0
    energy: List[EnergyWindow] = field(default_factory=list)
    parts_ns: Dict[str, List[int]] = field(default_factory=dict)
    finite: bool = True
    lateness_ns: List[int] = field(default_factory=list)
    missed: int = 0
    trials: List[Trial] = field(default_factory=list)
    loadgen_summary: str = ""
    summary: Optional[Summary] = None

    @property
    def count(self) -> int:
        """How many inferences were timed."""
        return self.summary.count if self.summary else len(self.latency_ns)


@dataclass(frozen=True)
class Turns:
    """What a `compare` job measured: two files or more, each in a process of its own.

    Attributes:
        order: Which side had each turn: 0 is the job's model, then its rivals. Each side has one
            turn in a round.
        runs: Inferences in a turn. The first finds caches as another side left them, so it
            doesn't count where there are more.
        sides: What each side's process measured; `latency_ns` and `cpu_ns` hold its turns, one
            after the other.
    """

    order: List[int]
    runs: int
    sides: List[Samples]


@dataclass(frozen=True)
class Failure:
    """Why a step or a leg gave nothing.

    Attributes:
        stage: What was being done.
        kind: Class of the error.
        message: What was wrong.
        hint: What to do about it.
        tail: The last lines that the failed process wrote, if there are any.
    """

    stage: str
    kind: str
    message: str
    hint: str
    tail: str = ""

    @classmethod
    def of(cls, stage: str, error: EdgekitError) -> Failure:
        """That of `error`, which ended `stage`."""
        return cls(stage, error.kind, str(error), error.hint, error.stderr_tail)


@dataclass(frozen=True)
class Look:
    """What a machine tells of itself at two looks, one shortly after the other.

    Attributes:
        machine: What doesn't change.
        before: Its state at the first look.
        after: Its state at the second.
        busy: The busiest other processes between both: name, and share of one CPU from 0 on.
    """

    machine: Dict[str, str]
    before: Dict[str, str]
    after: Dict[str, str]
    busy: List[Tuple[str, float]]
