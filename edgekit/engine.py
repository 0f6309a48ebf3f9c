"""Building TensorRT engines: one way for the exporter, which may have no GPU, and the device.

TensorRT comes under several module names with one API, so the module is an argument here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Optional, Sequence, Tuple

from edgekit.errors import DataError, ToolError

Shape = Sequence[int]
# Asked for each of TensorRT's input tensors: its least, usual and largest shape.
ShapesOf = Callable[[Any], Tuple[Shape, Shape, Shape]]


def build(trt: Any, onnx: Path, shapes_of: ShapesOf, *, sm: Optional[int] = None) -> bytes:
    """Build an engine, strongly typed: the precision of every tensor is what the file says.

    Weak typing and calibrators are gone since TensorRT 11; 10.x needs the flag, later ones take
    it and may not need it.

    Args:
        trt: `tensorrt` (10.x, 11.x) or `tensorrt_rtx_bindings`.
        onnx: The ONNX file.
        shapes_of: Says the shapes of an input that has free axes.
        sm: Compute capability to build for without its GPU (89 for 8.9); TensorRT for RTX only.
            None for the GPU that is here.

    Returns:
        The serialized engine.

    Raises:
        DataError: The parser does not take the file.
        ToolError: The build failed.
    """
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    strongly_typed = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    network = builder.create_network(0 if strongly_typed is None else 1 << int(strongly_typed))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(str(onnx)):
        errors = "; ".join(str(parser.get_error(i)) for i in range(parser.num_errors))
        raise DataError(
            f"TensorRT can't parse {onnx}: {errors}",
            hint="export again with --format tensorrt, whose Q/DQ placement TensorRT takes",
        )
    config = builder.create_builder_config()
    # Else the engine can't say afterwards what its layers compute in.
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    profile = builder.create_optimization_profile()
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        if min(tensor.shape) < 0:
            profile.set_shape(tensor.name, *shapes_of(tensor))
    config.add_optimization_profile(profile)
    if sm is not None:
        config.num_compute_capabilities = 1
        config.set_compute_capability(compute_capability(trt, sm), 0)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise ToolError(
            f"TensorRT {trt.__version__} built no engine from {onnx}",
            hint="run the printed trtexec command with --verbose to see which layer failed",
        )
    return bytes(engine)


def compute_capability(trt: Any, sm: int) -> Any:
    """TensorRT for RTX's name of a compute capability; None if it builds no engines for it."""
    return getattr(getattr(trt, "ComputeCapability", None), f"SM{sm}", None)
