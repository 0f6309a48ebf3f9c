"""ONNX int8 and float16: edgekit's scales and weights, ONNX Runtime's placement of Q/DQ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationMethod, QuantType, quantize_dynamic
from onnxruntime.quantization.calibrate import TensorData, TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from edgekit.quantization.ends import behind_layers
from edgekit.quantization.moments import Moments
from edgekit.quantization.ranges import EVERYTHING, Ranges
from edgekit.quantization.schemes import DYNAMIC, WEIGHT_ONLY
from edgekit.quantization.solve import Observed, Solved, solve
from edgekit.quantizers import Feeds, LayerCost
from edgekit.quantizers.onnx_float import shield
from edgekit.quantizers.onnx_half import float16
from edgekit.quantizers.onnx_layers import (
    OnnxLayer,
    activations,
    bounds,
    links,
    read_layers,
    store_in_8_bits,
    write_layer,
)
from edgekit.quantizers.onnx_rank import costs
from edgekit.quantizers.onnx_tables import store_tables
from edgekit.records import Artifact, Recipe

MODEL = "model.onnx"
_TYPES = {"uint8": QuantType.QUInt8, "int8": QuantType.QInt8}
# What carries the arithmetic, then what only passes 8-bit values through.
_HEAVY = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_KINDS = (
    *_HEAVY, "Add",
    "AveragePool", "Clip", "Concat", "Flatten", "GlobalAveragePool", "MaxPool", "Relu",
    "Reshape", "Resize", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze",
)  # fmt: skip


class _OnnxQuantizer:
    def observe(self, source: Artifact, feeds: Feeds) -> Observed:
        model = onnx.load(source.model)
        layers = [place.layer for place in read_layers(model)]
        ranges, moments = Ranges(len(feeds)), Moments(layers, len(feeds))
        for values in activations(model, feeds):
            for name, value in values.items():
                ranges.add(name, value)
            moments.add(values)
        return Observed(layers, ranges, moments.by_layer())

    def quantize(
        self, source: Artifact, recipe: Recipe, observed: Observed | None, workdir: Path
    ) -> dict[str, str]:
        destination = workdir / MODEL
        if recipe.scheme == "float16":
            onnx.save(float16(source.model, recipe), destination)
        elif recipe.scheme == DYNAMIC:
            _dynamic(source.model, recipe, destination)
        elif recipe.scheme == WEIGHT_ONLY:
            _weight_only(source.model, recipe, destination)
        elif observed is not None:
            _int8(source.model, recipe, observed, destination)
        if recipe.quantize_tables:
            # At the end: where a table is also a layer's matrix, that one is solved by itself.
            model = onnx.load(destination)
            store_tables(model)
            onnx.save(model, destination)
        return {MODEL: "model"}

    def ends(self, source: Artifact) -> tuple[str, ...]:
        return behind_layers(links(onnx.load(source.model), _HEAVY))

    def rank(
        self, source: Artifact, recipe: Recipe, observed: Observed, feeds: Feeds
    ) -> tuple[LayerCost, ...]:
        return costs(onnx.load(source.model), recipe, observed, feeds)


def _dynamic(source: Path, recipe: Recipe, destination: Path) -> None:
    # Convolutions have no kernel with dynamic ranges that is faster than float's.
    left = [layer.name for layer in recipe.float_layers]
    quantize_dynamic(
        source,
        destination,
        op_types_to_quantize=["MatMul", "Gemm"],
        per_channel=recipe.granularity == "per-channel",
        reduce_range=recipe.weight_scale == "pairs",
        weight_type=_TYPES[recipe.weight_type],
        nodes_to_exclude=left,
    )


def _weight_only(source: Path, recipe: Recipe, destination: Path) -> None:
    model = onnx.load(source)
    left = {layer.name for layer in recipe.float_layers}
    for place in read_layers(model):
        if place.layer.name not in left:
            store_in_8_bits(model, place, solve(place.layer, recipe, None))
    onnx.save(model, destination)


def _int8(source: Path, recipe: Recipe, observed: Observed, destination: Path) -> None:
    model = onnx.load(source)
    left = {layer.name for layer in recipe.float_layers}
    cut = bounds(model)
    overrides: dict[str, list[dict[str, Any]]] = {}
    places = read_layers(model)
    for place in places:
        if place.layer.name not in left:
            solved = observed.solved(place.layer, recipe)
            write_layer(model, place, solved.weight, solved.bias)
            overrides[place.weight_name] = _fixed(place, solved)
    ranges = observed.ranges
    tensors = {
        name: _tensor(ranges.of(name, recipe.range_method, cut.get(name, EVERYTHING)))
        for name in ranges.names()
    }
    quantized = _place(model, recipe, tensors, overrides)
    if recipe.quantize_outputs:
        shield(quantized, (place for place in places if place.layer.name in left))
    onnx.save(quantized, destination)


def _fixed(place: OnnxLayer, solved: Solved) -> list[dict[str, Any]]:
    """Scales in the words of ONNX Runtime: one entry a channel."""
    zero = np.array(0, np.int8)
    return [
        {
            "quant_type": QuantType.QInt8,
            "axis": place.axis,
            "scale": np.array(scale, np.float32),
            "zero_point": zero,
        }
        for scale in solved.scale
    ]


def _tensor(ends: tuple[float, float]) -> TensorData:
    low, high = np.float32(ends[0]), np.float32(ends[1])
    return TensorData(lowest=np.array(low), highest=np.array(high))


def _place(
    model: onnx.ModelProto,
    recipe: Recipe,
    tensors: Mapping[str, TensorData],
    overrides: Mapping[str, Any],
) -> onnx.ModelProto:
    kinds = {kind.name for kind in recipe.float_kinds}
    quantizer = QDQQuantizer(
        onnx.shape_inference.infer_shapes(model),
        per_channel=recipe.granularity == "per-channel",
        reduce_range=False,
        weight_qType=_TYPES[recipe.weight_type],
        activation_qType=_TYPES[recipe.activation_type],
        tensors_range=TensorsData(CalibrationMethod.MinMax, dict(tensors)),
        nodes_to_quantize=[],
        nodes_to_exclude=[layer.name for layer in recipe.float_layers],
        op_types_to_quantize=[op for op in _KINDS if op not in kinds],
        extra_options={
            "ActivationSymmetric": recipe.activation_symmetric,
            "WeightSymmetric": True,
            "QuantizeBias": recipe.quantize_bias,
            "TensorQuantOverrides": dict(overrides),
            "OpTypesToExcludeOutputQuantization": [] if recipe.quantize_outputs else [*_HEAVY],
        },
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    placed: onnx.ModelProto = quantizer.model.model
    return placed


QUANTIZER = _OnnxQuantizer()
