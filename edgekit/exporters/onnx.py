"""ONNX from the torch trace, by PyTorch's own exporter."""

import json
from pathlib import Path

import msgspec
import onnx
import torch

from edgekit.errors import ToolError
from edgekit.exporters import Exported
from edgekit.records import Artifact, Target

# The newest that ONNX Runtime's static quantizer and the TensorRT of JetPack 6 both read, and the
# first in which LayerNormalization (17) and Gelu (20) are one operator each.
OPSET = 20
# The newest that the runtimes of JetPack 5 and 6 read.
IR_VERSION = 10
MODEL = "model.onnx"


class _OnnxFromTorch:
    def export(self, source: Artifact, target: Target, workdir: Path) -> Exported:  # noqa: ARG002 -- the same file for all
        program = torch.export.load(source.model)
        names = [spec.name for spec in source.spec.inputs]
        outputs = [spec.name for spec in source.spec.outputs]
        exported = torch.onnx.export(
            program,
            (),
            dynamo=True,
            opset_version=OPSET,
            input_names=names,
            output_names=outputs,
            verbose=False,
        )
        if exported is None:
            raise ToolError("torch.onnx gave no program", hint="report this model to edgekit")
        model = exported.model_proto
        _strip(model)
        _stamp(model, source)
        model.ir_version = min(model.ir_version, IR_VERSION)
        onnx.checker.check_model(model)
        onnx.save(model, workdir / MODEL)
        return Exported({MODEL: "model"}, source.inputs)


def _strip(model: onnx.ModelProto) -> None:
    """Take out what the exporter notes of its own run: paths and stack traces of this machine."""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output]:
        del value.metadata_props[:]
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]


def _stamp(model: onnx.ModelProto, source: Artifact) -> None:
    """Say in the file itself what goes in, so that it stays with the file when it is moved."""
    model.producer_name = "edgekit"
    contracts = {"preprocess": source.preprocess, "tokens": source.tokens}
    for name, contract in contracts.items():
        if contract is not None:
            text = json.dumps(msgspec.to_builtins(contract), sort_keys=True)
            model.metadata_props.add(key=f"edgekit.{name}", value=text)


OnnxFromTorch = _OnnxFromTorch()
