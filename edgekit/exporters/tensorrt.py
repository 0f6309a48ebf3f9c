"""TensorRT: the ONNX file with the build's settings, and the engine where it can be built.

An engine belongs to one GPU generation and one TensorRT version, so what travels is the ONNX file
(already quantized: TensorRT 11 has no calibrator and no weak typing) with the build's settings. A
target with a compute capability gets an engine too: by TensorRT for RTX, which builds without a
GPU, or by TensorRT itself for the GPU that is here.
"""

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import onnx

from edgekit import engine
from edgekit.exporters import Exported
from edgekit.records import Artifact, Target
from edgekit.registry import is_installed

MODEL = "model.onnx"
BUILD = "build.json"
ENGINE = "model.engine"
# Largest batch that an engine is made for where the file leaves it free.
MAX_BATCH = 8


class _TensorrtFromOnnx:
    def export(self, source: Artifact, target: Target, workdir: Path) -> Exported:
        shutil.copyfile(source.model, workdir / MODEL)
        settings = _settings(onnx.load(source.model), source)
        trt, why_not = _builder(target)
        roles = {MODEL: "model", BUILD: "build"}
        if trt is not None:
            for_other = target.sm if target.name != "host" else None
            shapes = settings["profile_shapes"]
            plan = engine.build(
                trt,
                workdir / MODEL,
                lambda tensor: tuple(shapes[tensor.name][key] for key in ("min", "opt", "max")),
                sm=for_other,
            )
            (workdir / ENGINE).write_bytes(plan)
            roles = {ENGINE: "model", MODEL: "source", BUILD: "build"}
        settings["engine"] = {
            "compute_capability": target.sm if trt is not None else None,
            "builder": f"{trt.__name__} {trt.__version__}" if trt is not None else None,
            "reason": why_not,
        }
        text = json.dumps(settings, indent=2)
        (workdir / BUILD).write_text(text + "\n", encoding="utf-8")
        return Exported(roles, source.inputs, why_not)


def _builder(target: Target) -> tuple[Any, str]:
    """The module that builds an engine for `target`, or None and why there is none."""
    if target.sm is None:
        return None, "no GPU here and none named: the engine is built where it will run"
    if target.name == "host":
        if is_installed("tensorrt"):
            return importlib.import_module("tensorrt"), ""
        return None, "tensorrt is not installed here: the engine is built where it will run"
    if not is_installed("tensorrt_rtx_bindings"):
        return None, "TensorRT for RTX is not installed: the engine is built where it will run"
    rtx = importlib.import_module("tensorrt_rtx_bindings")
    if engine.compute_capability(rtx, target.sm) is None:
        return None, f"TensorRT for RTX {rtx.__version__} builds no engine for SM{target.sm}"
    return rtx, ""


def _settings(model: onnx.ModelProto, source: Artifact) -> dict[str, Any]:
    """What a builder must be told, in words that TensorRT 10.x and 11.x both have."""
    shapes = {}
    for tensor in model.graph.input:
        sizes = [axis.dim_value for axis in tensor.type.tensor_type.shape.dim]
        usual = source.spec.batch
        least, largest = (1, max(MAX_BATCH, usual)) if not sizes[0] else (sizes[0], sizes[0])
        batches = {"min": least, "opt": max(least, usual), "max": largest}
        shapes[tensor.name] = {key: [batch, *sizes[1:]] for key, batch in batches.items()}
    flags = " ".join(
        f"--{key}Shapes={name}:{'x'.join(map(str, shape[key]))}"
        for name, shape in shapes.items()
        for key in ("min", "opt", "max")
    )
    return {
        "strongly_typed": True,
        "precision": source.precision.value,
        "profile_shapes": shapes,
        "trtexec": f"trtexec --onnx={MODEL} --saveEngine={ENGINE} --stronglyTyped {flags}",
    }


TensorrtFromOnnx = _TensorrtFromOnnx()
