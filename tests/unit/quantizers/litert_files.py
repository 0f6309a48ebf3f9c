"""Small `.tflite` files, operator by operator."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

KINDS = schema.BuiltinOperator
FLOAT32, INT32, FLOAT16 = (
    schema.TensorType.FLOAT32,
    schema.TensorType.INT32,
    schema.TensorType.FLOAT16,
)


class File:
    """A graph that grows by one operator at a time.

    Args:
        shape: Shape of the one input, `x`.
        batch_is_free: Whether its first axis has no fixed size.
    """

    def __init__(self, shape, *, batch_is_free=False):
        self.model, self.graph = schema.ModelT(), schema.SubGraphT()
        self.model.version, self.model.subgraphs = 3, [self.graph]
        self.model.buffers = [schema.BufferT()]
        self.model.operatorCodes, self.graph.tensors, self.graph.operators = [], [], []
        self._free = batch_is_free
        self.input = self.tensor("x", shape)

    def tensor(self, name, shape, values=None, element=FLOAT32):
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = name, list(shape), element, 0
        made.shapeSignature = [-1, *shape[1:]] if self._free and values is None else None
        if values is not None:
            made.buffer = self.buffer(values)
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def buffer(self, values):
        stored = schema.BufferT()
        stored.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self.model.buffers.append(stored)
        return len(self.model.buffers) - 1

    def constant(self, name, values):
        return self.tensor(name, values.shape, values.astype(np.float32))

    def add(self, kind, inputs, name, shape, options=None):
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = kind, min(kind, 127), 1
        self.model.operatorCodes.append(code)
        made = schema.OperatorT()
        made.opcodeIndex = len(self.model.operatorCodes) - 1
        if options is not None:
            made.builtinOptions = options
            word = type(options).__name__.removesuffix("T")
            made.builtinOptionsType = getattr(schema.BuiltinOptions, word)
        output = self.tensor(name, shape)
        made.inputs, made.outputs = list(inputs), [output]
        self.graph.operators.append(made)
        return output

    def conv(self, read, weights, bias=None, *, name, depthwise=False, **settings):
        """`weights` and `bias` are tensors; `settings` are stride, dilation, same, relu6."""
        _, height, width, _ = self.graph.tensors[read].shape
        stored = self.graph.tensors[weights].shape
        stride, dilation = settings.get("stride", 1), settings.get("dilation", 1)
        options = schema.DepthwiseConv2DOptionsT() if depthwise else schema.Conv2DOptionsT()
        options.strideH = options.strideW = stride
        options.dilationHFactor = options.dilationWFactor = dilation
        options.padding = 0 if settings.get("same", True) else 1
        options.fusedActivationFunction = 3 if settings.get("relu6") else 0
        if depthwise:
            options.depthMultiplier = stored[3] // self.graph.tensors[read].shape[3]
        spans = [0 if settings.get("same", True) else (k - 1) * dilation for k in stored[1:3]]
        sizes = [-(-(n - s) // stride) for n, s in zip((height, width), spans, strict=True)]
        outputs = stored[3] if depthwise else stored[0]
        if bias is None:  # LiteRT's kernels want one
            bias = self.constant(f"{name}.bias", np.zeros(outputs))
        kind = KINDS.DEPTHWISE_CONV_2D if depthwise else KINDS.CONV_2D
        shape = (self.graph.tensors[read].shape[0], *sizes, outputs)
        return self.add(kind, [read, weights, bias], name, shape, options)

    def dense(self, read, weights, bias=-1, *, name):
        shape = (self.graph.tensors[read].shape[0], self.graph.tensors[weights].shape[0])
        options = schema.FullyConnectedOptionsT()
        return self.add(KINDS.FULLY_CONNECTED, [read, weights, bias], name, shape, options)

    def save(self, path: Path, *outputs, signature=True):
        self.graph.inputs, self.graph.outputs = [self.input], list(outputs)
        if signature:
            self.model.signatureDefs = [self._signature(outputs)]
        builder = flatbuffers.Builder(4096)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        path.write_bytes(bytes(builder.Output()))
        return path

    def _signature(self, outputs):
        made = schema.SignatureDefT()
        made.signatureKey, made.subgraphIndex = "serving_default", 0
        made.inputs, made.outputs = [_entry("args_0", self.input)], []
        made.outputs = [_entry(f"output_{n}", index) for n, index in enumerate(outputs)]
        return made


def _entry(name, index):
    made = schema.TensorMapT()
    made.name, made.tensorIndex = name, index
    return made
