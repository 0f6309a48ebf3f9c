"""What an ONNX graph has to say to the quantizer: its layers, its bounds, its activations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from edgekit.quantization.ends import Link
from edgekit.quantization.layers import Array, Layer, Window
from edgekit.quantization.ranges import Range
from edgekit.quantization.solve import Solved

SEVERITY_ERROR = 3
_FLOAT = onnx.TensorProto.FLOAT
# HardSwish is zero below -3 (ONNX operator set 14).
_HARD_SWISH: Range = (-3.0, np.inf)


@dataclass(frozen=True, slots=True)
class OnnxLayer:
    """A layer and where its numbers stand in the graph.

    Attributes:
        layer: The layer.
        weight_name: Initializer of the weights, which no other operator reads.
        bias_name: Initializer of the bias; empty if there is none.
        transposed: Whether the weights are stored as (inputs, outputs).
    """

    layer: Layer
    weight_name: str
    bias_name: str
    transposed: bool

    @property
    def axis(self) -> int:
        """Axis of the outputs in the stored weights."""
        return int(self.transposed)


def read_layers(model: onnx.ModelProto) -> tuple[OnnxLayer, ...]:
    """The layers of `model`, whose names and constants are made one layer's own in place."""
    _separate(model)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    found = (_layer(node, constants) for node in model.graph.node)
    return tuple(layer for layer in found if layer)


def _separate(model: onnx.ModelProto) -> None:
    """Name every operator, and give those that share weights or a bias a copy each."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    taken: set[str] = set()
    for index, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}:{index}"
        if node.op_type not in {"Conv", "Gemm", "MatMul"}:
            continue
        for position, name in enumerate(node.input[1:3], start=1):
            if name in taken and name in constants:
                copy = model.graph.initializer.add()
                copy.CopyFrom(constants[name])
                copy.name = f"{name}:{index}"
                node.input[position] = copy.name
            taken.add(name)


def _layer(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> OnnxLayer | None:
    if node.op_type not in {"Conv", "Gemm", "MatMul"} or node.input[1] not in constants:
        return None
    stored = numpy_helper.to_array(constants[node.input[1]])
    settings = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    is_conv = node.op_type == "Conv"
    if stored.dtype != np.float32 or not (is_conv or _is_plain(stored, settings)):
        return None
    transposed = not is_conv and not settings.get("transB", 0)
    bias_name = node.input[2] if len(node.input) > 2 else ""  # noqa: PLR2004 -- the third input
    bias = numpy_helper.to_array(constants[bias_name]) if bias_name in constants else None
    weight = stored.T if transposed else stored
    layer = Layer(
        name=node.name,
        input=node.input[0],
        weight=np.ascontiguousarray(weight),
        bias=bias if bias is not None and bias.shape == weight.shape[:1] else None,
        groups=int(settings.get("group", 1)),
        window=_window(settings, weight.ndim - 2) if is_conv else None,
    )
    if is_conv and layer.window is None:
        return None
    return OnnxLayer(layer, node.input[1], bias_name, transposed)


def _is_plain(stored: Array, settings: Mapping[str, Any]) -> bool:
    factors = (settings.get("alpha", 1.0), settings.get("beta", 1.0), settings.get("transA", 0))
    return stored.ndim == 2 and factors == (1.0, 1.0, 0)  # noqa: PLR2004 -- a matrix


def _window(settings: Mapping[str, Any], axes: int) -> Window | None:
    if settings.get("auto_pad", b"NOTSET") != b"NOTSET":
        return None
    pads = settings.get("pads", [0] * 2 * axes)
    return Window(
        strides=tuple(settings.get("strides", [1] * axes)),
        dilations=tuple(settings.get("dilations", [1] * axes)),
        pads=tuple(zip(pads[:axes], pads[axes:], strict=True)),
    )


def write_layer(model: onnx.ModelProto, place: OnnxLayer, weight: Array, bias: Any) -> None:
    """Put other weights, and another bias where there is one, in the place of a layer's."""
    values = {place.weight_name: weight.T if place.transposed else weight}
    if bias is not None and place.bias_name:
        values[place.bias_name] = bias
    for tensor in model.graph.initializer:
        if tensor.name in values:
            array = np.ascontiguousarray(values[tensor.name], np.float32)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def store_in_8_bits(model: onnx.ModelProto, place: OnnxLayer, solved: Solved) -> None:
    """Store a layer's weights as steps, behind an operator that brings them back to float."""
    steps = solved.steps.T if place.transposed else solved.steps
    name = place.weight_name
    parts = {
        f"{name}_steps": np.ascontiguousarray(steps),
        f"{name}_scale": solved.scale.astype(np.float32),
        f"{name}_zero": np.zeros(solved.scale.shape, np.int8),
    }
    kept = [tensor for tensor in model.graph.initializer if tensor.name != name]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    model.graph.initializer.extend(numpy_helper.from_array(v, key) for key, v in parts.items())
    operator = helper.make_node(
        "DequantizeLinear", list(parts), [name], name=f"{name}_float", axis=place.axis
    )
    model.graph.node.insert(0, operator)


