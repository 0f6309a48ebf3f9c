"""Model families: where networks come from.

To add one: write a module here with an object that meets `Family`, add its line to the table
below, and its packages as an extra in `pyproject.toml`. `edgekit.models.assemble` does the rest
for every family: weights, head, fusion and the one trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from edgekit.records import Preprocess
from edgekit.registry import Entry, Registry


@dataclass(frozen=True, slots=True)
class Net:
    """A network as its family builds it, before weights and head are put in.

    Attributes:
        module: `torch.nn.Module`; takes an image batch, NCHW, float32, and returns logits or
            features.
        preprocess: What its weights were trained on.
        labels: Names of the classes in order; empty if they aren't known.
    """

    module: Any
    preprocess: Preprocess
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hub:
    """Pretrained weights that a family's own library would fetch.

    Attributes:
        id: Where from, as people would look it up.
        state: Function of one flag, `offline`, that returns the state dict; raises OSError (or
            what the library raises) where it can't be had.
    """

    id: str
    state: Any


class Family(Protocol):
    """A library of networks."""

    def names(self, pattern: str) -> list[str]:
        """Exact names that match a shell pattern, sorted."""
        ...

    def build(
        self, backbone: str, *, classes: int | None, embed: bool, input_size: int | None
    ) -> Net:
        """Build `backbone` with random weights.

        Args:
            backbone: An exact name.
            classes: Number of classes; None for the backbone's own. Ignored if `embed`.
            embed: Whether to leave the classifier out and return pooled features.
            input_size: Height and width in pixels; None for the backbone's own.

        Raises:
            UsageError: The backbone can't be built that way.
        """
        ...

    def hub(self, backbone: str) -> Hub | None:
        """Pretrained weights of the library's own, or None if it has none for `backbone`."""
        ...


FAMILIES: Registry[Family] = Registry(
    "model family",
    {
        "toy": Entry("edgekit.models.toy:FAMILY", "torch", ("torch",)),
        "timm": Entry("edgekit.models.timm:FAMILY", "torch", ("torch", "timm")),
        "torchvision": Entry(
            "edgekit.models.torchvision:FAMILY", "torch", ("torch", "torchvision")
        ),
    },
)
