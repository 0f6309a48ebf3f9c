"""Records of files: formats, recipes and artifacts."""

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgekit.errors import UsageError
from edgekit.records.model import ModelSpec, Preprocess, Target, Tokens
from edgekit.wire import Closeness, TensorSpec


class Format(enum.StrEnum):
    """File formats of a network."""

    TORCH = "torch"
    ONNX = "onnx"
    OPENVINO = "openvino"
    LITERT = "litert"
    TENSORRT = "tensorrt"


class Precision(enum.StrEnum):
    """What the heavy operators of a file compute in."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"


@dataclass(frozen=True, slots=True)
class FloatLayer:
    """An operator that stays in float.

    Attributes:
        name: Name of one operator in the float file, or of all of a kind.
        reason: Why.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a float file becomes an int8 or float16 one. JSON, readable, travels with the artifact.

    Each step can be switched by itself: change the field in the JSON, give it to `--recipe`.

    Attributes:
        scheme: `w8a8-static` (8-bit weights and activations, ranges from calibration),
            `w8-dynamic` (ranges taken anew at each inference), `w8-weightonly` (8-bit weights that
            are brought back to float) or `float16`.
        format: The format that it is for.
        target: Name of the target that it is for.
        target_features: The target's facts that decided it, as in `Target.features`.
        network: Digest of the float graph's operators; empty for any network.
        activation_type: `uint8`, `int8`, `float32` or `float16`.
        activation_symmetric: Whether the zero point of activations is fixed at the middle.
        weight_type: `int8` or `float16`.
        granularity: Scales of weights: `per-channel`, or `none` where there are no scales.
        weight_scale: How they are chosen: `max` (the largest weight is 127) or `pairs` (no two
            weights of one sign sum to more than 128, so that int16 sums can't saturate).
        rounding: `nearest`, or `error-feedback`: each weight's error is made up for by the others.
        correct_bias: Whether the mean error of rounded weights is taken out of the bias.
        range_method: How activation ranges come from calibration: `minmax`, `mse` or `none`.
        quantize_bias: Whether biases become int32.
        quantize_outputs: Whether what a heavy operator gives is brought to 8 bits at once, as
            kernels that can't do otherwise want it, or only where the next one reads it.
        quantize_tables: Whether rows of large tables that ids look up are stored in 8 bits.
        float_kinds: Kinds of operators left in float.
        float_layers: Single operators left in float, by name.
        reasons: Why the choices are what they are, one sentence each.
    """

    scheme: str
    format: Format
    target: str
    activation_type: Literal["uint8", "int8", "float32", "float16"]
    activation_symmetric: bool
    weight_type: Literal["int8", "float16"]
    granularity: Literal["per-channel", "none"]
    weight_scale: Literal["max", "pairs"]
    rounding: Literal["nearest", "error-feedback"]
    correct_bias: bool
    range_method: Literal["minmax", "mse", "none"]
    quantize_bias: bool
    quantize_outputs: bool
    quantize_tables: bool = False
    target_features: tuple[str, ...] = ()
    network: str = ""
    float_kinds: tuple[FloatLayer, ...] = ()
    float_layers: tuple[FloatLayer, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Calibration:
    """The photos, or the texts, that ranges were taken from.

    Attributes:
        source: A folder's or a file's name, or the packages that they come with.
        files: Name and SHA-256 of each, in the order of use; of a text its line.
        skipped: Files of the folder that could not be read as images.
        preprocess_sha256: Digest of the preprocessing that they went through.
    """

    source: str
    files: tuple[tuple[str, str], ...]
    skipped: tuple[str, ...]
    preprocess_sha256: str


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """One file of an artifact.

    Attributes:
        name: Name inside the artifact's folder; never a path.
        role: `model` (the first of them is the one to load), `source` (what an engine was built
            from), `build` (how), `golden`, `labels`, `tokenizer` or `learnt` (a line of
            `storage.mark` for each image that the weights learnt from).
        sha256: Digest of the content.
        size_bytes: Size of the content.
    """

    name: str
    role: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Parity:
    """Closeness of an artifact to its float model, and whether it is close enough.

    Attributes:
        passed: Whether every check held; None where nothing here can run it.
        runtime: What ran the artifact; None where nothing here can run it.
        batches: Closeness by batch size.
        min_sqnr_db: The least SQNR that passes for this precision.
        reason: Which check failed, or why nothing was measured; empty if all is well.
    """

    passed: bool | None
    runtime: str | None
    batches: dict[str, Closeness]
    min_sqnr_db: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Guarded:
    """What quantization cost in accuracy, against the budget that was given.

    Attributes:
        metric: The head's own on labelled images, else `agreement` with the float model; of texts
            `spearman` with its ranking.
        images: Number of images, or of pairs of texts.
        source: Where they come from.
        runtime: What ran them.
        float32: Value of the float model, from 0 to 1.
        all_int8: Value with every layer of the recipe in 8 bits.
        value: Value of the artifact.
        max_drop: Points that may be lost; if it isn't zero, one image of a share of images.
        met: Whether no more were lost.
        float_layers: Layers that were put back in float for it.
        latency_ratio: Latency of the artifact to that with every layer in 8 bits, measured here;
            None where none was put back, or it can't run here.
        data_sha256: Digest of the data that was given for it, as in `EvalResult`; empty where
            none was given, and in older records.
    """

    metric: str
    images: int
    source: str
    runtime: str
    float32: float
    all_int8: float
    value: float
    max_drop: float
    met: bool
    float_layers: int = 0
    latency_ratio: float | None = None
    data_sha256: str = ""

    @property
    def drop(self) -> float:
        """Points that were lost."""
        return 100.0 * (self.float32 - self.value)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A network in one format and precision: files on disk with their digests and their history.

    Attributes:
        path: The folder. Not part of the stored record.
        format: File format.
        precision: What the heavy operators compute in.
        spec: The model.
        inputs: Inputs of this file, with its own names and layout.
        preprocess: How a photo becomes the input; None for a network that reads text.
        recipe: How it was quantized; None for float32.
        calibration: What it was calibrated on; None if it wasn't.
        files: All files, the model's first.
        sha256: Digest of the model's files: of the file where there is one, else of the lines
            `<sha256>  <name>` that `sha256sum` would print for them.
        size_bytes: Size of the model's files.
        parent_sha256: Digest of the artifact that it was made from; None for the first.
        tools: Versions of the packages that took part, and `edgekit`'s own.
        target: The target that it was made for.
        key: Digest of everything that decided the content; equal keys mean the same export.
        parity: Closeness to the float model that it comes from.
        guard: What quantization cost in accuracy; None where no budget was given.
        tokens: How a text becomes the input; None for a network that takes photos.
    """

    path: Path
    format: Format
    precision: Precision
    spec: ModelSpec
    inputs: tuple[TensorSpec, ...]
    preprocess: Preprocess | None
    recipe: Recipe | None
    calibration: Calibration | None
    files: tuple[ArtifactFile, ...]
    sha256: str
    size_bytes: int
    parent_sha256: str | None
    tools: dict[str, str]
    target: Target
    key: str
    parity: Parity | None = None
    guard: Guarded | None = None
    tokens: Tokens | None = None

    @property
    def photos(self) -> Preprocess:
        """How a photo becomes the input.

        Raises:
            UsageError: The network reads text.
        """
        if self.preprocess is None:
            raise UsageError(
                f"{self.name} reads text: photos are nothing to it",
                hint="`edgekit bench` measures it; `edgekit eval --metric spearman --data "
                "PAIRS.tsv` evaluates one that gives vectors",
            )
        return self.preprocess

    @property
    def contract_sha256(self) -> str:
        """Digest of how the input is made, whatever it is made from."""
        found = self.preprocess or self.tokens
        return found.sha256 if found else ""

    @property
    def model(self) -> Path:
        """The file that a runtime loads."""
        return self.path / self.files[0].name

    @property
    def name(self) -> str:
        """`<model>/<format>-<precision>`, as the folder is called."""
        return f"{self.path.parent.name}/{self.path.name}"

    def file(self, role: str) -> Path | None:
        """Path of the first file with that role, or None."""
        for entry in self.files:
            if entry.role == role:
                return self.path / entry.name
        return None


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: an artifact, or a model file that edgekit did not make.

    Attributes:
        path: The model file.
        sha256: Digest, as in `Artifact`.
        size_bytes: Size of the model's files.
        artifact: The artifact; None for a foreign file.
    """

    path: Path
    sha256: str
    size_bytes: int
    artifact: Artifact | None = None

    @property
    def name(self) -> str:
        """The artifact's name, or the file's."""
        return self.artifact.name if self.artifact else self.path.name
