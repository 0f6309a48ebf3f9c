"""Where the float model comes from that everything else is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt

from edgekit.quantizers import Feeds
from edgekit.records import Artifact, Calibration, Format, ModelSpec, Preprocess, Target, Tokens
from edgekit.wire import TensorSpec
from edgekit.workflows.int8 import Int8Plan

# Arrays by name, as in `Job.golden`.
Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Root:
    """A float model in a folder, and what it gives for the golden sample's photos.

    Attributes:
        spec: The model.
        inputs: Inputs of its file.
        preprocess: How a photo becomes its input; None for a model that reads text.
        labels: Names of its classes in order; empty if they aren't known.
        files: Role (as in `ArtifactFile`) of each file written, by name.
        golden: The golden sample: real inputs and what the model gives for them.
        notes: What was done that a user should know, in a few words each.
        parent_sha256: Digest of the file that it was made from; None if it was made from none.
        tokens: How a text becomes its input; None for a model that takes photos.
    """

    spec: ModelSpec
    inputs: tuple[TensorSpec, ...]
    preprocess: Preprocess | None
    labels: tuple[str, ...]
    files: Mapping[str, str]
    golden: Arrays
    notes: tuple[str, ...] = ()
    parent_sha256: str | None = None
    tokens: Tokens | None = None


class SampleSet(Protocol):
    """Photos or texts, in the order of use."""

    @property
    def digests(self) -> tuple[str, ...]:
        """SHA-256 of each."""
        ...

    def words(self) -> str:
        """How many there are, from where, and what was passed over."""
        ...

    def record(self, artifact: Artifact) -> Calibration:
        """What stands of them in what `artifact` is made into."""
        ...

    def feeds(self, artifact: Artifact) -> Feeds:
        """Inputs of `artifact`, in its own names, made when asked for.

        Raises:
            DataError: They can't all be inputs of that.
        """
        ...

    def check_differ(self, artifact: Artifact) -> None:
        """Refuse samples that all give one input: ranges would be of nothing.

        Raises:
            DataError: They do.
        """
        ...


class Source(Protocol):
    """One way to come to a float model: a family's builder, or a file that was given."""

    @property
    def root(self) -> Format:
        """Format of the model's file."""
        ...

    @property
    def seed(self) -> int:
        """Seed of everything that is chosen."""
        ...

    @property
    def tool(self) -> str:
        """What builds it, in a few words, for messages."""
        ...

    @property
    def action(self) -> str:
        """What building it is called, for people."""
        ...

    @property
    def extra(self) -> str:
        """The extra of `edgekit-ml` whose packages build it."""
        ...

    def check(self) -> None:
        """Refuse what can be seen to be wrong before anything is written.

        Raises:
            EdgekitError: With what is wrong.
        """
        ...

    def key(self) -> Mapping[str, object]:
        """Everything that decides the model's content, known without a framework's work."""
        ...

    def scheme(self, target: Target, format: Format) -> str:
        """How 8 bits are used in a file of `format` on `target` where nothing is asked for."""
        ...

    def golden(self) -> SampleSet:
        """What parity is measured on; never calibrated on."""
        ...

    def calibration(self, plan: Int8Plan) -> SampleSet:
        """What ranges are taken from.

        Raises:
            DataError: It can't be read, or is too little.
        """
        ...

    def held_out(self, plan: Int8Plan) -> SampleSet:
        """What a guard measures on where nothing was given for it; never calibrated on.

        Raises:
            DataError: It can't be read.
        """
        ...

    def build(self, workdir: Path) -> Root:
        """Write the model into `workdir`.

        Raises:
            EdgekitError: It can't be built, read or run.
        """
        ...
