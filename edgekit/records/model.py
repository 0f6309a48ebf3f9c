"""Records of models: what is asked for, what was built, and where it will run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgekit import wire
from edgekit.records.encoding import SCHEMA_VERSION, digest
from edgekit.wire import DETECTIONS, TensorSpec

# Pillow's names, in lower case.
_FILTERS = {"nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"}


class Preprocess(wire.Preprocess):
    """The contract as it is stored: what crosses to a device, checked and digested."""

    @property
    def is_known(self) -> bool:
        """Whether this edgekit can carry it out: a record may come from anywhere."""
        return (
            self.mode in {"center", "squash", "border"}
            and self.interpolation in _FILTERS
            and len(self.mean) == len(self.std) == len(self.channels)
            and self.channels == "RGB"
            and all(self.std)
            and min(*self.size, *self.resize) > 0
        )

    @property
    def sha256(self) -> str:
        """Digest of the whole contract: two steps with the same digest see the same tensors."""
        return digest(self)


@dataclass(frozen=True, slots=True)
class Origin:
    """How `edgekit train` came to some weights.

    Attributes:
        method: `probe`, `lora` or `full`.
        start: Where the weights came from that it began with, as `Weights.source`.
        start_sha256: Their digest.
        data_sha256: Digest of the images that it learnt from, and of what is right for each.
        adapter_sha256: Digest of the file of the adapter that was merged; None if there was none.
        teacher_sha256: Digest of the weights of the teacher; None if there was none.
        weight_scale: Rule of scales whose steps the weights lie on, as in `Recipe`; empty where
            they were not rounded.
    """

    method: str
    start: str
    start_sha256: str | None
    data_sha256: str
    adapter_sha256: str | None = None
    teacher_sha256: str | None = None
    weight_scale: Literal["", "max", "pairs"] = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """How a text becomes a network's input: the contract of one that reads text.

    Attributes:
        tokenizer_sha256: Digest of the tokenizer, which lies in the artifact.
        vocabulary: Number of ids that the network knows: each id is below it.
        max_tokens: Tokens that it takes at most, those that mark ends counted.
        pooling: How the tokens' features become one vector: `mean`, `cls` or `max`; `last` where
            the scores are those after the last token.
    """

    tokenizer_sha256: str
    vocabulary: int
    max_tokens: int
    pooling: str

    @property
    def is_known(self) -> bool:
        """Whether this edgekit can carry it out: a record may come from anywhere."""
        known = self.pooling in {"mean", "cls", "max", "last"}
        return known and min(self.vocabulary, self.max_tokens) > 0

    @property
    def sha256(self) -> str:
        """Digest of the whole contract: two steps with the same digest see the same ids."""
        return digest(self)


@dataclass(frozen=True, slots=True)
class Weights:
    """Where a model's weights came from.

    Attributes:
        source: `package:NAME VERSION`, `hub:ID`, `cache:ID`, `file:NAME`, `random` or
            `built-in`.
        sha256: Digest of the weights' file; None where there is no file.
        trained: How `edgekit train` made the file; None if something else did.
    """

    source: str
    sha256: str | None = None
    trained: Origin | None = None


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """The model that a user asks for.

    Attributes:
        name: A short name, or an exact timm or torchvision name.
        head: Name of the head.
        classes: Number of classes of the head; None for as many as the weights have.
        weights: `pretrained`, `random`, or the path of a checkpoint.
        input_size: Height and width in pixels; None for the model's own.
        batch: Batch size where a format fixes it.
        seed: Seed of random weights.
        neck: Name of the neck, or `none`; empty for the head's usual one.
        nms: Whether decode and suppression of duplicates stand in the file.
    """

    name: str
    head: str = "classify"
    classes: int | None = None
    weights: str = "pretrained"
    input_size: int | None = None
    batch: int = 1
    seed: int = 0
    neck: str = ""
    nms: bool = False


@dataclass(frozen=True, slots=True)
class TextRequest:
    """The text network that a user asks for.

    Attributes:
        name: `FAMILY` for its usual checkpoint, or `FAMILY:FOLDER`, `FAMILY:OWNER/NAME` of the
            hub, `FAMILY:tiny`.
        head: Name of the head; empty for the family's usual one.
        weights: `pretrained` or `random`.
        seed: Seed of random weights.
    """

    name: str
    head: str = ""
    weights: str = "pretrained"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class FileRequest:
    """A float model file that edgekit did not make, and that a user asks to have quantized.

    Attributes:
        path: The file.
        name: What to call the model; its artifacts' folder.
        preprocess: What `--preprocess` says of how a photo becomes its input; empty for what
            the file says, or what lies beside it.
        seed: Seed of chosen photos.
    """

    path: Path
    name: str
    preprocess: str = ""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model as it was built.

    Attributes:
        name: The name that was asked for.
        family: Name of the family's adapter; `file` for a file that edgekit did not make.
        backbone: The family's exact name, or the file's.
        head: Name of the head; `tensor` for outputs of a file that aren't one row of classes.
        classes: Number of classes; 0 for a head without classes.
        inputs: Inputs of the float model that all others are made from; the batch is free where
            it could be. The golden sample's are these.
        outputs: Its outputs.
        weights: Where the weights came from.
        seed: Seed of random weights.
        parameters: Number of parameters after fusion.
        batch: Batch size of formats that fix it.
        neck: Name of the neck between backbone and head; empty where there is none.
        nms: Whether decode and suppression of duplicates stand in the file.
    """

    name: str
    family: str
    backbone: str
    head: str
    classes: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    weights: Weights
    seed: int
    parameters: int
    batch: int = 1
    neck: str = ""
    nms: bool = False

    @property
    def task(self) -> str:
        """What its outputs mean: a name of `edgekit.tasks.TASKS`, or a head that isn't there."""
        return DETECTIONS if self.nms else self.head


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model that can be asked for.

    Attributes:
        name: Short name; `FAMILY:NAME` where there is no short one.
        family: Name of the family.
        backbone: The family's exact name.
        parameters: Number of parameters as deployed: branches merged, norms folded.
        macs: Multiply-accumulate operations for one sample, as deployed.
        input_size: Height and width of the input, in pixels.
        weights: Where pretrained weights come from, as in `Weights`; empty if there are none.
        heads: Names of the heads that it can serve.
    """

    name: str
    family: str
    backbone: str
    parameters: int
    macs: int
    input_size: int
    weights: str
    heads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TextEntry:
    """A network that reads text and can be asked for.

    Attributes:
        name: What it is asked for by.
        family: Name of the family.
        checkpoint: The checkpoint that it stands for.
        parameters: Number of parameters.
        max_tokens: Tokens that it takes at most.
        weights: Where pretrained weights come from, as in `Weights`; empty if there are none.
        heads: Names of the heads that it can end in, the usual one first.
    """

    name: str
    family: str
    checkpoint: str
    parameters: int
    max_tokens: int
    weights: str
    heads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelList:
    """Models that match what was looked for.

    Attributes:
        pattern: What was looked for; empty for all short names.
        models: The models.
        texts: The networks that read text.
        more: Exact names that match too and are not counted.
        schema_version: Version of this record.
    """

    pattern: str
    models: tuple[ModelEntry, ...]
    texts: tuple[TextEntry, ...] = ()
    more: tuple[str, ...] = ()
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class Target:
    """Facts of a machine that decide a recipe.

    Attributes:
        name: `host`, or the name it was asked for by.
        arch: `x86_64`, `aarch64`, `nvidia`, ...
        features: Instruction set extensions that matter to int8: `avx2`, `avx512_vnni`,
            `avx_vnni`, `amx_int8`, `asimddp`, `i8mm`, ...
        sm: Compute capability of an NVIDIA GPU (89 for 8.9); None if there is none.
    """

    name: str
    arch: str
    features: tuple[str, ...] = ()
    sm: int | None = None
