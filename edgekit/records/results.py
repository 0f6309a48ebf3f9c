"""Records of what was measured, and of what was asked for."""

from dataclasses import dataclass, field

from edgekit.records.artifact import Artifact, Format, Precision, Subject
from edgekit.records.encoding import RESULT_SCHEMA
from edgekit.records.scores import Score
from edgekit.wire import Cooldown, EndToEnd, Failure, Profile, Samples, Scenario

LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Device:
    """A machine that measures.

    Attributes:
        name: Name in the inventory; `local` is this machine.
        transport: Name of the transport that reaches it.
        address: What the transport needs to reach it.
        root: Where its system's files are: `/proc` and `/sys` lie in it. Another folder where the
            worker runs in a container that has the machine's files mounted.
        emulated: Whether another machine plays it. What runs there is right or wrong as on the
            real one; how long it takes says nothing, so it is never compared with anything.
        cooldown: How cool it has to be before each process measures; None to begin at once.
        power_mode: Number of the power mode that `--tune` puts a Jetson in; None for none.
    """

    name: str = LOCAL
    transport: str = LOCAL
    address: str = ""
    root: str = "/"
    emulated: bool = False
    cooldown: Cooldown | None = None
    power_mode: int | None = None

    @property
    def is_here(self) -> bool:
        """Whether it is this machine."""
        return self.name == LOCAL

    @property
    def on(self) -> str:
        """` on NAME`, or nothing for this machine: what follows the name of what is measured."""
        return "" if self.is_here else f" on {self.name}"


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """One leg of a bench: one model file, one runtime, one device.

    Attributes:
        subject: What to measure.
        runtime: Name of the runtime.
        device: Where.
        threads: Threads that the runtime may use; 0 where the device could not be asked.
        batch: Samples in one inference; None for the file's own. Samples say what was run.
        profile: How long to measure.
        shapes: Shapes given for inputs with free axes, by input name.
        seed: Seed of inputs that are made up.
        require_int8: Least share, of operators and of time, that an int8 file has to run in int8,
            from 0 to 1; None for any.
        timeout_s: Seconds after which a process is ended; None for as long as the profile takes,
            and ten minutes for loading.
        boundary: What is inside the timed span: copies to a device and back are, of every
            runtime; making the inputs is not.
        scenario: How inferences follow each other.
        end_to_end: The photos to time a whole application on; None for the model alone.
        profile_name: What `--profile` calls the profile; empty for one without a name.
    """

    subject: Subject
    runtime: str
    device: Device
    threads: int
    batch: int | None
    profile: Profile
    shapes: dict[str, list[int]] = field(default_factory=dict)
    seed: int = 0
    require_int8: float | None = None
    timeout_s: float | None = None
    boundary: str = "host arrays to host arrays"
    scenario: Scenario = field(default_factory=Scenario)
    end_to_end: EndToEnd | None = None
    profile_name: str = ""


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
class OpCount:
    """Operators of one kind that a runtime ran, or a file holds, in one precision.

    Attributes:
        op: Kind, in the runtime's or the format's own words.
        precision: `int8`, `fp16`, `bf16`, `fp32`, or another element type's name.
        count: How many.
        time_ns: Time that they take in one inference, together; None where it isn't told.
        conversion: Whether they only bring values from one type or memory layout to another.
    """

    op: str
    precision: str
    count: int
    time_ns: int | None = None
    conversion: bool = False


@dataclass(frozen=True, slots=True)
class Fallback:
    """Operators of one kind that ran in float beside int8 ones.

    Attributes:
        op: Kind, in the runtime's own words.
        precision: What they ran in.
        count: How many.
        time_share: Their share of all time, from 0 to 1; None where the runtime tells no times.
    """

    op: str
    precision: str
    count: int
    time_share: float | None


