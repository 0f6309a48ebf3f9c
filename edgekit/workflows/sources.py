"""Where the float model comes from that everything else is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from edgekit.records import Format, ModelSpec, Preprocess
from edgekit.wire import TensorSpec

Images = npt.NDArray[np.float32]
# Gives the golden sample's photos as a model takes them, shape (N, 3, H, W).
Golden = Callable[[Preprocess], Images]


@dataclass(frozen=True, slots=True)
class Root:
    """A float model in a folder, and what it gives for the golden sample's photos.

    Attributes:
        spec: The model.
        inputs: Inputs of its file.
        preprocess: How a photo becomes its input.
        labels: Names of its classes in order; empty if they aren't known.
        files: Role (as in `ArtifactFile`) of each file written, by name.
        images: The golden sample's inputs, shape (N, 3, H, W).
        outputs: What the model gives for them, each of shape (N, ...).
        notes: What was done that a user should know, in a few words each.
        parent_sha256: Digest of the file that it was made from; None if it was made from none.
    """

    spec: ModelSpec
    inputs: tuple[TensorSpec, ...]
    preprocess: Preprocess
    labels: tuple[str, ...]
    files: Mapping[str, str]
    images: Images
    outputs: tuple[Images, ...]
    notes: tuple[str, ...] = ()
    parent_sha256: str | None = None


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

    def build(self, workdir: Path, golden: Golden) -> Root:
        """Write the model into `workdir`.

        Raises:
            EdgekitError: It can't be built, read or run.
        """
        ...
