"""ONNX Runtime on an NVIDIA GPU, by its CUDA provider.

Written against the documentation of ONNX Runtime 1.23 and later. Binding and timing are tested on
the CPU; running on a GPU has not been tried here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import onnxruntime

from edgekit.errors import MissingDependency
from edgekit.runtimes import ShapeOf
from edgekit.runtimes.cudadriver import Marks, Stream, device_settings, need_gpu, timed_parts
from edgekit.runtimes.onnxruntime import PROVIDERS, OnnxSession, opened, session_options

CUDA = "cuda"
PROVIDER = "CUDAExecutionProvider"
DEVICE_ID = 0
INSTALL = "pip uninstall onnxruntime; pip install onnxruntime-gpu"
# Read back from the provider: what changes how long an inference takes, or its numbers.
READ_BACK = ("device_id", "use_tf32", "cudnn_conv_algo_search", "enable_cuda_graph", "prefer_nhwc")


class BoundSession(OnnxSession):
    """A file whose inputs and outputs can lie on the device, so that its parts can be timed.

    Args:
        session: The session.
        model: The file.
        providers: What the session was given to run it with, with their options.
        shape_of: Says the shape of an input that has free axes.
        stream: The queue that the provider works in.
        device: Where inputs and outputs lie: `cuda`.
    """

    def __init__(
        self,
        session: Any,
        model: Path,
        providers: Sequence[Any],
        shape_of: ShapeOf,
        stream: Marks,
        device: str = CUDA,
    ) -> None:
        super().__init__(session, model, providers, shape_of)
        self._stream = stream
        self._device = device
        self._values: Dict[str, Any] = {}

    def parts(self, feeds: Mapping[str, Any]) -> Dict[str, int]:
        """Copies and computing of one inference, by events of the provider's own stream."""
        binding = self._session.io_binding()
        for value in self.inputs:
            binding.bind_ortvalue_input(value.name, self._value(value.name, feeds[value.name]))
        for output in self.outputs:
            binding.bind_output(output.name, self._device, DEVICE_ID)
        return timed_parts(
            self._stream,
            lambda: self._copy_in(feeds),
            lambda: self._session.run_with_iobinding(binding),
            binding.copy_outputs_to_cpu,
        )

    def _value(self, name: str, array: Any) -> Any:
        """Memory on the device for an input; the same at each call, as an application has it."""
        if name not in self._values:
            # Not made from the array: on the CPU that would be the array's own memory.
            self._values[name] = onnxruntime.OrtValue.ortvalue_from_shape_and_type(
                array.shape, array.dtype, self._device, DEVICE_ID
            )
        return self._values[name]

    def _copy_in(self, feeds: Mapping[str, Any]) -> None:
        for name, value in self._values.items():
            value.update_inplace(feeds[name])


class CudaSession(BoundSession):
    """A file on the GPU."""

    def settings(self) -> Dict[str, str]:
        """Session options, the provider's options as it has them, and the GPU."""
        options = self._session.get_provider_options()[PROVIDER]
        return {
            **super().settings(),
            **{name: str(options[name]) for name in READ_BACK if name in options},
            **device_settings(),
            "op_times": "none: ONNX Runtime's trace tells how long CUDA's kernels took to start",
        }


class OnnxCuda:
    """Runs `.onnx` files on the GPU; what CUDA has no kernel for runs on the CPU, and is told."""

    packages: Tuple[str, ...] = ("onnxruntime-gpu",)

    def load(self, model: Path, *, threads: int, precision: str, shape_of: ShapeOf) -> CudaSession:
        """Read `model`; the provider computes in the file's own types, so no `precision`.

        Raises:
            MissingDependency: There is no GPU, or no ONNX Runtime that can use it.
        """
        del precision
        need_gpu()
        if PROVIDER not in onnxruntime.get_available_providers():
            raise MissingDependency(
                f"onnxruntime {onnxruntime.__version__} was built without CUDA", hint=INSTALL
            )
        # CUDA's libraries may have come as packages, where the loader doesn't look.
        if hasattr(onnxruntime, "preload_dlls"):  # from 1.21 on; those for JetPack 5 are older
            onnxruntime.preload_dlls()
        stream = Stream()
        providers = _providers(stream)
        session = opened(model, session_options(threads, optimized=True), providers)
        # Where it can't use the GPU it takes the CPU, with no more than a word in the log.
        if PROVIDER not in session.get_providers():
            raise MissingDependency(
                "ONNX Runtime's CUDA provider could not start; its log says what it lacks",
                hint="pip install 'onnxruntime-gpu[cuda,cudnn]'",
            )
        return CudaSession(session, model, providers, shape_of, stream)


def _providers(stream: Stream) -> List[Any]:
    options = {
        "device_id": str(DEVICE_ID),
        # TF32, which has ten bits of mantissa, is what it would take for float32 by itself.
        "use_tf32": "0",
        "user_compute_stream": str(stream.address),
    }
    return [(PROVIDER, options), *PROVIDERS]


RUNTIME = OnnxCuda()
