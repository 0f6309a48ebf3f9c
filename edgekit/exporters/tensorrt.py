"""TensorRT: the ONNX file with the build's settings, and the engine where it can be built.

An engine belongs to one GPU generation and one TensorRT version, so what travels is the ONNX file
(already quantized: TensorRT 11 has no calibrator and no weak typing) with the build's settings. A
target with a compute capability gets an engine too: by TensorRT for RTX, which builds without a
GPU, or by TensorRT itself, its module or its program, for the GPU that is here.
"""

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import onnx

from edgekit import engine, trtexec
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
        builder, why_not = _builder(target)
        roles = {MODEL: "model", BUILD: "build"}
        if builder is not None:
            (workdir / ENGINE).write_bytes(_build(builder, workdir / MODEL, settings, target))
            roles = {ENGINE: "model", MODEL: "source", BUILD: "build"}
        settings["engine"] = {
            "compute_capability": target.sm if builder is not None else None,
            "builder": _named(builder),
            "reason": why_not,
        }
        text = json.dumps(settings, indent=2)
        (workdir / BUILD).write_text(text + "\n", encoding="utf-8")
        return Exported(roles, source.inputs, why_not)


def _build(builder: Any, model: Path, settings: dict[str, Any], target: Target) -> bytes:
    shapes = {
        name: (of["min"], of["opt"], of["max"]) for name, of in settings["profile_shapes"].items()
    }
    if isinstance(builder, str):
        free = {name: three for name, three in shapes.items() if three[0] != three[2]}
        return trtexec.build(builder, model, free, settings["precision"])
    for_other = target.sm if target.name != "host" else None
    network = engine.Network(builder, model)
    return network.build({tensor.name: shapes[tensor.name] for tensor in network.free}, for_other)


def _named(builder: Any) -> str | None:
    if builder is None or isinstance(builder, str):
        return builder
    return f"{builder.__name__} {builder.__version__}"


def _builder(target: Target) -> tuple[Any, str]:
    """What builds an engine for `target`: a module, or the path of `trtexec`.

    Returns:
        The builder, or None and why there is none.
    """
    if target.sm is None:
        return None, "no GPU here and none named: the engine is built where it will run"
    if target.name == "host":
        return _builder_for_here()
    if not is_installed("tensorrt_rtx_bindings"):
        return None, "TensorRT for RTX is not installed: the engine is built where it will run"
    rtx = importlib.import_module("tensorrt_rtx_bindings")
    if engine.compute_capability(rtx, target.sm) is None:
        return None, f"TensorRT for RTX {rtx.__version__} builds no engine for SM{target.sm}"
    return rtx, ""


def _builder_for_here() -> tuple[Any, str]:
    if is_installed("tensorrt"):
        return importlib.import_module("tensorrt"), ""
    if program := trtexec.find():
        return program, ""
    return None, "tensorrt is not installed here: the engine is built where it will run"


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
