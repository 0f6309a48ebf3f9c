"""What goes in: what a worker is to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional, Tuple


@dataclass(frozen=True)
class Profile:
    """How long to measure. Every minimum must hold; the maximum ends it all the same.

    Attributes:
        min_runs: Timed inferences at least.
        min_time_s: Seconds of timed inferences at least.
        max_time_s: Seconds of timed inferences at most.
        warmup_min_runs: Untimed inferences at least.
        warmup_min_time_s: Seconds of warm-up at least.
        warmup_max_time_s: Seconds of warm-up after which measuring starts, steady or not.
        launches: Fresh processes, one after another; the host's part.
        energy_windows: Windows in which energy is measured, in one of the launches, where there is
            a sensor.
        energy_window_s: Seconds of each such window.
    """

    min_runs: int
    min_time_s: float
    max_time_s: float
    warmup_min_runs: int
    warmup_min_time_s: float
    warmup_max_time_s: float
    launches: int = 1
    energy_windows: int = 0
    energy_window_s: float = 2.0


@dataclass(frozen=True)
class Scenario:
    """How inferences follow each other.

    Attributes:
        mode: `latency` (each as soon as the last has ended), `paced` (one at each tick of a fixed
            rate), `offline` (several streams, as many as can be), `server` (arrivals at random
            instants of a rate, whether or not the last has ended) or `turns` (as many as it is
            told to, each time that it is told to: one side of a `compare` job).
        rate_per_s: For `paced` and `server`: inferences a second; None for `server` to search
            the highest that holds `p99_ms`.
        streams: For `offline`: inferences at a time.
        p99_ms: For `server`: what the 99th percentile of latency may be, in ms.
        loadgen: Whether MLCommons LoadGen asks, by its own rules for that mode.
    """

    mode: str = "latency"
    rate_per_s: Optional[float] = None
    streams: int = 1
    p99_ms: Optional[float] = None
    loadgen: bool = False


@dataclass(frozen=True)
class Preprocess:
    """How a photo becomes the model's input; the one contract that every step uses.

    The steps, in order: decode to RGB; resize; crop; divide by 255; subtract `mean`, divide by
    `std`. Resizing is Pillow's, on 8-bit values, as in training.

    Attributes:
        size: Height and width of the result, in pixels.
        resize: Height and width to resize to, in pixels. With `mode="center"` and equal values,
            the shorter edge gets that length and the other keeps the aspect ratio.
        mode: `center` (resize the shorter edge, crop the centre), `squash` (resize both edges,
            change the aspect ratio) or `border` (fit the longer edge, pad the rest).
        interpolation: Pillow's filter: `nearest`, `bilinear`, `bicubic`, `lanczos`, ...
        mean: Subtracted per channel, in the order of the channels.
        std: Divisor per channel.
        channels: Order of the channels.
        library: What resizes.
    """

    size: Tuple[int, int]
    resize: Tuple[int, int]
    mode: str
    interpolation: str
    mean: Tuple[float, ...]
    std: Tuple[float, ...]
    channels: str = "RGB"
    library: str = "pillow"


# What the outputs of a file mean that holds its own decode and suppression of duplicates,
# whatever head stands before them.
DETECTIONS = "detections"


@dataclass(frozen=True)
class EndToEnd:
    """All that an application does with a photo, to be timed part by part.

    Attributes:
        photos: Paths of encoded images, taken in turn.
        preprocess: How each becomes the model's input.
        head: What its outputs mean, as in `Job.task`: scores of `classify` become the best
            classes, other outputs what their task makes of them.
    """

    photos: List[str]
    preprocess: Preprocess
    head: str


@dataclass(frozen=True)
class Cooldown:
    """How cool a machine has to be before it is measured on.

    Attributes:
        start_below_c: Degrees that the hottest zone of what computes has to be below.
        max_wait_s: Seconds to wait for that, at most.
        on_timeout: What to do if it isn't: `warn`, measure all the same and say so, or `fail`.
    """

    start_below_c: float
    max_wait_s: float = 300.0
    on_timeout: str = "warn"


@dataclass(frozen=True)
class Rival:
    """Another file that a `compare` job measures.

    Attributes:
        model: Path of the model file.
        precision: Precision that the runtime may compute float ops in: `fp32` or `fp16`.
    """

    model: str
    precision: str


@dataclass(frozen=True)
class Job:
    """What a worker is to do with one model file.

    Attributes:
        kind: `bench` (check, warm up, time), `compare` (time several models in turn), `infer` (run
            `feeds`, write `outputs`), `tune` (hold the clocks still for others' measurements) or
            `look` (at the machine alone).
        runtime: Name of the runtime.
        model: Path of the model file.
        precision: Precision that the runtime may compute float ops in: `fp32` or `fp16`.
        threads: Threads that the runtime may use.
        seed: Seed of inputs that are made up.
        batch: Samples in one inference; None for the file's own, or 1 where it is free.
        shapes: For inputs with free axes: the shape to use, by input name.
        layouts: Axes of inputs whose layout the file doesn't say, by input name.
        bounds: Of inputs that hold whole numbers, by name: the least and the largest one that may
            be made up. 0 and 1 where nothing is said.
        golden: Path of an `.npz` with real inputs (`input:NAME`, samples first, in NCHW order if
            they are images) and the float model's outputs (`output:INDEX`); or None.
        feeds: For `infer`: path of an `.npz` with the inputs, as in `golden`; None for inputs that
            are made up.
        outputs: For `infer`: path of the `.npz` to write, arrays named `output:INDEX`; of inputs
            that are made up `output:INDEX:NUMBER` of each, and the first's `input:NAME`.
        profile: For `bench` and `compare`: how long to measure.
        rivals: For `compare`: what takes turns with the model.
        scenario: For `bench`: how inferences follow each other.
        end_to_end: For `bench`: the photos to time a whole application on; None for the model
            alone.
        root: Where the system's files are: `/proc` and `/sys` lie in it.
        profiled: For `bench`: whether the runtime's own profiler is asked at the end.
        energetic: For `bench`: whether energy is measured at the end.
        fixed_heap: Whether the allocator is to do the same in every process, so that the memory of
            two files can be compared.
        cooldown: For `bench` and `compare`: how cool the machine has to be before it begins; None
            to begin at once.
        power_mode: For `tune`: number of the power mode that a Jetson is to be in; None for the
            one that it is in.
        task: What the outputs mean: a name of `edgekit.tasks.TASKS`; empty if unknown.
    """

    kind: str
    runtime: str
    model: str
    precision: str
    threads: int
    seed: int = 0
    batch: Optional[int] = None
    shapes: Dict[str, List[int]] = field(default_factory=dict)
    layouts: Dict[str, str] = field(default_factory=dict)
    bounds: Dict[str, List[int]] = field(default_factory=dict)
    golden: Optional[str] = None
    feeds: Optional[str] = None
    outputs: Optional[str] = None
    profile: Optional[Profile] = None
    rivals: List[Rival] = field(default_factory=list)
    scenario: Scenario = field(default_factory=Scenario)
    end_to_end: Optional[EndToEnd] = None
    root: str = "/"
    profiled: bool = True
    energetic: bool = False
    fixed_heap: bool = False
    cooldown: Optional[Cooldown] = None
    power_mode: Optional[int] = None
    task: str = ""
