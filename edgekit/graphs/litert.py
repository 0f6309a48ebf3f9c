"""Operators of LiteRT (TensorFlow Lite) files, read from the flatbuffer without an interpreter.

A quantized file says so by its tensors' types: an operator with int8 activations is int8. With
8-bit weights and float activations (hybrid), or with float16 weights behind a DEQUANTIZE, kernels
compute in float32, and so they are listed, with the size of the weights as stored.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgekit.errors import DataError
from edgekit.records import GraphOp

_IDENTIFIER = b"TFL3"


def _enum(table: type) -> dict[int, str]:
    return {value: name for name, value in vars(table).items() if isinstance(value, int)}


_NAMES = _enum(schema.BuiltinOperator)
_TYPES = _enum(schema.TensorType)
_PRECISIONS = {
    "FLOAT32": "fp32",
    "FLOAT64": "fp64",
    "FLOAT16": "fp16",
    "BFLOAT16": "bf16",
    "INT8": "int8",
    "UINT8": "int8",
}
_HINT = (
    "the file may be cut short; export or copy it again: `edgekit export MODEL --format litert`"
)


class LitertGraph:
    """Reader of `.tflite` files."""

    def read(self, model: Path) -> tuple[GraphOp, ...]:
        """The operators of `model`, in the order of the file; each has its first output's name.

        Raises:
            DataError: The file is not LiteRT's, or is cut short.
        """
        try:
            content = model.read_bytes()
        except OSError as error:
            hint = "check the path"
            raise DataError(f"can't read {model}: {error.strerror}", hint=hint) from error
        if content[4:8] != _IDENTIFIER:
            raise DataError(f"{model} is not a LiteRT file", hint=_HINT)
        try:
            return _operators(content)
        # What reading a flatbuffer past its end ends in.
        except (struct.error, IndexError, ValueError, TypeError, AttributeError) as error:
            raise DataError(f"{model} is not a whole LiteRT file", hint=_HINT) from error


def _operators(content: bytes) -> tuple[GraphOp, ...]:
    model = schema.Model.GetRootAs(content)
    kinds = [_kind(model.OperatorCodes(i)) for i in range(model.OperatorCodesLength())]
    sizes = [_size_bytes(model.Buffers(i), content) for i in range(model.BuffersLength())]
    found: list[GraphOp] = []
    for i in range(model.SubgraphsLength()):
        found += _Subgraph(model.Subgraphs(i), kinds, sizes).operators()
    if not found:
        raise ValueError("no operators")
    return tuple(found)


def _kind(code: Any) -> str:
    # Files of before 2020 have the code in the field that was one byte wide.
    builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = _NAMES.get(builtin, f"BUILTIN_{builtin}")  # newer than the schema here
    return _text(code.CustomCode()) if name == "CUSTOM" else name


def _text(raw: Any) -> str:
    return bytes(raw or b"").decode(errors="replace")


def _size_bytes(buffer: Any, content: bytes) -> int:
    """Size of a buffer's content, which may lie behind the flatbuffer in files over 2 GB."""
    if buffer.Offset() > 1:
        if buffer.Offset() + buffer.Size() > len(content):
            raise ValueError("a buffer ends behind the file")
        return int(buffer.Size())
    data = buffer.DataAsNumpy()
    return 0 if isinstance(data, int) else int(data.nbytes)


class _Subgraph:
    """One graph of the file.

    Args:
        graph: The flatbuffer's table.
        kinds: Names of operators by their index in the file.
        sizes: Sizes of the buffers, in bytes, by their index in the file.
    """

    def __init__(self, graph: Any, kinds: list[str], sizes: list[int]) -> None:
        self._kinds = kinds
        self._tensors = [graph.Tensors(i) for i in range(graph.TensorsLength())]
        self._ops = [graph.Operators(i) for i in range(graph.OperatorsLength())]
        self._constants = {
            i: sizes[tensor.Buffer()]
            for i, tensor in enumerate(self._tensors)
            if sizes[tensor.Buffer()]
        }
        for op in self._ops:  # converted weights are weights still
            first = op.Inputs(0) if op.InputsLength() else -1
            if self._kind(op) == "DEQUANTIZE" and first in self._constants:
                self._constants[op.Outputs(0)] = self._constants[first]

    def operators(self) -> list[GraphOp]:
        """All operators, in the order of computation."""
        return [self._operator(op) for op in self._ops]

    def _operator(self, op: Any) -> GraphOp:
        # -1 stands for an optional input that isn't there.
        inputs = [i for i in (op.Inputs(n) for n in range(op.InputsLength())) if i >= 0]
        outputs = [op.Outputs(n) for n in range(op.OutputsLength())]
        kind = self._kind(op)
        folded = any(i in self._constants for i in outputs)
        read = () if folded else dict.fromkeys(inputs)
        return GraphOp(
            name=_text(self._tensors[outputs[0]].Name()) if outputs else kind,
            op=kind,
            precision=self._precision(kind, inputs, outputs),
            weight_bytes=sum(self._constants.get(i, 0) for i in read),
        )

    def _kind(self, op: Any) -> str:
        return self._kinds[int(op.OpcodeIndex())]

    def _precision(self, kind: str, inputs: list[int], outputs: list[int]) -> str:
        """By the type of the activations; a conversion by what it reads, as in `bench`."""
        activations = [i for i in inputs if i not in self._constants]
        converts = kind in {"QUANTIZE", "DEQUANTIZE"}
        ends = inputs if converts else [*outputs, *activations]
        types = [_TYPES.get(self._tensors[i].Type(), "unknown") for i in ends]
        name = types[0] if types else "none"
        return _PRECISIONS.get(name) or name.lower()


GRAPH = LitertGraph()
