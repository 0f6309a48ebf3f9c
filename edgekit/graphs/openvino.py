"""Operators of OpenVINO IR files (`.xml` with `.bin`).

In IR, an operator computes in the type that its outputs have. Weights that are stored as float16
or in 8 bits are converted to float32 by operators that the plug-ins fold away; they are no
operators here, and sizes are those stored. So a file with float16 weights is one of fp32
operators: what it computes in is the runtime's choice. Operators between FakeQuantize are int8.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openvino

from edgekit.errors import DataError
from edgekit.graphs.dataflow import INT8, Node, operators
from edgekit.records import GraphOp

_NO_OPERATORS = {"Parameter", "Result", "Constant"}

# With a constant as their other operand, these scale, shift or bound what they read.
_ELEMENTWISE = {"Add", "Subtract", "Multiply", "Divide", "Maximum", "Minimum"}

_CARRIERS = _ELEMENTWISE | {
    "Clamp", "Relu", "MaxPool", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Concat", "Split",
    "VariadicSplit", "StridedSlice", "Slice", "Pad", "Gather", "DepthToSpace", "SpaceToDepth",
    "ShuffleChannels", "Broadcast", "Tile",
}  # fmt: skip

# The operators that multiply by weights; a constant that is added to them is their bias.
_HEAVY = {
    "Convolution", "GroupConvolution", "ConvolutionBackpropData",
    "GroupConvolutionBackpropData", "MatMul",
}  # fmt: skip

_PRECISIONS = {
    "f32": "fp32",
    "f64": "fp64",
    "f16": "fp16",
    "i8": INT8,
    "u8": INT8,
    "i32": "int32",
    "i64": "int64",
    "boolean": "bool",
}
_EIGHT_BIT_LEVELS = {255, 256}
_HINT = (
    "keep the .bin beside its .xml, both whole; or export it again: "
    "`edgekit export MODEL --format openvino`"
)


class OpenvinoGraph:
    """Reader of `.xml` files."""

    def read(self, model: Path) -> tuple[GraphOp, ...]:
        """The operators of `model`, in the order of computation.

        Raises:
            DataError: The file is not IR, or it or its `.bin` is cut short.
        """
        try:
            with model.open("rb") as file:
                start = file.read(64)
        except OSError as error:
            hint = "check the path"
            raise DataError(f"can't read {model}: {error.strerror}", hint=hint) from error
        # OpenVINO goes by the content, and would read an ONNX file under this name.
        if not start.lstrip().startswith(b"<"):
            raise DataError(f"{model} is not an OpenVINO model", hint=_HINT)
        try:
            ordered = openvino.Core().read_model(model).get_ordered_ops()
        except RuntimeError as error:
            raise DataError(f"{model} is not a whole OpenVINO model", hint=_HINT) from error
        return _operators(ordered)


def _operators(ordered: list[Any]) -> tuple[GraphOp, ...]:
    constants = _Constants()
    nodes = [
        _node(op, constants)
        for op in ordered
        if not constants.take(op) and op.get_type_name() not in _NO_OPERATORS
    ]
    return operators(nodes, constants.eight_bit)


class _Constants:
    """What is known before anything runs: constants, and what is made of them alone.

    Attributes:
        size_bytes: Size as stored, by the name of the tensor.
        eight_bit: Names of those that are stored in 8 bits, or rounded to 8 bits.
    """

    def __init__(self) -> None:
        self.size_bytes: dict[str, int] = {}
        self.eight_bit: set[str] = set()

    def take(self, op: Any) -> bool:
        """Note `op` if it is a constant or made of constants alone; say whether it is."""
        sources = _sources(op)
        name = _tensor(op.output(0)) if op.get_output_size() else ""
        if op.get_type_name() == "Constant":
            self.size_bytes[name] = op.get_byte_size()
            eight_bit = _element(op.output(0)) == INT8
        elif sources and all(source in self.size_bytes for source in sources):
            stored = sum(self.size_bytes[source] for source in sources)
            # The shape of a constant is made of the file's structure, not of its weights.
            self.size_bytes[name] = 0 if op.get_type_name() == "ShapeOf" else stored
            # The first input is the data, the others are scale, zero point, shape.
            eight_bit = sources[0] in self.eight_bit or _is_quantizer(op)
        else:
            return False
        if eight_bit:
            self.eight_bit.add(name)
        return True


def _node(op: Any, constants: _Constants) -> Node:
    kind = op.get_type_name()
    sources = _sources(op)
    data = tuple(name for name in sources if name not in constants.size_bytes)
    weighted = kind in _HEAVY
    quantizes = _is_quantizer(op)
    # A constant joins the data of a heavy operator: weights. Elsewhere it is a bias or a bound,
    # which kernels apply before they round.
    reads = sources[:2] if weighted else data
    elementwise = kind in _ELEMENTWISE
    one_operand = len(data) == 1
    return Node(
        name=op.get_friendly_name(),
        op=kind,
        reads=sources[:1] if quantizes else reads,
        writes=tuple(_tensor(output) for output in op.outputs()),
        precision=INT8 if quantizes else _element(op.output(0)),
        weight_bytes=sum(constants.size_bytes.get(name, 0) for name in dict.fromkeys(sources)),
        quantizes=quantizes,
        dequantizes=quantizes,
        carries=kind in _CARRIERS and (one_operand or not elementwise),
        fused=kind == "Add" and one_operand and _follows_heavy(op),
    )


def _follows_heavy(op: Any) -> bool:
    return any(value.get_node().get_type_name() in _HEAVY for value in op.input_values())


def _is_quantizer(op: Any) -> bool:
    return (
        op.get_type_name() == "FakeQuantize" and op.get_attributes()["levels"] in _EIGHT_BIT_LEVELS
    )


def _sources(op: Any) -> tuple[str, ...]:
    return tuple(_tensor(value) for value in op.input_values())


def _tensor(output: Any) -> str:
    return f"{output.get_node().get_name()}:{output.get_index()}"


def _element(output: Any) -> str:
    name = output.get_element_type().to_string()
    return _PRECISIONS.get(name) or str(name)


GRAPH = OpenvinoGraph()
