"""LiteRT int8 and float16 weights by ai-edge-quantizer."""

from pathlib import Path

from ai_edge_quantizer import qtyping, quantizer, recipe_manager

from edgekit.quantizers import Feeds
from edgekit.records import Artifact, Recipe

MODEL = "model.tflite"
_SIGNATURE = "serving_default"


class _LitertQuantizer:
    def quantize(
        self, source: Artifact, recipe: Recipe, feeds: Feeds, workdir: Path
    ) -> dict[str, str]:
        tool = quantizer.Quantizer(str(source.model))
        if recipe.scheme == "float16":
            tool.load_quantization_recipe(_float16())
            result = tool.quantize()
        else:
            tool.load_quantization_recipe(_int8())
            result = tool.quantize(tool.calibrate({_SIGNATURE: feeds}))
        result.export_model(str(workdir / MODEL), overwrite=True)
        return {MODEL: "model"}


def _int8() -> qtyping.ModelQuantizationRecipe:
    rules = recipe_manager.RecipeManager()
    rules.add_static_config(
        regex=".*",
        operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
        activation_num_bits=8,
        weight_num_bits=8,
    )
    # Inputs and outputs stay float32, so that the file can take the float one's place.
    for end in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
        rules.add_quantization_config(regex=".*", operation_name=end, algorithm_key="no_quantize")
    return rules.get_quantization_recipe()


def _float16() -> qtyping.ModelQuantizationRecipe:
    weights = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
    rules = recipe_manager.RecipeManager()
    rules.add_quantization_config(
        regex=".*",
        operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
        op_config=qtyping.OpQuantizationConfig(
            weight_tensor_config=weights,
            compute_precision=qtyping.ComputePrecision.FLOAT,
            explicit_dequantize=True,
        ),
        algorithm_key="float_casting",
    )
    return rules.get_quantization_recipe()


QUANTIZER = _LitertQuantizer()
