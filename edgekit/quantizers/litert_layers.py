"""What a LiteRT graph has to say to the quantizer: its layers and its activations."""

from __future__ import annotations

import copy
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils

from edgekit.errors import UsageError
from edgekit.quantization.layers import Array, Layer, Window

_CONV, _DEPTHWISE, _PRODUCT = "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"
_KINDS = {getattr(schema.BuiltinOperator, kind): kind for kind in (_CONV, _DEPTHWISE, _PRODUCT)}
# Axes of stored weights in a layer's order: LiteRT keeps (outputs, height, width, inputs), for
# depthwise (1, height, width, outputs).
_TURNED = {_CONV: (0, 3, 1, 2), _DEPTHWISE: (3, 0, 1, 2), _PRODUCT: (0, 1)}
_FLOAT32 = schema.TensorType.FLOAT32


@dataclass(frozen=True, slots=True)
class LitertLayer:
    """A layer and where its numbers stand in the graph.

    Attributes:
        layer: The layer. Its `input` is a key of `as_read`: operators may read one tensor as maps
            and as rows.
        kind: Its operator.
        input: Name of the tensor that it reads.
        weight_index: Tensor of the weights, which no other operator reads.
        bias_index: Tensor of the bias; -1 if there is none.
    """

    layer: Layer
    kind: str
    input: str
    weight_index: int
    bias_index: int


def read_model(path: Path) -> Any:
    """The graph of a float32 file; its tensors' names and its layers' constants are made unique.

    Raises:
        UsageError: It holds numbers in 8 or 16 bits already.
    """
    model = flatbuffer_utils.read_model_from_bytearray(path.read_bytes())
    if any(_is_reduced(tensor) for graph in model.subgraphs for tensor in graph.tensors):
        raise UsageError(
            f"{path.name} is quantized already, or holds float16 weights",
            hint="give the float32 file that it was made from",
        )
    model.signatureDefs = (
        model.signatureDefs or []
    )  # the library takes for granted that it is there
    _name(model)
    _separate(model)
    return model


def _is_reduced(tensor: Any) -> bool:
    scaled = tensor.quantization is not None and tensor.quantization.scale is not None
    return scaled or tensor.type == schema.TensorType.FLOAT16


def _name(model: Any) -> None:
    """Rules and ranges go by tensors' names, which nothing makes unique."""
    taken: set[bytes] = set()
    for graph in model.subgraphs:
        for index, tensor in enumerate(graph.tensors):
            name = tensor.name or b"tensor"
            while name in taken:
                name += b":%d" % index
            tensor.name = name
            taken.add(name)


def _separate(model: Any) -> None:
    """Give each layer whose weights or bias others read as well a copy of its own."""
    graph = model.subgraphs[0]
    readers = Counter(
        other.tensors[index].buffer
        for other in model.subgraphs
        for op in other.operators
        for index in op.inputs
        if index >= 0
    )
    for op in graph.operators:
        if not _kind(model, op):
            continue
        for position, index in list(enumerate(op.inputs))[1:]:
            if index < 0 or readers[graph.tensors[index].buffer] == 1:
                continue
            tensor = copy.copy(graph.tensors[index])
            if model.buffers[tensor.buffer].data is None:
                continue
            readers[tensor.buffer] -= 1
            model.buffers.append(copy.copy(model.buffers[tensor.buffer]))
            tensor.name += b":%d" % len(graph.tensors)
            tensor.buffer = len(model.buffers) - 1
            graph.tensors.append(tensor)
            op.inputs[position] = len(graph.tensors) - 1


def _kind(model: Any, op: Any) -> str:
    """Which of the kinds of layers `op` is; empty for all others."""
    code = model.operatorCodes[op.opcodeIndex]
    return _KINDS.get(flatbuffer_utils.get_builtin_code_from_operator_code(code), "")


def read_layers(model: Any) -> tuple[LitertLayer, ...]:
    """The layers of `model`, in the order of computation."""
    found = (_layer(model, op) for op in model.subgraphs[0].operators)
    return tuple(place for place in found if place)


def _layer(model: Any, op: Any) -> LitertLayer | None:
    kind = _kind(model, op)
    if not kind:
        return None
    tensors = model.subgraphs[0].tensors
    read, weight_index, bias_index = (*op.inputs, -1)[:3]
    stored = _constant(model, weight_index)
    if stored is None or (kind == _PRODUCT and op.builtinOptions.weightsFormat):
        return None
    weight = _outputs_first(stored, kind)
    bias = _constant(model, bias_index)
    name = _text(tensors[read].name)
    is_conv = kind != _PRODUCT
    layer = Layer(
        name=_text(tensors[op.outputs[0]].name),
        input=name if is_conv else f"{name}:rows",
        weight=weight,
        bias=bias if bias is not None and bias.shape == weight.shape[:1] else None,
        groups=tensors[read].shape[-1] // weight.shape[1] if is_conv else 1,
        window=_window(op.builtinOptions, tensors[read].shape, stored.shape) if is_conv else None,
    )
    return LitertLayer(layer, kind, name, weight_index, bias_index)


def _constant(model: Any, index: int) -> Array | None:
    """The numbers of a constant float32 tensor; None for any other."""
    tensor = model.subgraphs[0].tensors[index] if index >= 0 else None
    data = model.buffers[tensor.buffer].data if tensor else None
    if tensor is None or data is None or tensor.type != _FLOAT32:
        return None
    return np.frombuffer(bytes(data), np.float32).reshape(tensor.shape)


