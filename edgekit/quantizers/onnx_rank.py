"""What each layer of an ONNX graph costs in 8 bits, measured one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from edgekit.quantization.ranges import Range
from edgekit.quantization.solve import Observed
from edgekit.quantizers import Feeds, LayerCost
from edgekit.quantizers.onnx_layers import (
    SEVERITY_ERROR,
    OnnxLayer,
    read_layers,
    write_layer,
)
from edgekit.records import Recipe

_STEPS = 255
_EQUAL_DB = 200.0


def costs(
    model: onnx.ModelProto, recipe: Recipe, observed: Observed, feeds: Feeds
) -> tuple[LayerCost, ...]:
    """The layers of `model` that `recipe` quantizes, the dearest first.

    Each is tried with its input and its weights rounded, and all else in float: exact arithmetic,
    free of any kernel's saturation.
    """
    inputs = [dict(feed) for feed in feeds]
    reference = _outputs(model, inputs)
    left = {layer.name for layer in recipe.float_layers}
    found = []
    for place in read_layers(model):
        if place.layer.name not in left:
            ends = observed.ranges.of(place.layer.input, recipe.range_method)
            one = _with_one(model, place, recipe, observed, ends)
            noise = _outputs(one, inputs) - reference
            found.append(LayerCost(place.layer.name, _decibel(reference, noise)))
    return tuple(sorted(found, key=lambda cost: cost.sqnr_db))


def _with_one(
    model: onnx.ModelProto, place: OnnxLayer, recipe: Recipe, observed: Observed, ends: Range
) -> onnx.ModelProto:
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    solved = observed.solved(place.layer, recipe)
    write_layer(changed, place, solved.weight, solved.bias)
    low, high = min(ends[0], 0.0), max(ends[1], 0.0)
    scale = max((high - low) / _STEPS, float(np.finfo(np.float32).tiny))
    constants = {
        "rank_scale": np.array(scale, np.float32),
        "rank_zero": np.array(np.clip(np.rint(-low / scale), 0, _STEPS), np.uint8),
    }
    changed.graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in constants.items()
    )
    index, node = next(
        (i, node) for i, node in enumerate(changed.graph.node) if node.name == place.layer.name
    )
    source = node.input[0]
    node.input[0] = "rank_rounded"
    names = list(constants)
    brought = helper.make_node("QuantizeLinear", [source, *names], ["rank_steps"])
    back = helper.make_node("DequantizeLinear", ["rank_steps", *names], ["rank_rounded"])
    changed.graph.node.insert(index, back)
    changed.graph.node.insert(index, brought)
    return changed


def _outputs(
    model: onnx.ModelProto, inputs: Sequence[Mapping[str, Any]]
) -> npt.NDArray[np.float64]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = SEVERITY_ERROR
    # Q and DQ are computed as they stand.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found = [np.ravel(output) for feed in inputs for output in session.run(None, feed)]
    return np.concatenate(found).astype(np.float64)


def _decibel(signal: npt.NDArray[np.float64], noise: npt.NDArray[np.float64]) -> float:
    power = float(np.square(noise).sum())
    if power == 0.0:
        return _EQUAL_DB
    return min(_EQUAL_DB, 10.0 * float(np.log10(np.square(signal).sum() / power)))
