"""LiteRT (TensorFlow Lite) files of others, taken as they are: converters fold norms."""

from __future__ import annotations

import shutil
from math import prod
from pathlib import Path
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgekit.importers import Facts, Imported, tensor_spec
from edgekit.records import Preprocess
from edgekit.wire import TensorSpec

MODEL = "model.tflite"
_NAMES = {v: n.lower() for n, v in vars(schema.TensorType).items() if isinstance(v, int)}


class _LitertImporter:
    reference = "litert"

    def facts(self, model: Path) -> Facts:
        file = schema.Model.GetRootAs(model.read_bytes())
        graph = file.Subgraphs(0)
        tensors = [graph.Tensors(i) for i in range(graph.TensorsLength())]
        fed = [graph.Inputs(i) for i in range(graph.InputsLength())]
        given = [graph.Outputs(i) for i in range(graph.OutputsLength())]
        constants = [t for t in tensors if file.Buffers(t.Buffer()).DataLength()]
        floats = (tensor for tensor in constants if "float" in _type(tensor))
        inner = (tensor for i, tensor in enumerate(tensors) if i not in {*fed, *given})
        return Facts(
            inputs=tuple(_spec(tensors[i]) for i in fed),
            outputs=tuple(_spec(tensors[i]) for i in given),
            inner_types=frozenset(map(_type, inner)),
            parameters=sum(prod(_shape(tensor)) for tensor in floats),
        )

    def bring(self, model: Path, preprocess: Preprocess, workdir: Path) -> Imported:
        del preprocess  # the format has no agreed place for it
        shutil.copyfile(model, workdir / MODEL)
        return Imported({MODEL: "model"})


def _type(tensor: Any) -> str:
    return str(_NAMES.get(tensor.Type(), "unknown"))


def _shape(tensor: Any) -> list[int]:
    return [tensor.Shape(i) for i in range(tensor.ShapeLength())]


def _spec(tensor: Any) -> TensorSpec:
    # The signature has -1 for a free axis; files without one have fixed axes only.
    signature = [tensor.ShapeSignature(i) for i in range(tensor.ShapeSignatureLength())]
    shape = tuple(size if size >= 0 else None for size in signature or _shape(tensor))
    return tensor_spec((tensor.Name() or b"").decode(errors="replace"), shape, _type(tensor))


IMPORTER = _LitertImporter()
