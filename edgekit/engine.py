"""Building TensorRT engines: one way for the exporter, which may have no GPU, and the device.

TensorRT comes under several module names with one API, so the module is an argument here.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from edgekit.errors import DataError, ToolError

Shape = Sequence[int]
# Where JetPack puts modules for the system's Python. An environment of the same version, made
# without the system's packages, doesn't look there, and could use what it has.
JETPACK = f"/usr/lib/python{sys.version_info[0]}.{sys.version_info[1]}/dist-packages"


def module() -> Any:
    """TensorRT's module: this environment's, JetPack's, or that of TensorRT for RTX.

    Raises:
        ModuleNotFoundError: There is none.
    """
    try:
        return importlib.import_module("tensorrt")
    except ModuleNotFoundError:
        # Last, and for this process alone: whatever else there is goes before it.
        sys.path.append(JETPACK)
    try:
        return importlib.import_module("tensorrt")
    except ModuleNotFoundError:
        sys.path.remove(JETPACK)
        return importlib.import_module("tensorrt_rtx_bindings")


class Network:
    """An ONNX file as TensorRT reads it, strongly typed where this TensorRT can.

    The precision of every tensor is what the file says. Weak typing and calibrators are gone since
    TensorRT 11; 10.x needs the flag, later ones take it and may not need it.

    Args:
        trt: `tensorrt` (8.5, 10.x, 11.x) or `tensorrt_rtx_bindings`.
        onnx: The ONNX file.

    Raises:
        DataError: The parser does not take the file.
    """

    def __init__(self, trt: Any, onnx: Path) -> None:
        self._trt, self._onnx = trt, onnx
        # All of them have to live as long as the network.
        self._logger = trt.Logger(trt.Logger.ERROR)
        self._builder = trt.Builder(self._logger)
        self._network = self._builder.create_network(_flags(trt))
        self._parser = trt.OnnxParser(self._network, self._logger)
        if not self._parser.parse_from_file(str(onnx)):
            count = self._parser.num_errors
            errors = "; ".join(str(self._parser.get_error(index)) for index in range(count))
            raise DataError(
                f"TensorRT can't parse {onnx}: {errors}",
                hint="measure what `--format tensorrt` exports: TensorRT takes symmetric int8",
            )

    @property
    def free(self) -> List[Any]:
        """TensorRT's tensors of the inputs that have free axes."""
        inputs = [self._network.get_input(index) for index in range(self._network.num_inputs)]
        return [tensor for tensor in inputs if min(tensor.shape, default=0) < 0]

    @property
    def quantized(self) -> bool:
        """Whether the file holds Q/DQ."""
        kinds = [self._network.get_layer(index).type for index in range(self._network.num_layers)]
        return self._trt.LayerType.QUANTIZE in kinds

    def build(
        self, shapes: Mapping[str, Tuple[Shape, Shape, Shape]], sm: Optional[int] = None
    ) -> bytes:
        """Build an engine.

        Args:
            shapes: Least, usual and largest shape of the inputs that have free axes.
            sm: Compute capability to build for without its GPU (89 for 8.9); TensorRT for RTX
                only. None for the GPU that is here.

        Returns:
            The serialized engine.

        Raises:
            ToolError: The build failed.
        """
        trt = self._trt
        config = self._builder.create_builder_config()
        # Else the engine can't say afterwards what its layers compute in.
        config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
        profile = self._builder.create_optimization_profile()
        for name, three in shapes.items():
            profile.set_shape(name, *three)
        config.add_optimization_profile(profile)
        if sm is not None:
            config.num_compute_capabilities = 1
            config.set_compute_capability(compute_capability(trt, sm), 0)
        engine = self._builder.build_serialized_network(self._network, config)
        if engine is None:
            raise ToolError(
                f"TensorRT {trt.__version__} built no engine from {self._onnx}",
                hint="run the printed trtexec command with --verbose to see which layer failed",
            )
        return bytes(engine)


def is_strongly_typed(trt: Any) -> bool:
    """Whether this TensorRT takes the precision of every tensor from the file: from 10 on."""
    return hasattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED")


def _flags(trt: Any) -> int:
    known = trt.NetworkDefinitionCreationFlag
    # Before version 10 a network without this flag takes no ONNX file.
    wanted = getattr(known, "STRONGLY_TYPED", getattr(known, "EXPLICIT_BATCH", None))
    return 0 if wanted is None else 1 << int(wanted)


def compute_capability(trt: Any, sm: int) -> Any:
    """TensorRT for RTX's name of a compute capability; None if it builds no engines for it."""
    return getattr(getattr(trt, "ComputeCapability", None), f"SM{sm}", None)
