"""ONNX files of others: a known opset, norms folded into layers, constants as initializers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import prod
from pathlib import Path

import msgspec
import onnx
import onnxruntime
from onnx import TensorProto, version_converter

from edgekit.errors import DataError, UsageError
from edgekit.importers import Facts, Imported, tensor_spec
from edgekit.importers.onnx_shapes import settle_axes
from edgekit.records import Preprocess
from edgekit.wire import TensorSpec

MODEL = "model.onnx"
KEY = "edgekit.preprocess"
# DequantizeLinear has an axis, which scales per channel need, from 13 on. The newest is that of
# what edgekit exports itself (a test holds the two together).
OLDEST, NEWEST = 13, 20
IR_VERSIONS = (8, 10)
_DEFAULT_DOMAIN = ("", "ai.onnx")
_SEVERITY_ERROR = 3


class _OnnxImporter:
    reference = "onnxruntime-reference"

    def facts(self, model: Path) -> Facts:
        # Weights that lie in other files are not opened: their types and sizes stand in this one.
        proto = onnx.load(model, load_external_data=False)
        graph = onnx.shape_inference.infer_shapes(proto).graph
        constants = [*graph.initializer, *_constant_nodes(graph)]
        floats = (t for t in constants if "float" in _type(t.data_type))
        inner = {_type(tensor.data_type) for tensor in constants}
        inner |= {_type(value.type.tensor_type.elem_type) for value in graph.value_info}
        return Facts(
            inputs=tuple(map(_spec, _inputs(graph))),
            outputs=tuple(map(_spec, graph.output)),
            inner_types=frozenset(inner),
            parameters=sum(prod(tensor.dims) for tensor in floats),
            preprocess=next((p.value for p in proto.metadata_props if p.key == KEY), ""),
        )

    def bring(self, model: Path, preprocess: Preprocess, workdir: Path) -> Imported:
        proto = _load(model)
        # A constant that is an input too may be overruled, so nothing could be folded into it.
        inputs = _inputs(proto.graph)
        del proto.graph.input[:]
        proto.graph.input.extend(inputs)
        proto, notes = _in_known_opset(proto, model)
        notes += _fix_size(proto, preprocess)
        norms = _count(proto, "BatchNormalization")
        proto = _simplified(proto, workdir)
        if folded := norms - _count(proto, "BatchNormalization"):
            notes.append(f"folded {folded} BatchNormalization into the layers before them")
        _tidy(proto)
        _stamp(proto, preprocess)
        onnx.checker.check_model(proto)
        onnx.save(proto, workdir / MODEL)
        return Imported({MODEL: "model"}, tuple(notes))


def _load(model: Path) -> onnx.ModelProto:
    try:
        return onnx.load(model)
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        text = " ".join(str(error).split())
        raise DataError(
            f"weights that {model.name} keeps in other files can't be read: {text}",
            hint=f"copy them beside it: {model.parent}",
        ) from error


def _inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """What must be fed: files of before 2019 list their constants among the inputs too."""
    constants = {tensor.name for tensor in graph.initializer}
    return [value for value in graph.input if value.name not in constants]


def _constant_nodes(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    for node in graph.node:
        if node.op_type == "Constant":
            yield from (item.t for item in node.attribute if item.name == "value")


def _type(element: int) -> str:
    name = str(TensorProto.DataType.Name(element)).lower()
    return {"float": "float32", "double": "float64"}.get(name, name)


def _spec(value: onnx.ValueInfoProto) -> TensorSpec:
    tensor = value.type.tensor_type
    shape = tuple(axis.dim_value or None for axis in tensor.shape.dim)
    return tensor_spec(value.name, shape, _type(tensor.elem_type))


def _in_known_opset(proto: onnx.ModelProto, model: Path) -> tuple[onnx.ModelProto, list[str]]:
    """`proto` in an opset that quantizer and runtimes take, and what was done."""
    versions = (item.version for item in proto.opset_import if item.domain in _DEFAULT_DOMAIN)
    own = next(versions, NEWEST)
    wanted = min(max(own, OLDEST), NEWEST)
    if own == wanted:
        return proto, []
    notes, shown = list(proto.metadata_props), f"{model.name} is in opset {own}"
    # The converter refuses constants that aren't listed as inputs in files of the oldest kind.
    proto.ir_version = max(proto.ir_version, IR_VERSIONS[0])
    try:
        converted = version_converter.convert_version(proto, wanted)
    except Exception as error:
        raise UsageError(
            f"{shown}, and can't be brought to {wanted}: {' '.join(str(error).split())[:300]}",
            hint=f"export it again in opset {OLDEST} to {NEWEST}: "
            f"torch.onnx.export(..., opset_version={wanted})",
        ) from error
    del converted.metadata_props[:]
    converted.metadata_props.extend(notes)
    return converted, [f"{shown}: brought to {wanted}"]


def _fix_size(proto: onnx.ModelProto, preprocess: Preprocess) -> list[str]:
    """Give free axes of the image the size that it is prepared in; engines and tables want one."""
    value = proto.graph.input[0]
    first = 1 if _spec(value).layout == "NHWC" else 2
    axes = value.type.tensor_type.shape.dim[first : first + 2]
    if all(axis.dim_value for axis in axes):
        return []
    for axis, size in zip(axes, preprocess.size, strict=True):
        axis.dim_value = size
    # Shapes between were inferred for any size.
    del proto.graph.value_info[:]
    return [f"fixed its image to {preprocess.size[0]} x {preprocess.size[1]} pixels"]


def _simplified(proto: onnx.ModelProto, workdir: Path) -> onnx.ModelProto:
    """`proto` with everything folded that is the same for every input and batch."""
    while settle_axes(proto):
        # A padding that became constant tells the sizes behind it, and so on.
        proto = _folded(proto, workdir)
    return _folded(proto, workdir)


def _folded(proto: onnx.ModelProto, workdir: Path) -> onnx.ModelProto:
    """`proto` after ONNX Runtime's basic optimizations: standard operators only, same for any CPU.

    They fold constants and the BatchNormalization behind a layer: left there, its input would
    be rounded to 8 bits before it is scaled.
    """
    levels = onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = levels.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(workdir / MODEL)
    options.log_severity_level = _SEVERITY_ERROR
    onnxruntime.InferenceSession(
        proto.SerializeToString(),
        options,
        providers=["CPUExecutionProvider"],
        # It moves transposes to where ONNX Runtime's own kernels like them: others' lose by it.
        disabled_optimizers=["TransposeOptimizer"],
    )
    return onnx.load(workdir / MODEL)


def _tidy(proto: onnx.ModelProto) -> None:
    """Only operators that are read, each with a name; versions that all runtimes can read."""
    _drop_unread(proto.graph)
    for index, node in enumerate(proto.graph.node):
        node.name = node.name or f"{node.op_type}:{index}"
    used = {node.domain for node in proto.graph.node} | set(_DEFAULT_DOMAIN)
    kept = [item for item in proto.opset_import if item.domain in used]
    del proto.opset_import[:]
    proto.opset_import.extend(kept)
    least, most = IR_VERSIONS
    proto.ir_version = min(max(proto.ir_version, least), most)


def _drop_unread(graph: onnx.GraphProto) -> None:
    read = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if read & set(node.output):
            kept.append(node)
            read.update(node.input)
            # Branches read what stands outside of them by name.
            inner = (a.g for a in node.attribute if a.HasField("g"))
            read.update(name for g in inner for other in g.node for name in other.input)
    del graph.node[:]
    graph.node.extend(reversed(kept))


def _stamp(proto: onnx.ModelProto, preprocess: Preprocess) -> None:
    """Say in the file itself what goes in, in place of what it said before."""
    kept = [item for item in proto.metadata_props if item.key != KEY]
    del proto.metadata_props[:]
    proto.metadata_props.extend(kept)
    text = json.dumps(msgspec.to_builtins(preprocess), sort_keys=True)
    proto.metadata_props.add(key=KEY, value=text)


def _count(proto: onnx.ModelProto, kind: str) -> int:
    return sum(node.op_type == kind for node in proto.graph.node)


IMPORTER = _OnnxImporter()
