"""Model families and heads: where networks come from, and what they give.

To add a family: write a module here with an object that meets `Family`, add its line to the
table below, and its packages as an extra in `pyproject.toml`. `edgekit.models.assemble` does the
rest for every family: weights, head, fusion and the one trace. A head is a module with an object
that meets `Head`, and its line in the second table.

Networks that read text have a table of their own, the third: they take ids of tokens in place of
photos. Their names are `FAMILY`, for its usual checkpoint, or `FAMILY:CHECKPOINT`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from edgekit.records import Preprocess
from edgekit.registry import Entry, Registry
from edgekit.wire import TensorSpec


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
    """Pretrained weights that a family's own library knows.

    Attributes:
        id: Where from, as people would look it up.
        cached: Gives the file that lies on this machine already, or None. Never uses a network.
        fetch: Downloads the file and gives its path. Raises `OSError` where that can't be done.
        read: Reads such a file into a state dict for the backbone as its library builds it.
    """

    id: str
    cached: Callable[[], Path | None]
    fetch: Callable[[], Path]
    read: Callable[[Path], Mapping[str, Any]]


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
            embed: Whether to leave the classifier out and return pooled features. The names in
                the state dict stay those of the whole backbone.
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


class Head(Protocol):
    """What a network gives.

    Attributes:
        output: Name of the output.
        embed: Whether it takes pooled features in place of the backbone's own classifier.
    """

    output: str
    embed: bool

    def attach(self, module: Any) -> Any:
        """`module` (`torch.nn.Module`) with this head behind it."""
        ...


HEADS: Registry[Head] = Registry(
    "head",
    {
        "classify": Entry("edgekit.models.heads:CLASSIFY", "torch", ("torch",)),
        "embed": Entry("edgekit.models.heads:EMBED", "torch", ("torch",)),
    },
)


@dataclass(frozen=True, slots=True)
class TextNet:
    """A text network in eval mode with its head, ready to be traced.

    Attributes:
        module: `torch.nn.Module` with the inputs in the order of `inputs`.
        inputs: Its inputs: ids and mask, int64, (N, L); with a cache what it holds too.
        outputs: What it gives.
        vocabulary: Number of ids that it knows: an id is below it.
        max_tokens: Tokens that it takes at most, those that mark ends counted.
        pooling: How the tokens' features become one: `mean`, `cls` or `max`; `last` for scores.
        parameters: Number of parameters.
    """

    module: Any
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    vocabulary: int
    max_tokens: int
    pooling: str
    parameters: int


class TextFamily(Protocol):
    """A kind of text networks."""

    def build(self, folder: Path | None, head: str, seed: int | None) -> TextNet:
        """Build the network of a checkpoint.

        Args:
            folder: The checkpoint; None for the tiny configuration in code.
            head: What it ends in.
            seed: Seed of random weights; None for the checkpoint's.

        Raises:
            DataError: The checkpoint is of another architecture, or its weights don't fit.
        """
        ...

    def tokenizer(self, folder: Path | None) -> str:
        """What `tokenizers` reads its tokenizer from, JSON.

        Raises:
            DataError: The checkpoint has none.
        """
        ...


TEXT_FAMILIES: Registry[TextFamily] = Registry(
    "text family",
    {
        "bert": Entry("edgekit.models.text.transformers:BERT", "text", ("torch", "transformers")),
        "gpt": Entry("edgekit.models.text.transformers:GPT", "text", ("torch", "transformers")),
    },
)
