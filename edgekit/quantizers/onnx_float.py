"""Keeping layers in float in a quantized ONNX file, also where ONNX Runtime knows better."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgekit.quantizers.onnx_layers import OnnxLayer

# Of images and of matrices alike.
_CHANNELS = 1


def shield(model: onnx.ModelProto, places: Iterable[OnnxLayer]) -> None:
    """Feed each of `places`, which stay in float, from a DequantizeLinear of its own.

    ONNX Runtime (its optimizer WeightBiasQuantization, from 1.22 on) rounds the float weights of a
    convolution or Gemm that stands between Q and DQ by itself, with one scale for all channels:
    a layer left in float for its accuracy is ruined by it. It lets be what is dequantized with a
    scale for each channel; so that is given, with the same value for each.
    """
    makers = {name: node for node in model.graph.node for name in node.output}
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = {node.name: node for node in model.graph.node}
    for place in places:
        node = nodes[place.layer.name]
        source = makers.get(node.input[0])
        if source is None or source.op_type != "DequantizeLinear":
            continue
        channels = place.layer.weight.shape[1] * place.layer.groups
        names = []
        for name in source.input[1:]:
            value = numpy_helper.to_array(constants[name])
            spread = np.broadcast_to(value, (channels,))
            names.append(f"{place.layer.name}_{name}")
            tensor = numpy_helper.from_array(np.ascontiguousarray(spread), names[-1])
            model.graph.initializer.append(tensor)
        own = helper.make_node(
            "DequantizeLinear",
            [source.input[0], *names],
            [f"{place.layer.name}_input"],
            name=f"{place.layer.name}_input",
            axis=_CHANNELS,
        )
        model.graph.node.insert(_position(model, node), own)
        node.input[0] = own.output[0]


def _position(model: onnx.ModelProto, node: onnx.NodeProto) -> int:
    return next(i for i, other in enumerate(model.graph.node) if other.name == node.name)