@dataclass(frozen=True, slots=True)
class Int8Share:
    """How much of a file that holds int8 a runtime ran in int8, by its own account.

    Attributes:
        int8_ops: Operators that ran in int8.
        computing_ops: Those and the ones that ran in float. What only changes a type or a layout
            is no operator here, and neither is arithmetic on shapes.
        time: Share of all time, that of conversions included, spent in operators that ran in int8;
            None where the runtime tells no times.
        conversion_time: Share of all time spent in conversions; None where there are no times.
        fallbacks: What ran in float, the worst first: by time where there are times, else by
            count.
    """

    int8_ops: int
    computing_ops: int
    time: float | None
    conversion_time: float | None
    fallbacks: tuple[Fallback, ...]

    @property
    def ops(self) -> float:
        """Share of the operators that ran in int8, from 0 to 1."""
        return self.int8_ops / self.computing_ops if self.computing_ops else 0.0

    @property
    def least(self) -> float:
        """The smaller of the shares that are known."""
        return self.ops if self.time is None else min(self.ops, self.time)


@dataclass(frozen=True, slots=True)
class BenchResult:
    """What came of one leg.

    Attributes:
        plan: What was asked for.
        launches: Raw measurements, of each process; empty if the leg failed.
        metrics: Numbers made from them.
        valid: Whether the numbers may be used.
        reasons: Why not, or what to know.
        failure: Why the leg failed; None if it didn't.
        int8: How much ran in int8; None where nothing in the file is int8 or the runtime doesn't
            tell.
        disturbed: What disturbed the launches that were measured again and aren't counted.
        run: Which run of `bench` it belongs to.
        measured_at: When it began, in UTC, as ISO 8601 has it.
        schema_version: Version of this record.
    """

    plan: BenchPlan
    launches: tuple[Samples, ...]
    metrics: tuple[Metric, ...]
    valid: bool
    reasons: tuple[str, ...]
    failure: Failure | None = None
    int8: Int8Share | None = None
    disturbed: tuple[str, ...] = ()
    run: str = ""
    measured_at: str = ""
    schema_version: int = RESULT_SCHEMA

    @property
    def samples(self) -> Samples | None:
        """The first launch's: what is no matter of time is the same in all. None if it failed."""
        return self.launches[0] if self.launches else None

    @property
    def emulated(self) -> bool:
        """Whether the machine that measured is only played: its times are no measurement."""
        return self.plan.device.emulated

    @property
    def name(self) -> str:
        """What a table calls the leg: the file, the device if it isn't this one, a loud mark."""
        return self.plan.subject.name + self.plan.device.on + " (EMULATED)" * self.emulated


@dataclass(frozen=True, slots=True)
class EvalResult:
    """What an artifact is worth on a data set, run by its runtime.

    Attributes:
        artifact: Name of the artifact.
        sha256: Its digest.
        runtime: What ran it.
        images: Number of images, or of pairs of texts.
        score: How good it is, by class too; None where nothing says what is right.
        agreement: How near its predictions are to the float model's, as its task or its metric
            has it: 1 for the same. None without that model.
        float32: The float model's own score on the same; None where there is no score, or no
            float32 artifact beside this one.
        skipped: Files that could not be read as images.
        data_sha256: Digest of the images and of what is right; empty in older records.
        device: Name of the machine that ran it.
        metric: What was measured: `top1`, `recall1`, `map50`, `miou`, `spearman`.
        notes: What was passed over or mended in the data, in a line each.
    """

    artifact: str
    sha256: str
    runtime: str
    images: int
    score: Score | None
    agreement: float | None
    float32: Score | None = None
    skipped: tuple[str, ...] = ()
    data_sha256: str = ""
    device: str = LOCAL
    metric: str = "top1"
    notes: tuple[str, ...] = ()

    @property
    def value(self) -> float | None:
        """The metric's value; None where nothing says what is right."""
        return self.score.value if self.score else None

    @property
    def lost_points(self) -> float | None:
        """Hundredths of the metric that are lost against the float model; None without it."""
        before = self.float32.value if self.float32 else None
        return None if before is None or self.value is None else 100 * (before - self.value)


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
