"""Records of what is found by looking: in a file, on a machine, among the installed packages."""

from dataclasses import dataclass
from pathlib import Path

from edgekit.records.artifact import Artifact, Format, Precision
from edgekit.records.model import Target
from edgekit.records.operators import GraphOp
from edgekit.records.results import OpCount


@dataclass(frozen=True, slots=True)
class PrecisionShare:
    """Operators of a file that compute in one precision.

    Attributes:
        precision: Element type.
        count: How many.
        share: Of all that compute, from 0 to 1.
    """

    precision: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class FloatKind:
    """Operators of one kind that compute in float in a file that has int8 ones.

    Attributes:
        op: Kind, in the format's own words.
        count: How many.
        names: Names of the first of them.
    """

    op: str
    count: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What stands in a model file.

    Attributes:
        name: The artifact's name, or the file's.
        path: The model file.
        format: Its format.
        sha256: Digest, as in `Artifact`.
        size_bytes: Size of the model's files.
        precisions: Shares of the operators that compute; conversions are none of them.
        operators: All operators by kind and precision, the most frequent first.
        left_in_float: What computes in float beside int8, the most frequent first.
        largest: The operators with the largest constants, the largest first.
        notes: What to know when reading the numbers.
        artifact: The artifact with recipe, preprocessing, parity and history; None for a file
            that edgekit did not make.
    """

    name: str
    path: Path
    format: Format
    sha256: str
    size_bytes: int
    precisions: tuple[PrecisionShare, ...]
    operators: tuple[OpCount, ...]
    left_in_float: tuple[FloatKind, ...]
    largest: tuple[GraphOp, ...]
    notes: tuple[str, ...]
    artifact: Artifact | None


@dataclass(frozen=True, slots=True)
class Part:
    """An adapter and what it needs.

    Attributes:
        kind: What it is: `runtime`, `exporter`, ...
        name: Its name.
        versions: Installed distributions that it needs, with their versions.
        missing: Modules that it needs and that aren't installed, or other things it lacks here.
        install: The command that brings them; empty if nothing is missing or no command helps.
    """

    kind: str
    name: str
    versions: dict[str, str]
    missing: tuple[str, ...]
    install: str


@dataclass(frozen=True, slots=True)
class Support:
    """One format in one precision: how it is made, and what runs it.

    Attributes:
        format: The format.
        precision: The precision.
        route: Formats on the way, from torch to itself.
        quantizer: Name of what makes the precision; None for float32.
        missing: Modules that making it needs and that aren't installed.
        install: The command that brings those; empty if nothing is missing.
        extras: Extras of `edgekit-ml` that making it and running it need.
        runtimes: What runs it, the one that edgekit measures with first.
    """

    format: Format
    precision: Precision
    route: tuple[Format, ...]
    quantizer: str | None
    missing: tuple[str, ...]
    install: str
    extras: tuple[str, ...]
    runtimes: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Something that makes measurements here worth less.

    Attributes:
        what: What it is, with the number that shows it.
        mend: What to do about it.
    """

    what: str
    mend: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A machine, as doctor sees it.

    Attributes:
        machine: What doesn't change while it runs.
        state: What changes: clocks, load, pressure, heat, memory.
        target: Facts that decide a recipe.
        int8_dot: Whether its int8 kernels add up in int32.
        gpus: Name of each NVIDIA GPU with its compute capability.
        disk_free_bytes: Free where artifacts are published.
        parts: Every adapter and its packages.
        disturbances: What would disturb a measurement.
    """

    machine: dict[str, str]
    state: dict[str, str]
    target: Target
    int8_dot: bool
    gpus: tuple[str, ...]
    disk_free_bytes: int
    parts: tuple[Part, ...]
    disturbances: tuple[Disturbance, ...]
