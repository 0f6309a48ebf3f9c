"""Routes: from what each format is made, in which precisions, and what runs it.

Small tables, and what follows from them and from the registries. No framework is imported here.
"""

from __future__ import annotations

from typing import Any

from edgekit.errors import UsageError
from edgekit.exporters import EXPORTERS
from edgekit.importers import IMPORTERS
from edgekit.models import FAMILIES
from edgekit.quantizers import QUANTIZERS
from edgekit.records import Format, Precision
from edgekit.registry import Entry, Registry, install_command

_ALL = (Precision.FP32, Precision.FP16, Precision.INT8)

PRECISIONS: dict[Format, tuple[Precision, ...]] = {
    Format.TORCH: (Precision.FP32,),
    Format.ONNX: _ALL,
    Format.OPENVINO: _ALL,
    Format.LITERT: _ALL,
    Format.TENSORRT: _ALL,
}

SOURCE: dict[Format, Format] = {
    Format.ONNX: Format.TORCH,
    Format.OPENVINO: Format.ONNX,
    Format.LITERT: Format.TORCH,
    Format.TENSORRT: Format.ONNX,
}

# The format in which each precision is made; from there exporters go on. TensorRT and OpenVINO
# take a quantized ONNX file as it is: what edgekit chose stands in it.
QUANTIZED_AS: dict[tuple[Format, Precision], Format] = {
    (Format.ONNX, Precision.FP16): Format.ONNX,
    (Format.ONNX, Precision.INT8): Format.ONNX,
    (Format.OPENVINO, Precision.FP16): Format.OPENVINO,
    (Format.OPENVINO, Precision.INT8): Format.ONNX,
    (Format.LITERT, Precision.FP16): Format.LITERT,
    (Format.LITERT, Precision.INT8): Format.LITERT,
    (Format.TENSORRT, Precision.FP16): Format.ONNX,
    (Format.TENSORRT, Precision.INT8): Format.ONNX,
}

# The first one is what measures and checks a format unless another is asked for.
RUNTIME_OF: dict[Format, tuple[str, ...]] = {
    Format.TORCH: ("torch",),
    Format.ONNX: ("onnxruntime", "openvino"),
    Format.OPENVINO: ("openvino",),
    Format.LITERT: ("litert",),
    Format.TENSORRT: ("tensorrt",),
}

# Runtimes that read a format too, but are not asked unless they are named.
ALSO_READ: dict[Format, tuple[str, ...]] = {
    Format.TORCH: ("torch-compiled", "torch-cuda", "torch-cuda-compiled"),
    Format.ONNX: ("onnxruntime-cuda", "tensorrt", "onnxruntime-reference"),
}


def readers(format: Format) -> tuple[str, ...]:
    """Runtimes that read a format, the usual one first."""
    return (*RUNTIME_OF[format], *ALSO_READ.get(format, ()))


def check(wanted: Format, precision: Precision, root: Format = Format.TORCH) -> None:
    """Refuse a pair that can't be made.

    Args:
        wanted: The format.
        precision: The precision.
        root: The format of the float model that everything is made from.

    Raises:
        UsageError: With the precisions that the format has, or the formats that `root` gives.
    """
    if root not in _to_torch(wanted):
        possible_formats = [found for found in PRECISIONS if root in _to_torch(found)]
        raise UsageError(
            f"{wanted} can't be made from {root}",
            hint=f"from {root} there are: {', '.join(possible_formats)}",
        )
    possible = PRECISIONS[wanted]
    if precision not in possible:
        raise UsageError(
            f"{wanted} can't be exported in {precision}",
            hint=f"{wanted} can be had in: {', '.join(possible)}; `edgekit formats` lists all",
        )


def lineage(wanted: Format, root: Format = Format.TORCH) -> tuple[Format, ...]:
    """The formats on the way to `wanted`, from `root` to itself."""
    path = _to_torch(wanted)
    return tuple(reversed(path[: path.index(root) + 1]))


def _to_torch(wanted: Format) -> list[Format]:
    path = [wanted]
    while path[-1] in SOURCE:
        path.append(SOURCE[path[-1]])
    return path


def missing(wanted: Format, precision: Precision) -> list[str]:
    """Modules that making `wanted` in `precision` needs and that aren't installed."""
    found = [
        module
        for registry, name in _adapters(wanted, precision)
        for module in registry.missing(name)
    ]
    return list(dict.fromkeys(found))


def install(wanted: Format, precision: Precision) -> str:
    """The command that installs what is missing; empty if nothing is."""
    extras = [
        registry.entry(name).extra
        for registry, name in _adapters(wanted, precision)
        if registry.missing(name)
    ]
    return install_command(",".join(dict.fromkeys(extras))) if extras else ""


def entries(wanted: Format, precision: Precision, root: Format = Format.TORCH) -> list[Entry]:
    """The registry's entries of every adapter on the way from `root` to `wanted`."""
    return [registry.entry(name) for registry, name in _adapters(wanted, precision, root)]


def _adapters(
    wanted: Format, precision: Precision, root: Format = Format.TORCH
) -> list[tuple[Registry[Any], str]]:
    """Every adapter on the way, the first step first."""
    check(wanted, precision, root)
    # Every family builds a torch module; the toy one needs nothing but torch itself.
    first = (FAMILIES, "toy") if root is Format.TORCH else (IMPORTERS, root)
    steps: list[tuple[Registry[Any], str]] = [first]
    steps += [(EXPORTERS, step) for step in lineage(wanted, root)[1:]]
    if precision is not Precision.FP32:
        steps.append((QUANTIZERS, QUANTIZED_AS[wanted, precision]))
    return steps
