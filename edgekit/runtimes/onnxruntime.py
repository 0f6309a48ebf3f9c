"""ONNX Runtime on the CPU."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as states

from edgekit.runtimes import ShapeOf
from edgekit.runtimes.onnxtrace import ops_of
from edgekit.runtimes.specs import fixed, not_run, run_some, spec, unreadable
from edgekit.wire import Op, TensorSpec

PROVIDERS = ("CPUExecutionProvider",)
SEVERITY_ERROR = 3
# What ONNX Runtime calls element types, where it isn't NumPy's name.
DTYPES = {"float": "float32", "double": "float64"}
# "Protobuf parsing failed", a graph that isn't one, and an empty file.
BROKEN = (states.InvalidProtobuf, states.InvalidGraph, states.InvalidArgument, states.NoSuchFile)


class OnnxSession:
    """A loaded `.onnx` file.

    Args:
        session: The session.
        model: The file, to profile it in a session of its own.
        providers: What the session was given to run it with, with their options.
        shape_of: Says the shape of an input that has free axes.
    """

    def __init__(
        self, session: Any, model: Path, providers: Sequence[Any], shape_of: ShapeOf
    ) -> None:
        self._session = session
        self._model = model
        self._providers = providers
        self._run = session.run
        self.inputs = [fixed(_spec(value), shape_of) for value in session.get_inputs()]
        self.outputs = [_spec(value) for value in session.get_outputs()]
        self._names = [output.name for output in self.outputs]

    def run(self, feeds: Mapping[str, Any]) -> List[Any]:
        """Run once; ONNX Runtime gives new arrays each time."""
        outputs: List[Any] = self._run(self._names, feeds)
        return outputs

    def settings(self) -> Dict[str, str]:
        """Session options and providers, read back from the session."""
        options = self._session.get_session_options()
        return {
            "providers": ",".join(self._session.get_providers()),
            "intra_op_threads": str(options.intra_op_num_threads),
            "inter_op_threads": str(options.inter_op_num_threads),
            "execution_mode": options.execution_mode.name,
            "graph_optimization_level": options.graph_optimization_level.name,
        }

    def execution(self, feeds: Mapping[str, Any]) -> List[Op]:
        """Operators of the graph after fusion, profiled in a second session."""
        with tempfile.TemporaryDirectory() as folder:
            options = self._session.get_session_options()
            options.enable_profiling = True
            options.profile_file_prefix = str(Path(folder) / "trace")
            session = _open(self._model, options, self._providers)
            runs = run_some(lambda: session.run(self._names, feeds))
            events = json.loads(Path(session.end_profiling()).read_bytes())
        return ops_of(events, runs)


class OnnxRuntime:
    """Runs `.onnx` files.

    Args:
        optimized: Whether the graph is fused for this CPU. If not, every node is computed as it
            stands, Q/DQ in float: what an int8 file means, free of any kernel's saturation.
    """

    def __init__(self, *, optimized: bool) -> None:
        self._optimized = optimized

    packages: Tuple[str, ...] = ("onnxruntime",)

    def load(self, model: Path, *, threads: int, precision: str, shape_of: ShapeOf) -> OnnxSession:
        """Read `model`; the CPU provider computes in the file's own types, so no `precision`."""
        del precision
        session = opened(model, session_options(threads, optimized=self._optimized), PROVIDERS)
        return OnnxSession(session, model, PROVIDERS, shape_of)


def opened(model: Path, options: Any, providers: Sequence[Any]) -> Any:
    """A session of `model`.

    Raises:
        DataError: The file is not what its suffix says, or is cut short.
        ToolError: ONNX Runtime can't run it.
    """
    try:
        return _open(model, options, providers)
    except BROKEN as error:
        raise unreadable(model, "ONNX model", error) from error
    except Exception as error:
        raise not_run(model, "onnxruntime", error) from error


def session_options(threads: int, *, optimized: bool) -> Any:
    """Options with everything said that decides how long an inference takes."""
    levels = onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = (
        levels.ORT_ENABLE_ALL if optimized else levels.ORT_DISABLE_ALL
    )
    options.log_severity_level = SEVERITY_ERROR
    return options


def _open(model: Path, options: Any, providers: Sequence[Any]) -> Any:
    return onnxruntime.InferenceSession(str(model), options, providers=list(providers))


def _spec(value: Any) -> TensorSpec:
    # Axes are numbers where they are fixed, names or None where they are free.
    shape = [axis if isinstance(axis, int) and axis > 0 else None for axis in value.shape]
    # Sequences and maps keep their whole name: NumPy has none for them.
    whole = str(value.type)
    element = whole[len("tensor(") : -1] if whole.startswith("tensor(") else whole
    return spec(value.name, shape, DTYPES.get(element, element))


RUNTIME = OnnxRuntime(optimized=True)
REFERENCE = OnnxRuntime(optimized=False)
