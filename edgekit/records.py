"""The records that carry the data on the host: frozen, validated when read, units in their names.

What crosses to a device stands in `edgekit.wire`; these records hold those.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from edgekit.wire import Closeness, Failure, OpCount, Profile, Samples, TensorSpec

# History of the schema:
# 1  2026-11  the first
SCHEMA_VERSION = 1


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


def canonical_json(record: Any) -> bytes:
    """`record` as JSON with sorted keys: the same bytes for the same content."""
    return msgspec.json.encode(record, order="sorted")


def digest(record: Any) -> str:
    """SHA-256, in hex, of the canonical JSON of `record`."""
    return hashlib.sha256(canonical_json(record)).hexdigest()


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How a photo becomes the model's input; the one object that every step uses.

    The steps, in order: decode to RGB; resize; crop; divide by 255; subtract `mean`, divide by
    `std`. Resizing is Pillow's, on 8-bit values, as in training.

    Attributes:
        size: Height and width of the result, in pixels.
        resize: Height and width to resize to, in pixels. With `mode="center"` and equal values,
            the shorter edge gets that length and the other keeps the aspect ratio.
        mode: `center` (resize the shorter edge, crop the centre), `squash` (resize both edges,
            change the aspect ratio) or `border` (fit the longer edge, pad the rest).
        interpolation: Pillow's filter: `nearest`, `bilinear`, `bicubic`, `lanczos`, ...
        mean: Subtracted per channel, in the order of the channels.
        std: Divisor per channel.
        channels: Order of the channels.
        library: What resizes.
    """

    size: tuple[int, int]
    resize: tuple[int, int]
    mode: str
    interpolation: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    channels: str = "RGB"
    library: str = "pillow"

    @property
    def sha256(self) -> str:
        """Digest of the whole contract: two steps with the same digest see the same tensors."""
        return digest(self)


