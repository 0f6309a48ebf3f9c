"""ONNX int8 by ONNX Runtime's static quantizer, and float16 by its converter."""

from pathlib import Path
from typing import Any

import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

from edgekit.quantizers import Feeds
from edgekit.records import Artifact, Recipe

MODEL = "model.onnx"
_TYPES = {"uint8": QuantType.QUInt8, "int8": QuantType.QInt8}
# What carries the arithmetic, then what only passes 8-bit values through.
_KINDS = (
    "Conv", "ConvTranspose", "Gemm", "MatMul", "Add",
    "AveragePool", "Clip", "Concat", "Flatten", "GlobalAveragePool", "MaxPool", "Relu",
    "Reshape", "Resize", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze",
)  # fmt: skip


class _OnnxQuantizer:
    def quantize(
        self, source: Artifact, recipe: Recipe, feeds: Feeds, workdir: Path
    ) -> dict[str, str]:
        if recipe.scheme == "float16":
            _float16(source.model, recipe, workdir / MODEL)
        else:
            _int8(source.model, recipe, feeds, workdir / MODEL)
        return {MODEL: "model"}


def _float16(source: Path, recipe: Recipe, destination: Path) -> None:
    blocked = [*DEFAULT_OP_BLOCK_LIST, *recipe.float_layers]
    model = convert_float_to_float16(onnx.load(source), keep_io_types=True, op_block_list=blocked)
    onnx.save(model, destination)


def _int8(source: Path, recipe: Recipe, feeds: Feeds, destination: Path) -> None:
    quantize_static(
        source,
        destination,
        _Reader(feeds),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=[op for op in _KINDS if op not in recipe.float_layers],
        per_channel=recipe.granularity == "per-channel",
        reduce_range=recipe.reduce_range,
        activation_type=_TYPES[recipe.activation_type],
        weight_type=_TYPES[recipe.weight_type],
        calibrate_method=CalibrationMethod.MinMax,
        extra_options={
            "ActivationSymmetric": recipe.activation_symmetric,
            "WeightSymmetric": True,
            "QuantizeBias": recipe.quantize_bias,
        },
    )


class _Reader(CalibrationDataReader):  # type: ignore[misc] # the library is untyped
    def __init__(self, feeds: Feeds) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> Any:
        feed = next(self._feeds, None)
        return None if feed is None else dict(feed)


QUANTIZER = _OnnxQuantizer()
