"""Records of what was measured, and of what was asked for."""

from dataclasses import dataclass, field

from edgekit.records.artifact import Artifact, Format, Precision, Subject
from edgekit.records.encoding import SCHEMA_VERSION
from edgekit.wire import Failure, Profile, Samples


@dataclass(frozen=True, slots=True)
class Device:
    """A machine that measures.

    Attributes:
        name: Name in the inventory; `local` is this machine.
        transport: Name of the transport that reaches it.
        address: What the transport needs to reach it.
    """

    name: str = "local"
    transport: str = "local"
    address: str = ""


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """One leg of a bench: one model file, one runtime, one device.

    Attributes:
        subject: What to measure.
        runtime: Name of the runtime.
        device: Where.
        threads: Threads that the runtime may use.
        batch: Samples in one inference; None for the file's own. Samples say what was run.
        profile: How long to measure.
        shapes: Shapes given for inputs with free axes, by input name.
        seed: Seed of inputs that are made up.
        boundary: What is inside the timed span: copies to a device and back are, of every
            runtime; making the inputs is not.
        mode: `latency`: one inference after another.
    """

    subject: Subject
    runtime: str
    device: Device
    threads: int
    batch: int | None
    profile: Profile
    shapes: dict[str, list[int]] = field(default_factory=dict)
    seed: int = 0
    boundary: str = "host arrays to host arrays"
    mode: str = "latency"


@dataclass(frozen=True, slots=True)
class Metric:
    """One number made from samples.

    Attributes:
        name: Name with its unit: `latency_p50_ms`.
        value: The number; None where the samples don't support one.
        unit: `ms`, `bytes`, `share`, `dB`, ...
        better: `lower` or `higher`.
        interval: 95 % interval of `value`; None where there is none.
        note: Why there is no value, or what to know about it.
    """

    name: str
    value: float | None
    unit: str
    better: str
    interval: tuple[float, float] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class BenchResult:
    """What came of one leg.

    Attributes:
        plan: What was asked for.
        samples: Raw measurements; None if the leg failed.
        metrics: Numbers made from them.
        valid: Whether the numbers may be used.
        reasons: Why not, or what to know.
        failure: Why the leg failed; None if it didn't.
        schema_version: Version of this record.
    """

    plan: BenchPlan
    samples: Samples | None
    metrics: tuple[Metric, ...]
    valid: bool
    reasons: tuple[str, ...]
    failure: Failure | None = None
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class EvalResult:
    """Accuracy of an artifact on labelled images, run by the runtime that would serve it.

    Attributes:
        artifact: Name of the artifact.
        sha256: Its digest.
        runtime: What ran it.
        images: Number of images.
        top1: Share of images whose best class is right; None without labels.
        top5: Share of images with a right class among the best five; None without labels.
        agreement: Share of images whose best class is the float model's; None if the float
            model isn't there.
        skipped: Files that could not be read as images.
    """

    artifact: str
    sha256: str
    runtime: str
    images: int
    top1: float | None
    top5: float | None
    agreement: float | None
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExportLeg:
    """One artifact of an export, or why there is none.

    Attributes:
        format: Its format.
        precision: Its precision.
        artifact: The published artifact; None if it could not be made.
        cached: Whether it was there already, made by the same export.
        failure: Why it could not be made; None if it was.
    """

    format: Format
    precision: Precision
    artifact: Artifact | None
    cached: bool = False
    failure: Failure | None = None
