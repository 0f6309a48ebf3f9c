"""What a TensorRT engine runs, from the JSON text of TensorRT's engine inspector.

The same text is what `trtexec --exportLayerInfo` writes. Written after published listings of
TensorRT 8.5 to 10; none was taken from a board.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Mapping, Optional

from edgekit.runtimes.specs import precision_name
from edgekit.wire import Op

UNIT = "CUDA"
CONVERSIONS = ("Reformat", "NoOp", "Quantize", "Dequantize", "Cast")
# It is in the list, and nothing is run for it.
_NOT_RUN = "Constant"
# TensorRT 8 says `Row major linear FP32`, 10 says `Float`, `Int8 NC/32HW32`.
_TYPES = re.compile(
    r"\b(fp32|float|fp16|half|bf16|bfloat16|fp8|int8|uint8|int4|int32|int64|bool)\b", re.IGNORECASE
)
_NAMES = {"float": "float32", "half": "float16"}
# A mask or an index beside them says nothing of what is computed.
_COMPUTED_IN = frozenset(("fp32", "fp16", "bf16", "fp8", "int8", "int4"))


def ops_of(text: str, times_ns: Mapping[str, int]) -> List[Op]:
    """One row for each layer of the engine.

    Args:
        text: What the inspector says. An engine that was built without details has names alone,
            which give no rows.
        times_ns: Time of each layer in one inference, by its name, as TensorRT's profiler tells.
    """
    layers = [layer for layer in _layers(text) if layer.get("LayerType") != _NOT_RUN]
    # Where each time has its layer, the layers without a time took none: they are views of
    # others' memory. Else a time belongs to layers that nobody can tell.
    is_whole = bool(times_ns) and times_ns.keys() <= {_word(layer, "Name") for layer in layers}
    return [_op(layer, times_ns, 0 if is_whole else None) for layer in layers]


def _layers(text: str) -> List[Dict[str, Any]]:
    try:
        told = json.loads(text, strict=False)  # metadata of TensorRT 10 hold control characters
    except (ValueError, RecursionError):
        return []
    layers = told.get("Layers") if isinstance(told, dict) else None
    return [layer for layer in _listed(layers) if isinstance(layer, dict)]


def _op(layer: Mapping[str, Any], times_ns: Mapping[str, int], else_ns: Optional[int]) -> Op:
    name, kind = _word(layer, "Name"), _word(layer, "LayerType") or "layer"
    is_conversion = kind in CONVERSIONS
    return Op(
        name=name,
        op=kind,
        precision=_precision(layer, is_conversion=is_conversion),
        unit=UNIT,
        kernel=_word(layer, "TacticName"),
        time_ns=times_ns.get(name, else_ns),
        conversion=is_conversion,
    )


def _precision(layer: Mapping[str, Any], *, is_conversion: bool) -> str:
    """By the first operand: an int8 convolution may give float. A conversion is what it gives."""
    given, made = (_types(layer.get(side)) for side in ("Inputs", "Outputs"))
    types = made + given if is_conversion else given + made
    computed = [name for name in types if name in _COMPUTED_IN]
    return next(iter(computed or types), "")


def _types(tensors: Any) -> List[str]:
    found = []
    for tensor in _listed(tensors):
        facts = tensor if isinstance(tensor, dict) else {}
        words = _word(facts, "Format/Datatype") or _word(facts, "Datatype")
        kind = _TYPES.search(words)
        if kind:
            name = kind.group(1).lower()
            found.append(precision_name(_NAMES.get(name, name)))
    return found


def _word(facts: Mapping[str, Any], name: str) -> str:
    value = facts.get(name)
    return value if isinstance(value, str) else ""


def _listed(value: Any) -> List[Any]:
    return value if isinstance(value, list) else []
