"""LiteRT int8 and float16 weights by ai-edge-quantizer."""

from pathlib import Path
from typing import Any

from ai_edge_quantizer import calibrator, qtyping, quantizer, recipe_manager
from ai_edge_quantizer.utils import qsv_utils

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
            rules = _int8(recipe)
            tool.load_quantization_recipe(rules.get_quantization_recipe())
            result = tool.quantize(_ranges(source.model, rules, feeds))
        result.export_model(str(workdir / MODEL), overwrite=True)
        return {MODEL: "model"}


def _ranges(model: Path, rules: recipe_manager.RecipeManager, feeds: Feeds) -> Any:
    """The least and largest value of every tensor over all `feeds`.

    The library's default is a moving average that forgets 5 % a photo: it starts at the range of
    the first one and is still mostly that after a dozen.
    """
    tool = calibrator.Calibrator(str(model), qsv_update_func=qsv_utils.min_max_update)
    tool.calibrate({_SIGNATURE: feeds}, rules)
    return tool.get_model_qsvs()


def _int8(recipe: Recipe) -> recipe_manager.RecipeManager:
    rules = recipe_manager.RecipeManager()
    rules.add_static_config(
        regex=".*",
        operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
        activation_num_bits=8,
        weight_num_bits=8,
    )
    # Inputs and outputs stay float32, so that the file can take the float one's place.
    for kind in ("INPUT", "OUTPUT", *recipe.float_layers):
        rules.add_quantization_config(
            regex=".*",
            operation_name=qtyping.TFLOperationName(kind),
            algorithm_key="no_quantize",
        )
    return rules


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
