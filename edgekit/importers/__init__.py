"""Importers: take a float file that edgekit did not make, and bring it into the shape we work on.

To add one: write a module here with an object that meets `Importer` and add its line, by the
format that it reads, to the table below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgekit.records import Preprocess
from edgekit.registry import Entry, Registry
from edgekit.wire import TensorSpec

_IMAGE_AXES, _COLOURS = 4, 3


@dataclass(frozen=True, slots=True)
class Facts:
    """What a model file says of itself.

    Attributes:
        inputs: What must be fed: no constants.
        outputs: What it gives.
        inner_types: Element types of everything between, constants too: `float32`, `int8`, ...
        parameters: Number of floating-point constants' elements.
        preprocess: JSON of the `Preprocess` that stands in the file; empty if none does.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    inner_types: frozenset[str]
    parameters: int
    preprocess: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an importer wrote.

    Attributes:
        files: Role (as in `ArtifactFile`) of each file, by name, the one that a runtime loads
            first.
        notes: What was changed, in a few words each.
    """

    files: dict[str, str]
    notes: tuple[str, ...] = ()


def tensor_spec(name: str, shape: Sequence[int | None], dtype: str) -> TensorSpec:
    """The spec of a tensor, with the layout of a colour image if its four axes are one's."""
    layout = ""
    if len(shape) == _IMAGE_AXES:
        layout = {shape[3]: "NHWC", shape[1]: "NCHW"}.get(_COLOURS, "")
    return TensorSpec(name, tuple(shape), dtype, layout)


class Importer(Protocol):
    """A reader of one format.

    Attributes:
        reference: The runtime that says what the file means, in float.
    """

    reference: str

    def facts(self, model: Path) -> Facts:
        """What `model`, which is whole, says of itself."""
        ...

    def bring(self, model: Path, preprocess: Preprocess, workdir: Path) -> Imported:
        """Write `model` into `workdir` so that a quantizer of its format can take it.

        It computes the same, and its inputs and outputs keep their names.

        Args:
            model: The file.
            preprocess: How a photo becomes its input; noted in the file where it can be.
            workdir: Where to write.

        Raises:
            DataError: A part of the model lies in another file that can't be read.
            UsageError: It can't be brought into a shape that the quantizer takes.
        """
        ...


IMPORTERS: Registry[Importer] = Registry(
    "importer",
    {
        "onnx": Entry("edgekit.importers.onnx:IMPORTER", "onnx", ("onnx", "onnxruntime")),
        "litert": Entry("edgekit.importers.litert:IMPORTER", "litert", ("ai_edge_litert",)),
    },
)
