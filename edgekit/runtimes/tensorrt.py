"""TensorRT on an NVIDIA GPU, or TensorRT for RTX, which has the same interface.

Written against the documentation of TensorRT 10 and 11 and of cuda-python 12 and 13. Of this file
only what happens without a GPU is tested; running an engine has not been tried here.
"""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

import numpy as np

from edgekit import engine, trtexec
from edgekit.errors import MissingDependency, ToolError
from edgekit.runtimes import ShapeOf, enginecache
from edgekit.runtimes.cudadriver import (
    Stream,
    allocated,
    device_settings,
    need_gpu,
    timed_parts,
)
from edgekit.runtimes.specs import (
    precision_name,
    run_some,
    spec,
    unreadable,
    with_shape,
)
from edgekit.wire import Op, TensorSpec

try:
    import tensorrt
except ModuleNotFoundError:
    import tensorrt_rtx_bindings as tensorrt

TYPES = {"fp32": "float32", "float": "float32", "fp16": "float16", "half": "float16"}
CONVERSIONS = ("Reformat", "NoOp", "Quantize", "Dequantize", "Cast")
UNIT = "CUDA"
NS_PER_MS = 1e6


class _LayerTimes(tensorrt.IProfiler):  # type: ignore[misc]  # it has no types
    """Collects what TensorRT reports of each layer after each inference."""

    def __init__(self) -> None:
        super().__init__()
        self._ms: Dict[str, List[float]] = {}

    def report_layer_time(self, layer_name: str, ms: float) -> None:
        """Called by TensorRT."""
        self._ms.setdefault(layer_name, []).append(ms)

    def of(self, layer: Mapping[str, Any]) -> Optional[int]:
        """Median time of a layer, in ns; None if nothing was reported of it."""
        found = self._ms.get(str(layer.get("Name")))
        return round(statistics.median(found) * NS_PER_MS) if found else None


class TensorrtSession:
    """An engine with one execution context, its buffers on the device, and one stream.

    The buffers live as long as the process, which is a worker's.
    """

    def __init__(self, engine: Any, shape_of: ShapeOf, origin: str) -> None:
        self._engine = engine
        self._origin = origin
        self._context = engine.create_execution_context()
        self._stream = Stream()
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        given = [name for name in names if _is_input(engine, name)]
        self.inputs = [self._set_shape(name, shape_of) for name in given]
        self.outputs = [_spec(self._context, engine, name) for name in names if name not in given]
        if any(None in output.shape for output in self.outputs):
            raise ToolError(
                "the engine has outputs whose size depends on the data",
                hint="export the model without its post-processing",
            )
        self._buffers = {value.name: self._allocate(value) for value in self._all()}

    def run(self, feeds: Mapping[str, Any]) -> List[Any]:
        """Run once: copy in, execute, copy out, wait."""
        self._copy_in(feeds)
        self._execute()
        results = self._copy_out()
        self._stream.wait()
        return results

    def parts(self, feeds: Mapping[str, Any]) -> Dict[str, int]:
        """Copies and computing of one inference, by events of the stream."""
        return timed_parts(
            self._stream, lambda: self._copy_in(feeds), self._execute, self._copy_out
        )

    def settings(self) -> Dict[str, str]:
        """Facts of the engine and of the GPU."""
        memory = "device_memory_size_v2" if _has_long_sizes(self._engine) else "device_memory_size"
        return {
            "engine": self._origin,
            "layers": str(self._engine.num_layers),
            "device_memory_bytes": str(getattr(self._engine, memory)),
            **device_settings(),
        }

    def execution(self, feeds: Mapping[str, Any]) -> List[Op]:
        """Layers of the engine after fusion; empty for one that was built without details."""
        inspector = self._engine.create_engine_inspector()
        text = inspector.get_engine_information(tensorrt.LayerInformationFormat.JSON)
        layers = json.loads(text).get("Layers", [])
        # Reports at each execution from now on, and makes it wait: timing is done by then.
        times = _LayerTimes()
        self._context.profiler = times
        run_some(lambda: self.run(feeds))
        return [
            Op(
                name=str(layer.get("Name", "")),
                op=kind,
                precision=_layer_precision(layer),
                unit=UNIT,
                kernel=str(layer.get("TacticName", "")),
                time_ns=times.of(layer),
                conversion=kind in CONVERSIONS,
            )
            for layer in layers
            if isinstance(layer, dict)
            for kind in [str(layer.get("LayerType", "layer"))]
        ]

    def _copy_in(self, feeds: Mapping[str, Any]) -> None:
        for value in self.inputs:
            self._stream.copy_in(self._buffers[value.name], feeds[value.name])

    def _execute(self) -> None:
        if not self._context.execute_async_v3(self._stream.address):
            raise ToolError("TensorRT could not execute the engine", hint="see its log above")

    def _copy_out(self) -> List[Any]:
        """Arrays that hold the outputs once the stream has been waited for."""
        results = [_empty(value) for value in self.outputs]
        for value, array in zip(self.outputs, results):
            self._stream.copy_out(self._buffers[value.name], array)
        return results

    def _set_shape(self, name: str, shape_of: ShapeOf) -> TensorSpec:
        declared = _spec(self._engine, self._engine, name)
        if None not in declared.shape:
            return declared
        value = with_shape(declared, shape_of(declared))
        if not self._context.set_input_shape(name, value.shape):
            raise ToolError(
                f"the engine was not built for {name!r} of shape {value.shape}",
                hint="build it for that shape, or give the .onnx file, which is built here",
            )
        return value

    def _all(self) -> List[TensorSpec]:
        return [*self.inputs, *self.outputs]

    def _allocate(self, value: TensorSpec) -> int:
        address = allocated(_empty(value).nbytes)
        self._context.set_tensor_address(value.name, address)
        return address


