"""LiteRT int8 and float16: edgekit's ranges and weights, written by ai-edge-quantizer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_quantizer import qtyping, quantizer
from ai_edge_quantizer.recipe_manager import RecipeManager

from edgekit.quantization import schemes
from edgekit.quantization.ends import behind_layers
from edgekit.quantization.layers import Array
from edgekit.quantization.moments import Moments
from edgekit.quantization.ranges import Ranges
from edgekit.quantization.scales import LARGEST
from edgekit.quantization.solve import Observed, Solved
from edgekit.quantizers import Feeds, LayerCost
from edgekit.quantizers.litert_ends import links, padded
from edgekit.quantizers.litert_layers import (
    LitertLayer,
    Runner,
    activations,
    as_read,
    axes,
    read_layers,
    read_model,
    scopes,
    serialized,
    write_layer,
)
from edgekit.records import Artifact, Recipe

MODEL = "model.tflite"
_EVERYTHING = ".*"
_ALL = qtyping.TFLOperationName.ALL_SUPPORTED
_KNOWN = {kind.value for kind in qtyping.TFLOperationName}
# Half of what an int32 holds: no bias, rounded by whatever arithmetic, passes the whole.
_LARGEST_BIAS = 2.0**30
_STEPS = 255

Qsvs = dict[str, dict[str, Any]]


class _LitertQuantizer:
    def observe(self, source: Artifact, feeds: Feeds) -> Observed:
        model = read_model(source.model)
        places = read_layers(model)
        layers = [place.layer for place in places]
        ranges, moments = Ranges(len(feeds)), Moments(layers, len(feeds))
        edged = padded(model)
        for values in activations(model, feeds):
            for name, value in values.items():
                ranges.add(name, value[~np.isneginf(value)] if name in edged else value)
            moments.add(as_read(places, values))
        return Observed(layers, ranges, moments.by_layer())

    def quantize(
        self, source: Artifact, recipe: Recipe, observed: Observed | None, workdir: Path
    ) -> dict[str, str]:
        model = read_model(source.model)
        rules = _rules(recipe, scopes(model))
        qsvs = None
        if observed is not None and recipe.scheme == schemes.STATIC:
            for place in read_layers(model):
                if not _stays_float(place, recipe):
                    _settle(model, place, recipe, observed)
            qsvs = _qsvs(model, recipe, observed)
        (workdir / MODEL).write_bytes(_quantized(model, rules, qsvs))
        return {MODEL: "model"}

    def ends(self, source: Artifact) -> tuple[str, ...]:
        return behind_layers(links(read_model(source.model)))

    def rank(
        self, source: Artifact, recipe: Recipe, observed: Observed, feeds: Feeds
    ) -> tuple[LayerCost, ...]:
        """What each layer costs if it alone is in 8 bits and all others in float, worst first.

        Measured: for each layer a file is written as `quantize` would, with LiteRT's int8 kernel
        for this layer alone, its weights, its input and its output in 8 bits; its outputs are
        compared with the float file's. Of several outputs, the worst counts.
        """
        model = read_model(source.model)
        names, qsvs = scopes(model), _qsvs(model, recipe, observed)
        expected = _outputs(serialized(model), feeds)
        costs = []
        for place in read_layers(model):
            if _stays_float(place, recipe):
                continue
            layer = place.layer
            _settle(model, place, recipe, observed)
            content = _quantized(model, _rules(recipe, names, _exactly(names[layer.name])), qsvs)
            write_layer(model, place, layer.weight, layer.bias)
            costs.append(LayerCost(layer.name, _sqnr_db(expected, _outputs(content, feeds))))
        return tuple(sorted(costs, key=lambda cost: cost.sqnr_db))


def _stays_float(place: LitertLayer, recipe: Recipe) -> bool:
    names = {left.name for left in (*recipe.float_kinds, *recipe.float_layers)}
    return place.kind in names or place.layer.name in names


def _settle(model: Any, place: LitertLayer, recipe: Recipe, observed: Observed) -> None:
    """Write the weights of one layer so that the library's rounding finds the solved steps.

    Its scale is the largest weight over 127, and so is the scale that they were solved for.
    """
    solved = observed.solved(place.layer, recipe)
    low, high = observed.ranges.of(place.input, recipe.range_method)
    input_step = (max(high, 0.0) - min(low, 0.0)) / _STEPS
    write_layer(model, place, _with_room(solved, input_step), solved.bias)


def _with_room(solved: Solved, input_step: float) -> Array:
    """The weights, with scales no finer than their int32 biases allow.

    A bias counts in steps of the weights' scale times the input's. Where all weights of an output
    are next to nothing (channels that training has let die), it would overflow, and the library
    wraps it to the other sign. Its largest weight, made larger, keeps the scale up: against the
    bias it still counts for less than 127 * 255 / 2^30.
    """
    weight = solved.weight
    if solved.bias is None:
        return weight
    step = max(input_step, float(np.finfo(np.float32).tiny))
    least = np.abs(solved.bias) / (step * _LARGEST_BIAS)
    rows = weight.reshape(len(weight), -1)
    for row in np.flatnonzero(solved.scale < least):
        peak = np.abs(rows[row]).argmax()
        rows[row, peak] = np.copysign(LARGEST * least[row], rows[row, peak])
    return weight


def _qsvs(model: Any, recipe: Recipe, observed: Observed) -> Qsvs:
    """Ranges in the library's words: arrays with the tensor's axes, each of size one."""
    found: Qsvs = {}
    for name, count in axes(model).items():
        if name in observed.ranges:
            ends = observed.ranges.of(name, recipe.range_method)
            low, high = (np.full((1,) * count, end, np.float32) for end in ends)
            found[name] = {"min": low, "max": high}
    return found


def _exactly(scope: str) -> str:
    return rf"^{re.escape(scope)}\Z"


def _rules(recipe: Recipe, names: dict[str, str], where: str = _EVERYTHING) -> RecipeManager:
    """The recipe in the library's words: of two rules for one operator the later counts.

    Args:
        recipe: The recipe.
        names: Scopes of the operators, by their names.
        where: Regular expression of the scopes that are quantized at all.
    """
    rules = RecipeManager()
    match recipe.scheme:
        case "float16":
            _float16(rules, where)
            return rules
        case schemes.DYNAMIC:
            rules.add_dynamic_config(regex=where, operation_name=_ALL, num_bits=8)
        case schemes.WEIGHT_ONLY:
            rules.add_weight_only_config(regex=where, operation_name=_ALL, num_bits=8)
        case _:
            rules.add_static_config(
                regex=where, operation_name=_ALL, activation_num_bits=8, weight_num_bits=8
            )
    # Inputs and outputs stay float32, so that the file can take the float one's place.
    for kind in ("INPUT", "OUTPUT", *(kind.name for kind in recipe.float_kinds)):
        if kind in _KNOWN:  # others are never quantized
            _leave(rules, _EVERYTHING, kind)
    for layer in recipe.float_layers:
        if layer.name in names:
            _leave(rules, _exactly(names[layer.name]), _ALL.value)
    return rules


def _leave(rules: RecipeManager, where: str, kind: str) -> None:
    rules.add_quantization_config(
        regex=where,
        operation_name=qtyping.TFLOperationName(kind),
        algorithm_key="no_quantize",
    )


def _float16(rules: RecipeManager, where: str) -> None:
    weights = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
    rules.add_quantization_config(
        regex=where,
        operation_name=_ALL,
        op_config=qtyping.OpQuantizationConfig(
            weight_tensor_config=weights,
            compute_precision=qtyping.ComputePrecision.FLOAT,
            explicit_dequantize=True,
        ),
        algorithm_key="float_casting",
    )


def _quantized(model: Any, rules: RecipeManager, qsvs: Qsvs | None) -> bytes:
    tool = quantizer.Quantizer(serialized(model), rules.get_quantization_recipe())
    result = tool.quantize(qsvs, enable_progress_bar=False, enable_progress_report=False)
    return bytes(result.quantized_model)


def _outputs(content: bytes, feeds: Feeds) -> list[list[Array]]:
    runner = Runner(content)
    return [runner.run(feed) for feed in feeds]


def _sqnr_db(expected: Sequence[Sequence[Array]], found: Sequence[Sequence[Array]]) -> float:
    """The worst output's signal to noise over all inputs."""
    ratios = []
    for ours, theirs in zip(zip(*expected, strict=True), zip(*found, strict=True), strict=True):
        signal = sum(float(np.square(one).sum()) for one in ours)
        noise = sum(
            float(np.square(one - other).sum()) for one, other in zip(ours, theirs, strict=True)
        )
        ratios.append(10 * np.log10(signal / noise) if signal and noise else np.inf)
    return float(min(ratios, default=np.inf))


QUANTIZER = _LitertQuantizer()
