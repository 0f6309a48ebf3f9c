"""Model families, necks and heads: where networks come from, and what they give.

To add a family: write a module here with an object that meets `Family`, add its line to the
table below, and its packages as an extra in `pyproject.toml`. `edgekit.models.assemble` does the
rest for every family: weights, neck, head, fusion and the one trace. A head is a module in
`heads/` with an object that meets `Head`, and its line in the second table; what its outputs mean
is a line in `edgekit.tasks`. A neck is a module in `necks/` and a line in the third table.

Networks that read text have a table of their own, the last: they take ids of tokens in place of
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
class Maps:
    """A backbone as its family builds it to look at its maps, before weights are put in.

    Attributes:
        module: `torch.nn.Module`; takes an image batch, NCHW, float32, and returns a list of maps,
            NCHW, the finest first. What it computes with lies in its `net`, under the names of
            the whole backbone.
        strides: Pixels of the input between two cells of each map.
        channels: Channels of each map.
        preprocess: What its weights were trained on.
    """

    module: Any
    strides: tuple[int, ...]
    channels: tuple[int, ...]
    preprocess: Preprocess


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

    def maps(self, backbone: str, *, input_size: int | None) -> Maps:
        """Build `backbone` with random weights and without its classifier, for its maps.

        Args:
            backbone: An exact name.
            input_size: Height and width in pixels; None for the backbone's own.

        Raises:
            UsageError: Its maps can't be had, or not at that size.
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
        "detectors": Entry("edgekit.models.detectors:FAMILY", "torch", ("torch", "torchvision")),
    },
)

# What a network has that nothing was said of: detectors end in heads of their own.
CLASSIFIER = "classify"


@dataclass(frozen=True, slots=True)
class Setting:
    """What a head is built for.

    Attributes:
        channels: Channels of each map that it reads, the finest first; empty for a flat head.
        strides: Pixels of the input between two cells of each map.
        classes: Number of classes.
        size: Height and width of the input, in pixels.
    """

    channels: tuple[int, ...]
    strides: tuple[int, ...]
    classes: int
    size: tuple[int, int]


class Head(Protocol):
    """What a network gives.

    Attributes:
        outputs: Names of the outputs.
        embed: Whether it takes pooled features in place of the backbone's own classifier.
        necks: Necks that it can stand on, its usual one first; `none` for the backbone's own maps.
            Empty for a flat head, which stands on the backbone's end.
    """

    outputs: tuple[str, ...]
    embed: bool
    necks: tuple[str, ...]

    def attach(self, module: Any, setting: Setting | None = None) -> Any:
        """`module` (`torch.nn.Module`) with this head behind it.

        Args:
            module: The backbone; with a neck, if any, where `setting` is given.
            setting: What it is built for; None for a flat head.
        """
        ...

    def losses(self, module: Any, images: Any, targets: Any) -> Mapping[str, Any]:
        """What training makes small: scalars by name, to be added.

        Args:
            module: What `attach` gave, in training mode.
            images: Inputs (N, 3, H, W), float32, normalized.
            targets: Classes (N,) for `classify`, masks (N, H, W) for a segmentation head; for a
                detector for each image `boxes` (G, 4), in pixels of the input, and `labels` (G,),
                from 0 on.

        Raises:
            UsageError: It isn't trained as it is.
        """
        ...


_FLAT = ("torch",)
_DENSE = ("torch", "torchvision")
HEADS: Registry[Head] = Registry(
    "head",
    {
        CLASSIFIER: Entry("edgekit.models.heads.flat:CLASSIFY", "torch", _FLAT),
        "embed": Entry("edgekit.models.heads.flat:EMBED", "torch", _FLAT),
        "segment": Entry("edgekit.models.heads.segment:LRASPP", "torch", _DENSE),
        "segment-fpn": Entry("edgekit.models.heads.segment:DECODER", "torch", _DENSE),
        "detect": Entry("edgekit.models.heads.detect:DETECT", "torch", _DENSE),
        "detect-rcnn": Entry("edgekit.models.heads.rcnn:RCNN", "torch", _DENSE),
        "detect-ssd": Entry("edgekit.models.heads.ssd:SSD", "torch", _DENSE),
    },
)


class Neck(Protocol):
    """Brings maps of several sizes together."""

    def build(self, channels: tuple[int, ...]) -> Any:
        """A `torch.nn.Module` from a list of maps to as many, of `width` channels each."""
        ...

    @property
    def width(self) -> int:
        """Channels of each map that it gives."""
        ...


NO_NECK = "none"
NECKS: Registry[Neck] = Registry(
    "neck",
    {
        "fpn": Entry("edgekit.models.necks.fpn:NECK", "torch", _DENSE),
        "pan": Entry("edgekit.models.necks.pan:NECK", "torch", _DENSE),
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
