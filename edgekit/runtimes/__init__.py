"""Runtimes: what runs a model file.

To add one: write a module here with an object that meets `Runtime`, add its line to the table
below, and its packages as an extra in `pyproject.toml`. The module may import its framework at
the top. It runs on devices: Python 3.8's syntax, NumPy and the framework, nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    List,
    Mapping,
    Protocol,
    Sequence,
    Tuple,
    runtime_checkable,
)

from edgekit.registry import Entry, Registry
from edgekit.wire import Op, TensorSpec

# Asked for each input that has free axes; returns the shape to use.
ShapeOf = Callable[[TensorSpec], Tuple[int, ...]]


class Session(Protocol):
    """A model that is loaded and ready to run.

    Attributes:
        inputs: Inputs as they are fed; no free axis.
        outputs: Outputs as the model declares them.
    """

    inputs: Sequence[TensorSpec]
    outputs: Sequence[TensorSpec]

    def run(self, feeds: Mapping[str, Any]) -> List[Any]:
        """Run once: arrays by input name to arrays in the order of `outputs`, in host memory.

        The arrays have the inputs' shapes and element types and are contiguous. A returned array
        stays as it is when `run` is called again.
        """
        ...

    def settings(self) -> Dict[str, str]:
        """Effective settings, read back from the runtime, not from the request."""
        ...

    def execution(self, feeds: Mapping[str, Any]) -> List[Op]:
        """Operators as the runtime runs them after its own fusions, one row each.

        Empty if it doesn't tell; rows without a time if it tells no times.

        Called once, when all timing is done: a runtime that can profile runs `feeds` for that, in
        a session of its own. Types and times are those of its graph or profile, never those that
        the file or the request names.
        """
        ...


@runtime_checkable
class Parted(Protocol):
    """A session whose inference has parts that can be timed: those of a device of its own."""

    def parts(self, feeds: Mapping[str, Any]) -> Dict[str, int]:
        """Run once and give the time of each part, in ns.

        `h2d` and `d2h` are the copies to the device and back, `compute` what lies between, by the
        device's own clock; `compute_host` is the same by the host's, which waits for it.
        """
        ...


class Runtime(Protocol):
    """A library that runs model files.

    Attributes:
        packages: Distributions whose versions belong to a result.
    """

    packages: Tuple[str, ...]

    def load(self, model: Path, *, threads: int, precision: str, shape_of: ShapeOf) -> Session:
        """Read `model` and make it ready to run.

        Args:
            model: The file.
            threads: Threads to use, passed to the library explicitly.
            precision: `fp32` or `fp16`: what float operators may be computed in. A library that
                would silently take a narrower type is told not to.
            shape_of: Says the shape of an input that has free axes.

        Raises:
            DataError: The file is not what its suffix says, or is cut short.
            ToolError: The library can't run it.
        """
        ...


RUNTIMES: Registry[Runtime] = Registry(
    "runtime",
    {
        "onnxruntime": Entry("edgekit.runtimes.onnxruntime:RUNTIME", "onnx", ("onnxruntime",)),
        "onnxruntime-reference": Entry(
            "edgekit.runtimes.onnxruntime:REFERENCE", "onnx", ("onnxruntime",)
        ),
        "openvino": Entry("edgekit.runtimes.openvino:RUNTIME", "openvino", ("openvino",)),
        "litert": Entry(
            "edgekit.runtimes.litert:RUNTIME", "litert", (("ai_edge_litert", "tflite_runtime"),)
        ),
        "onnxruntime-cuda": Entry("edgekit.runtimes.onnxcuda:RUNTIME", "cuda", ("onnxruntime",)),
        "torch": Entry("edgekit.runtimes.torch:RUNTIME", "torch", ("torch",)),
        "torch-compiled": Entry("edgekit.runtimes.torch:COMPILED", "torch", ("torch",)),
        "torch-cuda": Entry("edgekit.runtimes.torch:ON_CUDA", "torch", ("torch",)),
        "torch-cuda-compiled": Entry(
            "edgekit.runtimes.torch:COMPILED_ON_CUDA", "torch", ("torch", "triton")
        ),
        "tensorrt": Entry(
            "edgekit.runtimes.tensorrt:RUNTIME",
            "tensorrt",
            (("tensorrt", "tensorrt_rtx_bindings"),),
        ),
    },
)
