"""OpenVINO on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Tuple

import numpy as np
import openvino

from edgekit.runtimes import ShapeOf
from edgekit.runtimes.openvinograph import NAME, ops_of
from edgekit.runtimes.specs import fixed, has_free_axis, not_run, run_some, spec, unreadable
from edgekit.wire import Op, TensorSpec

DEVICE = "CPU"
READ_BACK = (
    "INFERENCE_PRECISION_HINT",
    "INFERENCE_NUM_THREADS",
    "NUM_STREAMS",
    "PERFORMANCE_HINT",
    "EXECUTION_MODE_HINT",
    "ENABLE_CPU_PINNING",
    "RUNTIME_REQUIREMENTS",
)
# Compiles the model again so that it counts time, and says of what kind each operator of the file
# is, by name.
Profiled = Callable[[], Tuple[Any, Dict[str, str]]]


class OpenvinoSession:
    """A compiled model with one inference request."""

    def __init__(self, compiled: Any, inputs: List[TensorSpec], profiled: Profiled) -> None:
        self._compiled = compiled
        self._profiled = profiled
        self._infer = compiled.create_infer_request().infer
        self.inputs = inputs
        self.outputs = [_spec(port) for port in compiled.outputs]
        self._names = [value.name for value in inputs]

    def run(self, feeds: Mapping[str, Any]) -> List[Any]:
        """Run once. Inputs are read where they lie; outputs are copied out of the request."""
        arrays = [feeds[name] for name in self._names]
        return list(self._infer(arrays, share_inputs=True).to_tuple())

    def settings(self) -> Dict[str, str]:
        """Properties of the compiled model."""
        supported = set(self._compiled.get_property("SUPPORTED_PROPERTIES"))
        return {
            name.lower(): _word(self._compiled.get_property(name))
            for name in READ_BACK
            if name in supported
        }

    def execution(self, feeds: Mapping[str, Any]) -> List[Op]:
        """Nodes that the plugin executed, with its types and times, from a second compilation."""
        compiled, kinds = self._profiled()
        infer = compiled.create_infer_request().infer
        arrays = [feeds[name] for name in self._names]
        run_some(lambda: infer(arrays, share_inputs=True))
        nodes = compiled.get_runtime_model().get_ordered_ops()
        facts = [
            {
                NAME: node.get_friendly_name(),
                **{name: str(value.value) for name, value in node.get_rt_info().items()},
            }
            for node in nodes
        ]
        return ops_of(facts, kinds)


class Openvino:
    """Runs `.xml` files with their `.bin`, and `.onnx` files."""

    packages: Tuple[str, ...] = ("openvino",)

    def load(
        self, model: Path, *, threads: int, precision: str, shape_of: ShapeOf
    ) -> OpenvinoSession:
        """Read `model`, fix its shapes, compile it for latency."""
        core = openvino.Core()
        config = _config(core, threads, precision)
        graph, inputs = _graph(core, model, shape_of)
        try:
            compiled = core.compile_model(graph, DEVICE, config)
        except RuntimeError as error:
            raise not_run(model, "openvino", error) from error

        def profiled() -> Tuple[Any, Dict[str, str]]:
            # Read again: to keep the graph would count as the model's memory.
            again, _ = _graph(core, model, shape_of)
            kinds = {op.get_friendly_name(): op.get_type_name() for op in again.get_ops()}
            return core.compile_model(again, DEVICE, {**config, "PERF_COUNT": True}), kinds

        return OpenvinoSession(compiled, inputs, profiled)


def _graph(core: Any, model: Path, shape_of: ShapeOf) -> Tuple[Any, List[TensorSpec]]:
    """The graph with its shapes fixed, and its inputs as they are fed."""
    graph = _read(core, model)
    declared = [_spec(port) for port in graph.inputs]
    inputs = [fixed(value, shape_of) for value in declared]
    if any(has_free_axis(value) for value in declared):
        try:
            graph.reshape({i: list(value.shape) for i, value in enumerate(inputs)})
        except RuntimeError as error:
            raise not_run(model, "openvino", error) from error
    return graph, inputs


def _read(core: Any, model: Path) -> Any:
    weights = model.with_suffix(".bin")
    if model.suffix == ".xml" and not weights.exists():
        raise unreadable(model, "OpenVINO model", FileNotFoundError(f"{weights.name} is missing"))
    # OpenVINO goes by the content, and would run an ONNX file under this name.
    if model.suffix == ".xml" and not _begins_as_xml(model):
        raise unreadable(model, "OpenVINO model")
    try:
        return core.read_model(str(model))
    except RuntimeError as error:
        raise unreadable(model, "model for OpenVINO", error) from error


def _begins_as_xml(model: Path) -> bool:
    with model.open("rb") as file:
        return file.read(64).lstrip().startswith(b"<")


def _config(core: Any, threads: int, precision: str) -> Dict[str, Any]:
    # Said in any case: without it the plugin takes bf16 where the CPU has it (or fp16 on Arm),
    # and the numbers of a float32 model change without a word.
    capabilities = core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
    half = precision == "fp16" and "FP16" in capabilities
    return {
        "INFERENCE_PRECISION_HINT": "f16" if half else "f32",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "CACHE_DIR": "",
    }


def _spec(port: Any) -> TensorSpec:
    axes = port.get_partial_shape()
    shape = [axis.get_length() if axis.is_static else None for axis in axes]
    name = port.get_any_name() if port.get_names() else port.get_node().get_friendly_name()
    return spec(name, shape, _dtype(port.get_element_type()))


def _dtype(element: Any) -> str:
    """NumPy's name of an element type; OpenVINO's own, such as `bf16`, where NumPy has none."""
    try:
        name = np.dtype(element.to_dtype()).name
    except (RuntimeError, TypeError):
        return str(element.get_type_name())
    # It gives bfloat16 as the 16-bit numbers that it is stored in.
    return name if element.get_type_name() != "bf16" else "bfloat16"


def _word(value: Any) -> str:
    # Types print themselves as <Type: 'float32'>.
    name = value.get_type_name() if hasattr(value, "get_type_name") else str(value)
    return str(name)


RUNTIME = Openvino()
