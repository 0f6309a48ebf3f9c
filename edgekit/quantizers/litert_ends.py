"""Who reads whose numbers in a LiteRT graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from edgekit.quantization.ends import Link

_KINDS = schema.BuiltinOperator
_LAYERS = {
    _KINDS.CONV_2D,
    _KINDS.DEPTHWISE_CONV_2D,
    _KINDS.FULLY_CONNECTED,
    _KINDS.TRANSPOSE_CONV,
    _KINDS.BATCH_MATMUL,
}


def links(model: Any) -> list[Link]:
    """The operators of `model`, whose tensors' names are unique, in the order of computation."""
    graph = model.subgraphs[0]
    return [
        Link(
            _names(graph, op.outputs)[0],
            _names(graph, (index for index in op.inputs if _is_float(graph, index))),
            _names(graph, op.outputs),
            is_layer=_kind(model, op) in _LAYERS,
        )
        for op in graph.operators
    ]


def padded(model: Any) -> set[str]:
    """Tensors that were given edges of some value, by name.

    torch pads with minus infinity before it looks for maxima. That is no value of the tensor: in
    8 bits it becomes the lowest step, which no maximum prefers to a value.
    """
    graph = model.subgraphs[0]
    made = (op.outputs for op in graph.operators if _kind(model, op) == _KINDS.PADV2)
    return {name for outputs in made for name in _names(graph, outputs)}


def _names(graph: Any, indices: Iterable[int]) -> tuple[str, ...]:
    return tuple(graph.tensors[index].name.decode(errors="replace") for index in indices)


def _is_float(graph: Any, index: int) -> bool:
    return index >= 0 and graph.tensors[index].type == schema.TensorType.FLOAT32


def _kind(model: Any, op: Any) -> int:
    code = model.operatorCodes[op.opcodeIndex]
    kind: int = flatbuffer_utils.get_builtin_code_from_operator_code(code)
    return kind