@dataclass(frozen=True, slots=True)
class Weights:
    """Where a model's weights came from.

    Attributes:
        source: `package:NAME VERSION`, `hub:ID`, `cache:ID`, `file:NAME`, `random` or
            `built-in`.
        sha256: Digest of the weights' file; None where there is no file.
    """

    source: str
    sha256: str | None = None


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
    """

    name: str
    head: str = "classify"
    classes: int | None = None
    weights: str = "pretrained"
    input_size: int | None = None
    batch: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model as it was built.

    Attributes:
        name: The name that was asked for.
        family: Name of the family's adapter.
        backbone: The family's exact name.
        head: Name of the head.
        classes: Number of classes; 0 for a head without classes.
        inputs: Inputs of the torch model; the batch is free.
        outputs: Outputs of the torch model.
        weights: Where the weights came from.
        seed: Seed of random weights.
        parameters: Number of parameters after fusion.
        batch: Batch size of formats that fix it.
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


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a float file becomes an int8 or float16 one. JSON, readable, travels with the artifact.

    Attributes:
        scheme: `w8a8-static` (8-bit weights and activations, ranges from calibration) or
            `float16`.
        format: The format that it is for.
        target: Name of the target that it is for.
        activation_type: `uint8`, `int8` or `float16`.
        activation_symmetric: Whether the zero point of activations is fixed at the middle.
        weight_type: `int8` or `float16`.
        granularity: `per-channel` or `per-tensor` scales of weights.
        range_method: How activation ranges come from calibration: `minmax`.
        reduce_range: Whether weights give up one bit, so that kernels that add two products in
            int16 can't saturate.
        quantize_bias: Whether biases become int32.
        float_layers: Operators left in float.
        reasons: Why the choices are what they are, one sentence each.
    """

    scheme: str
    format: Format
    target: str
    activation_type: str
    activation_symmetric: bool
    weight_type: str
    granularity: str
    range_method: str
    reduce_range: bool
    quantize_bias: bool
    float_layers: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Calibration:
    """The images that ranges were taken from.

    Attributes:
        source: A folder's name, or the packages that the photos come with.
        files: Name and SHA-256 of each image, in the order of use.
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
            from), `build` (how), `golden` or `labels`.
        sha256: Digest of the content.
        size_bytes: Size of the content.
    """

    name: str
    role: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Parity:
    """Closeness of an artifact to the torch model, and whether it is close enough.

    Attributes:
        passed: Whether every check held.
        runtime: What ran the artifact; None where nothing here can run it.
        batches: Closeness by batch size.
        min_sqnr_db: The least SQNR that passes for this precision.
        reason: Which check failed, or why nothing was measured; empty if all is well.
    """

    passed: bool
    runtime: str | None
    batches: dict[str, Closeness]
    min_sqnr_db: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A network in one format and precision: files on disk with their digests and their history.

    Attributes:
        path: The folder. Not part of the stored record.
        format: File format.
        precision: What the heavy operators compute in.
        spec: The model.
        inputs: Inputs of this file, with its own names and layout.
        preprocess: How a photo becomes the input.
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
        parity: Closeness to the torch model.
    """

    path: Path
    format: Format
    precision: Precision
    spec: ModelSpec
    inputs: tuple[TensorSpec, ...]
    preprocess: Preprocess
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
class Device:
    """A machine that measures.

    Attributes:
        name: Name in the inventory; `local` is this machine.
        transport: Name of the transport that reaches it.
        address: What the transport needs to reach it.
    """

    name: str = "local"
    transport: str = "local"
    address: str = ""


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


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """One leg of a bench: one model file, one runtime, one device.

    Attributes:
        subject: What to measure.
        runtime: Name of the runtime.
        device: Where.
        threads: Threads that the runtime may use.
        batch: Samples in one inference.
        profile: How long to measure.
        shapes: Shapes given for inputs with free axes, by input name.
        seed: Seed of inputs that are made up.
        boundary: What is inside the timed span.
        mode: `latency`: one inference after another.
    """

    subject: Subject
    runtime: str
    device: Device
    threads: int
    batch: int
    profile: Profile
    shapes: dict[str, list[int]] = field(default_factory=dict)
    seed: int = 0
    boundary: str = "model"
    mode: str = "latency"


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
class BenchResult:
    """What came of one leg.

    Attributes:
        plan: What was asked for.
        samples: Raw measurements; None if the leg failed.
        metrics: Numbers made from them.
        valid: Whether the numbers may be used.
        reasons: Why not, or what to know.
        failure: Why the leg failed; None if it didn't.
        schema_version: Version of this record.
    """

    plan: BenchPlan
    samples: Samples | None
    metrics: tuple[Metric, ...]
    valid: bool
    reasons: tuple[str, ...]
    failure: Failure | None = None
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class EvalResult:
    """Accuracy of an artifact on labelled images, run by the runtime that would serve it.

    Attributes:
        artifact: Name of the artifact.
        sha256: Its digest.
        runtime: What ran it.
        images: Number of images.
        top1: Share of images whose best class is right; None without labels.
        top5: Share of images with a right class among the best five; None without labels.
        agreement: Share of images whose best class is the float model's; None if the float
            model isn't there.
        calibration_overlap: Images that the artifact was calibrated on.
        skipped: Files that could not be read as images.
    """

    artifact: str
    sha256: str
    runtime: str
    images: int
    top1: float | None
    top5: float | None
    agreement: float | None
    calibration_overlap: int = 0
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GraphOp:
    """One operator of a model file.

    Attributes:
        name: Name in the file, or its index.
        op: Kind, in the format's own words.
        precision: Element type that it computes in, read from the file.
        weight_bytes: Size of the constants that it reads.
    """

    name: str
    op: str
    precision: str
    weight_bytes: int


__all__ = [
    "SCHEMA_VERSION",
    "Artifact",
    "ArtifactFile",
    "BenchPlan",
    "BenchResult",
    "Calibration",
    "Device",
    "EvalResult",
    "Format",
    "GraphOp",
    "Metric",
    "ModelRequest",
    "ModelSpec",
    "OpCount",
    "Parity",
    "Precision",
    "Preprocess",
    "Recipe",
    "Subject",
    "Target",
    "Weights",
    "canonical_json",
    "digest",
]
