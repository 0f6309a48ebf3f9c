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
            is_layer=_is_layer(model, op),
        )
        for op in graph.operators
    ]


def _names(graph: Any, indices: Iterable[int]) -> tuple[str, ...]:
    return tuple(graph.tensors[index].name.decode(errors="replace") for index in indices)


def _is_float(graph: Any, index: int) -> bool:
    return index >= 0 and graph.tensors[index].type == schema.TensorType.FLOAT32


def _is_layer(model: Any, op: Any) -> bool:
    code = model.operatorCodes[op.opcodeIndex]
    return flatbuffer_utils.get_builtin_code_from_operator_code(code) in _LAYERS