class Tensorrt:
    """Runs `.engine` files, and `.onnx` files after building an engine from them."""

    packages: Tuple[str, ...] = ("tensorrt", "tensorrt_rtx_cu13_bindings",)

    def load(
        self, model: Path, *, threads: int, precision: str, shape_of: ShapeOf
    ) -> TensorrtSession:
        """Read or build the engine; a strongly typed network has the file's own precisions."""
        del threads
        need_gpu()
        logger = tensorrt.Logger(tensorrt.Logger.WARNING)
        if model.suffix == ".onnx":
            plan, origin = _built(model, shape_of, precision)
        else:
            plan, origin = model.read_bytes(), "given"
        loaded = tensorrt.Runtime(logger).deserialize_cuda_engine(plan)
        if loaded is None:
            raise unreadable(model, "engine of this TensorRT version for this GPU")
        return TensorrtSession(loaded, shape_of, origin)


def _built(model: Path, shape_of: ShapeOf, precision: str) -> Tuple[bytes, str]:
    """An engine for the shapes that will be run, and for no others: the fastest one.

    Returns:
        The engine, and where it is from.
    """
    network = engine.Network(tensorrt, model)
    shapes = {
        tensor.name: shape_of(spec(tensor.name, _axes(tensor.shape), _dtype(tensor.dtype)))
        for tensor in network.free
    }
    fixed = trtexec.fixed(shapes)
    program = "" if engine.is_strongly_typed(tensorrt) else _program()
    kind = "int8" if network.quantized else precision
    facts = {
        "tensorrt": f"{tensorrt.__name__} {tensorrt.__version__}",
        "builder": "trtexec" if program else "module",
        # A strongly typed network is the file's own business.
        "flags": kind if program else "strongly typed",
        "shapes": json.dumps(shapes, sort_keys=True),
        **device_settings(),
    }
    plan, was_there = enginecache.kept(
        enginecache.key(model, facts),
        lambda: trtexec.build(program, model, fixed, kind) if program else network.build(fixed),
        enginecache.folder(),
    )
    return plan, "kept" if was_there else f"built by {facts['builder']}"


def _program() -> str:
    """Where `trtexec` is.

    Raises:
        MissingDependency: It is nowhere.
    """
    program = trtexec.find()
    if program is None:
        raise MissingDependency(
            f"TensorRT {tensorrt.__version__} builds no strongly typed engine by its module, and "
            "there is no trtexec",
            hint="`sudo apt-get install tensorrt` brings trtexec; or measure an .engine file",
        )
    return program


def _has_long_sizes(engine: Any) -> bool:
    """Whether sizes have 64 bits: from TensorRT 10 on."""
    return hasattr(engine, "device_memory_size_v2")


def _empty(value: TensorSpec) -> Any:
    return np.empty([axis or 0 for axis in value.shape], value.dtype)


def _is_input(engine: Any, name: str) -> bool:
    return bool(engine.get_tensor_mode(name) == tensorrt.TensorIOMode.INPUT)


def _spec(shapes: Any, engine: Any, name: str) -> TensorSpec:
    """The spec of a tensor, with the shape that `shapes`, an engine or a context, tells."""
    return spec(name, _axes(shapes.get_tensor_shape(name)), _dtype(engine.get_tensor_dtype(name)))


def _axes(shape: Any) -> List[Any]:
    return [None if axis < 0 else int(axis) for axis in shape]


def _dtype(element: Any) -> str:
    return str(np.dtype(tensorrt.nptype(element)).name)


def _layer_precision(layer: Mapping[str, Any]) -> str:
    """The element type in a layer's first output, `"Row major linear FP32"` and the like."""
    outputs = layer.get("Outputs") or [{}]
    words = str(outputs[0].get("Format/Datatype", ""))
    found = re.search(r"(?i)\b(fp32|fp16|bf16|int8|fp8|float|half|int32|int64)\b", words)
    name = found.group(1).lower() if found else ""
    return precision_name(TYPES.get(name, name))


RUNTIME = Tensorrt()
