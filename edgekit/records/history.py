"""Records of a history: what one job measured of one commit, and what is pinned.

What lies in a history directory is untrusted input: the bounds of each field stand in its type.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

# History of the schema of the lines in a history directory:
# 1  2026-11  the first
HISTORY_SCHEMA = 1

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
# A commit's name, or whatever a project without a repository calls its states.
Words = Annotated[str, Meta(max_length=300)]
Count = Annotated[int, Meta(ge=0, le=10**9)]
# Nothing that is worth comparing is ten thousand times as fast.
Ratio = Annotated[float, Meta(ge=1e-4, le=1e4)]
Interval = tuple[Ratio, Ratio]


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """What is measured alike from commit to commit.

    Attributes:
        artifact: Name of the artifact or file.
        runtime: What runs it.
        threads: Threads that the runtime may use.
        batch: Samples in one inference; None for the file's own.
    """

    artifact: Words
    runtime: Words
    threads: Annotated[int, Meta(ge=1, le=10**6)]
    batch: Annotated[int, Meta(ge=1, le=10**9)] | None = None

    @property
    def name(self) -> str:
        """All of it in one line."""
        batch = f", batch {self.batch}" if self.batch else ""
        threads = f"{self.threads} thread{'s' * (self.threads != 1)}"
        return f"{self.artifact}, {self.runtime}, {threads}{batch}"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The kind of machine: ratios of different kinds aren't compared.

    Attributes:
        digest: Of the facts.
        facts: What it is made of, readable.
    """

    digest: Sha256
    facts: Annotated[dict[Words, Annotated[str, Meta(max_length=2000)]], Meta(max_length=50)]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One commit's artifact against a pinned reference, both measured in one job.

    Attributes:
        series: What was measured.
        commit: Name of the commit.
        position: Place in the order of commits: commits from the first one on, by first parents.
        reference_sha256: Digest of the reference.
        head_sha256: Digest of the commit's artifact.
        ratio: Wall time of the artifact to that of the reference, measured in turns.
        interval: Interval of `ratio`; None for too few launches.
        cpu_ratio: Ratio of CPU time; None where it wasn't measured.
        floor_ratio: Ratio of the shortest times.
        launches: Ratio of each launch.
        machine: What else went on: `quiet`, `noisy`, `hostile`, `unknown`.
        fingerprint: The kind of machine.
        recorded_at: When, in UTC. Shown and never used for order: clocks jump.
        edgekit: Version of edgekit.
        record: Tells this kind of line from others.
        schema_version: Version of the line's schema.
    """

    series: Series
    commit: Words
    position: Count
    reference_sha256: Sha256
    head_sha256: Sha256
    ratio: Ratio
    interval: Interval | None
    cpu_ratio: Ratio | None
    floor_ratio: Ratio
    launches: Annotated[tuple[Ratio, ...], Meta(max_length=1000)]
    machine: Words
    fingerprint: Fingerprint
    recorded_at: Words
    edgekit: Words
    record: Literal["measurement"] = "measurement"
    schema_version: int = HISTORY_SCHEMA


@dataclass(frozen=True, slots=True)
class Pin:
    """An artifact that others are measured against from now on.

    Attributes:
        sha256: Digest of the artifact.
        name: Its name.
        number: Place in the order of pins, from 1.
        position: Of the commit at which it was pinned, as in `Measurement`.
        recorded_at: When, in UTC; only shown.
        edgekit: Version of edgekit.
        record: Tells this kind of line from others.
        schema_version: Version of the line's schema.
    """

    sha256: Sha256
    name: Words
    number: Count
    position: Count
    recorded_at: Words
    edgekit: Words
    record: Literal["pin"] = "pin"
    schema_version: int = HISTORY_SCHEMA


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A slowdown that is wanted: it came with something that is worth it.

    Attributes:
        commit: The commit that it came with.
        reason: Why, in the user's words.
        position: Of the commit, as in `Measurement`.
        recorded_at: When, in UTC; only shown.
        edgekit: Version of edgekit.
        record: Tells this kind of line from others.
        schema_version: Version of the line's schema.
    """

    commit: Words
    reason: Words
    position: Count
    recorded_at: Words
    edgekit: Words
    record: Literal["acceptance"] = "acceptance"
    schema_version: int = HISTORY_SCHEMA


Line = Measurement | Pin | Acceptance


@dataclass(frozen=True, slots=True)
class Past:
    """What a history directory holds.

    Attributes:
        measurements: In the order of their files.
        pins: In the order of their numbers, each reference once.
        acceptances: In the order of their files.
        faults: What can't be read, and why: a file and a line.
    """

    measurements: tuple[Measurement, ...] = ()
    pins: tuple[Pin, ...] = ()
    acceptances: tuple[Acceptance, ...] = ()
    faults: tuple[str, ...] = ()
