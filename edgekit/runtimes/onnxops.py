"""Operators of an optimized ONNX graph, each with the precision that it computes in."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Dict, List

from edgekit.registry import is_installed
from edgekit.runtimes.specs import count_ops, precision_name
from edgekit.wire import OpCount

INT8_PREFIXES = ("QLinear", "QGemm", "QAttention", "DynamicQuantize", "QMoE")
INT8_PARTS = ("Integer", "QuantizeLinear")


def ops_of(path: Path) -> List[OpCount]:
    """Count the operators of the file at `path`; empty where the package `onnx` isn't there."""
    if not is_installed("onnx"):
        return []
    onnx = importlib.import_module("onnx")
    graph = onnx.load(str(path), load_external_data=False).graph
    names = {number: name.lower() for name, number in onnx.TensorProto.DataType.items()}
    types = _declared(graph, names)
    pairs = []
    for node in graph.node:
        kind = _precision(node, types)
        pairs.append((node.op_type, kind))
        for output in node.output:
            types.setdefault(output, _result(node, types, names))
    return count_ops(pairs)


def _declared(graph: Any, names: Dict[int, str]) -> Dict[str, str]:
    types = {tensor.name: names[tensor.data_type] for tensor in graph.initializer}
    for value in [*graph.input, *graph.value_info]:
        types[value.name] = names[value.type.tensor_type.elem_type]
    return types


def _precision(node: Any, types: Dict[str, str]) -> str:
    name = node.op_type
    if name.startswith(INT8_PREFIXES) or any(part in name for part in INT8_PARTS):
        return "int8"
    known = [types[name] for name in node.input if name in types]
    return precision_name(_name(known[0])) if known else "fp32"


def _result(node: Any, types: Dict[str, str], names: Dict[int, str]) -> str:
    """The type of a node's output, where the file doesn't declare it."""
    inputs = [types.get(name, "") for name in node.input]
    if node.op_type == "Cast":
        return next(names[item.i] for item in node.attribute if item.name == "to")
    if node.op_type == "Shape":
        return "int64"
    if node.op_type == "DequantizeLinear":
        return inputs[1]
    if node.op_type == "QuantizeLinear":
        return inputs[2] if len(inputs) > 2 else "uint8"  # noqa: PLR2004 -- its zero point
    return inputs[0] if inputs and inputs[0] else "float"


def _name(element: str) -> str:
    return {"float": "float32", "double": "float64"}.get(element, element)
