"""TensorRT on an NVIDIA GPU, or TensorRT for RTX, which has the same interface.

Written against the documentation of TensorRT 8.5, 10 and 11. It is tested with stand-ins for
TensorRT and for CUDA's driver; running a real engine has not been tried here.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

import numpy as np

from edgekit import engine, trtexec
from edgekit.errors import MissingDependency, ToolError
from edgekit.registry import install_command
from edgekit.runtimes import ShapeOf, enginecache
from edgekit.runtimes.cudadriver import (
    NS_PER_MS,
    Stream,
    allocated,
    device_settings,
    need_gpu,
    timed_parts,
)
from edgekit.runtimes.enginelayers import ops_of
from edgekit.runtimes.specs import run_some, spec, unreadable, with_shape
from edgekit.wire import Op, TensorSpec

try:
    tensorrt: Any = engine.module()
except ModuleNotFoundError as error:
    raise MissingDependency(
        f"there is no TensorRT for {sys.executable}",
        hint="a Jetson has it for /usr/bin/python3, by `sudo apt-get install python3-libnvinfer`: "
        "take that one, or another of its version, as `python` in the device's entry; elsewhere: "
        + install_command("tensorrt"),
    ) from error

# By TensorRT's names. Its own `nptype` of version 8 fails with NumPy from 1.24 on.
DTYPES = {
    "FLOAT": "float32",
    "HALF": "float16",
    "INT8": "int8",
    "UINT8": "uint8",
    "INT32": "int32",
    "INT64": "int64",
    "BOOL": "bool",
}


class _LayerTimes(tensorrt.IProfiler):  # type: ignore[misc]  # it has no types
    """Collects what TensorRT reports of each layer after each inference."""

    def __init__(self) -> None:
        super().__init__()
        self._ms: Dict[str, List[float]] = {}

    def report_layer_time(self, layer_name: str, ms: float) -> None:
        """Called by TensorRT."""
        self._ms.setdefault(layer_name, []).append(ms)

    def medians_ns(self) -> Dict[str, int]:
        """Median time of each layer, in ns, by its name."""
        return {
            name: round(statistics.median(times) * NS_PER_MS) for name, times in self._ms.items()
        }


class TensorrtSession:
    """An engine with one execution context, its buffers on the device, and one stream.

    The buffers live as long as the process, which is a worker's.
    """

    def __init__(self, engine: Any, shape_of: ShapeOf, origin: Mapping[str, str]) -> None:
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
            **self._origin,
            "layers": str(self._engine.num_layers),
            "device_memory_bytes": str(getattr(self._engine, memory)),
            **device_settings(),
        }

    def execution(self, feeds: Mapping[str, Any]) -> List[Op]:
        """Layers of the engine after fusion; empty for one that was built without details."""
        inspector = self._engine.create_engine_inspector()
        # With free axes it tells types only of the shapes that a context has.
        inspector.execution_context = self._context
        text = inspector.get_engine_information(tensorrt.LayerInformationFormat.JSON)
        # Reports at each execution from now on, and makes it wait: timing is done by then.
        times = _LayerTimes()
        self._context.profiler = times
        run_some(lambda: self.run(feeds))
        return ops_of(text, times.medians_ns())

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

    packages: Tuple[str, ...] = ("tensorrt", "tensorrt_rtx_cu13_bindings")

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
            plan, origin = model.read_bytes(), {"engine": "given"}
        loaded = tensorrt.Runtime(logger).deserialize_cuda_engine(plan)
        if loaded is None:
            raise unreadable(model, "engine of this TensorRT version for this GPU")
        return TensorrtSession(loaded, shape_of, origin)


def _built(model: Path, shape_of: ShapeOf, precision: str) -> Tuple[bytes, Dict[str, str]]:
    """An engine for the shapes that will be run, and for no others: the fastest one.

    Returns:
        The engine, and settings that say where it is from.
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
    start = time.perf_counter()
    plan, was_there = enginecache.kept(
        enginecache.key(model, facts),
        lambda: trtexec.build(program, model, fixed, kind) if program else network.build(fixed),
        enginecache.folder(),
    )
    if was_there:
        return plan, {"engine": "kept"}
    taken_s = f"{time.perf_counter() - start:.1f}"
    return plan, {"engine": f"built by {facts['builder']}", "engine_build_s": taken_s}


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
    if element.name not in DTYPES:
        raise ToolError(
            f"NumPy has no element type for TensorRT's {element.name}",
            hint="export the model with float32 inputs and outputs",
        )
    return DTYPES[element.name]


RUNTIME = Tensorrt()