def bounds(model: onnx.ModelProto) -> dict[str, Range]:
    """What those that read a tensor let through, where all of them cut it off.

    Steps spent on values that a ReLU6 or a HardSwish makes equal anyway are steps lost.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    readers: dict[str, list[Range]] = {output.name: [] for output in model.graph.output}
    kept = set(readers)
    for node in model.graph.node:
        for position, name in enumerate(node.input):
            through = _lets_through(node, constants) if position == 0 else None
            if through is None:
                kept.add(name)
            else:
                readers.setdefault(name, []).append(through)
    return {
        name: (min(low for low, _ in ends), max(high for _, high in ends))
        for name, ends in readers.items()
        if ends and name not in kept
    }


def _lets_through(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> Range | None:
    settings = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    match node.op_type:
        case "Relu":
            return 0.0, np.inf
        case "HardSwish":
            return _HARD_SWISH
        case "HardSigmoid":
            alpha, beta = settings.get("alpha", 0.2), settings.get("beta", 0.5)
            return -beta / alpha, (1.0 - beta) / alpha
        case "Clip" if all(name in constants for name in node.input[1:] if name):
            ends = [numpy_helper.to_array(constants[n]) if n else None for n in node.input[1:]]
            low, high = (*ends, None, None)[:2]
            return (-np.inf if low is None else float(low)), (
                np.inf if high is None else float(high)
            )
        case _:
            return None


def links(model: onnx.ModelProto, heavy: Sequence[str]) -> list[Link]:
    """Who reads whose numbers in `model`, whose operators are named in place.

    Args:
        model: The graph.
        heavy: Kinds of operators that are layers.
    """
    _separate(model)
    inferred = onnx.shape_inference.infer_shapes(model).graph
    values = (*inferred.input, *inferred.value_info, *inferred.output)
    types = {value.name: value.type.tensor_type.elem_type for value in values}
    constants = {tensor.name for tensor in model.graph.initializer}
    return [
        Link(
            node.name,
            tuple(
                name
                for name in (node.input[:1] if node.op_type == "RoiAlign" else node.input)
                # Indices, masks and shapes choose numbers: they aren't any themselves.
                if name not in constants and types.get(name, _FLOAT) == _FLOAT
            ),
            tuple(node.output),
            is_layer=node.op_type in heavy,
        )
        for node in model.graph.node
    ]


def activations(
    model: onnx.ModelProto, feeds: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Array]]:
    """Every float tensor of `model` by name, for each of `feeds`."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    there = {output.name for output in model.graph.output}
    for node in model.graph.node:
        for name in node.output:
            if name and name not in there:
                watched.graph.output.append(helper.make_empty_tensor_value_info(name))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = SEVERITY_ERROR
    session = onnxruntime.InferenceSession(
        watched.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    listed = [output.name for output in session.get_outputs()]
    # In the order of computation: the first tensor that isn't finite is then where it began.
    names = [*listed[len(there) :], *listed[: len(there)]]
    for feed in feeds:
        values = {**feed, **dict(zip(names, session.run(names, dict(feed)), strict=True))}
        yield {
            name: value
            for name, value in values.items()
            if value.dtype == np.float32 and value.size
        }