def _text(name: bytes) -> str:
    return name.decode(errors="replace")


def _outputs_first(stored: Array, kind: str) -> Array:
    return np.ascontiguousarray(stored.transpose(_TURNED[kind]))


def _as_stored(weight: Array, kind: str) -> Array:
    return weight.transpose(np.argsort(_TURNED[kind]))


def _window(options: Any, read: Sequence[int], stored: Sequence[int]) -> Window:
    strides = (options.strideH, options.strideW)
    dilations = (options.dilationHFactor, options.dilationWFactor)
    axes = zip(read[1:3], stored[1:3], strides, dilations, strict=True)
    same = options.padding == schema.Padding.SAME
    return Window(strides, dilations, tuple(_pads(*axis) if same else (0, 0) for axis in axes))


def _pads(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Zeros before and after that LiteRT's `SAME` means: one more after where they are odd."""
    span = (kernel - 1) * dilation + 1
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + span - size, 0)
    return total // 2, total - total // 2


def scopes(model: Any) -> dict[str, str]:
    """How ai-edge-quantizer calls each operator when it looks for rules: its outputs' names.

    By the name of the operator, which is that of its first output.
    """
    found: dict[str, str] = {}
    for graph in model.subgraphs:
        for op in graph.operators:
            names = [_text(graph.tensors[index].name) for index in op.outputs if index >= 0]
            if names:
                found[names[0]] = "".join(f"{name};" for name in names)
    return found


def axes(model: Any) -> dict[str, int]:
    """How many axes each tensor has, by its name."""
    tensors = (tensor for graph in model.subgraphs for tensor in graph.tensors)
    return {_text(tensor.name): len(tensor.shape) for tensor in tensors}


def write_layer(model: Any, place: LitertLayer, weight: Array, bias: Array | None) -> None:
    """Put other weights, and another bias where there is one, in the place of a layer's."""
    _write(model, place.weight_index, _as_stored(weight, place.kind))
    if bias is not None and place.layer.bias is not None:
        _write(model, place.bias_index, bias)


def _write(model: Any, index: int, values: Array) -> None:
    raw = np.frombuffer(np.ascontiguousarray(values, np.float32).tobytes(), np.uint8)
    model.buffers[model.subgraphs[0].tensors[index].buffer].data = raw


def as_read(places: Sequence[LitertLayer], values: Mapping[str, Array]) -> dict[str, Array]:
    """What each layer reads, by the key that its `input` is: channels second, or last in rows."""
    found: dict[str, Array] = {}
    for place in places:
        value = values[place.input]
        if place.layer.window is None:
            found[place.layer.input] = value.reshape(-1, place.layer.weight.shape[1])
        else:
            found[place.layer.input] = np.moveaxis(value, -1, 1)
    return found


def serialized(model: Any) -> bytes:
    """The file that `model` stands for."""
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def activations(model: Any, feeds: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Array]]:
    """Every float tensor of `model` that is computed or fed, by name, for each of `feeds`.

    All are made outputs of the graph: XNNPACK then keeps them, and runs as fast as ever.
    """
    graph = copy.copy(model.subgraphs[0])
    made = [index for op in graph.operators for index in op.outputs]
    kept = [i for i in dict.fromkeys([*graph.inputs, *made]) if _is_float(graph, i)]
    graph.outputs = [index for index in kept if index not in graph.inputs]
    watched = copy.copy(model)
    watched.subgraphs = [graph, *model.subgraphs[1:]]
    names = [_text(graph.tensors[index].name) for index in kept]
    runner = Runner(serialized(watched))
    for feed in feeds:
        runner.run(feed)
        values = (runner.value(index) for index in kept)
        yield {name: value for name, value in zip(names, values, strict=True) if value.size}


def _is_float(graph: Any, index: int) -> bool:
    return index >= 0 and graph.tensors[index].type == _FLOAT32


class Runner:
    """A file in an interpreter, fed by the names of an artifact's inputs.

    Args:
        content: The file.
    """

    def __init__(self, content: bytes) -> None:
        self._interpreter = Interpreter(model_content=content, num_threads=os.cpu_count() or 1)
        self._interpreter.allocate_tensors()
        self._slots = _slots(self._interpreter)
        self._results = [one["index"] for one in self._interpreter.get_output_details()]

    def run(self, feed: Mapping[str, Any]) -> list[Array]:
        """The outputs for one input."""
        for name, value in feed.items():
            slot = self._slots[name]
            if tuple(slot["shape"]) != value.shape:
                self._interpreter.resize_tensor_input(slot["index"], value.shape)
                self._interpreter.allocate_tensors()
                slot["shape"] = value.shape
            self._interpreter.set_tensor(slot["index"], value)
        self._interpreter.invoke()
        return [self.value(index) for index in self._results]

    def value(self, index: int) -> Array:
        """The numbers of the tensor at `index` after a run."""
        value: Array = self._interpreter.get_tensor(index)
        return value


def _slots(interpreter: Any) -> dict[str, Any]:
    """Inputs by the names of their tensors and by those of the file's signature, if it has one."""
    slots = {one["name"]: one for one in interpreter.get_input_details()}
    for key in interpreter.get_signature_list():
        for name, one in interpreter.get_signature_runner(key).get_input_details().items():
            if one["name"] in slots:
                slots.setdefault(name, slots[one["name"]])
    return slots
