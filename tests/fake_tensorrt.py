"""A module in the place of TensorRT's: engines that double three numbers, where the driver's are."""

from __future__ import annotations

import ctypes
import json
import types
from pathlib import Path
from typing import Any

FLOAT = types.SimpleNamespace(name="FLOAT")


class Tensor:
    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        self.name, self.shape, self.dtype = name, shape, FLOAT


class Layer:
    type = "CONVOLUTION"


class Network:
    num_inputs, num_layers = 2, 1

    def get_input(self, index: int) -> Tensor:
        return (Tensor("x", (-1, 3)), Tensor("mask", (3,)))[index]

    def get_layer(self, index: int) -> Layer:
        return Layer()


class Config:
    def add_optimization_profile(self, profile: Any) -> None:
        self.profile = profile


class Profile(dict[str, Any]):
    def set_shape(self, name: str, *shapes: Any) -> None:
        self[name] = shapes


class Parser:
    num_errors = 1

    def __init__(self, network: Any, logger: Any) -> None:
        pass

    def parse_from_file(self, path: str) -> bool:
        return Path(path).read_bytes() != b"broken"

    def get_error(self, index: int) -> str:
        return "no such operator"


LARGEST = 8
BUILT: list[Any] = []
FLAGS: list[int] = []


class Builder:
    def __init__(self, logger: Any) -> None:
        pass

    def create_network(self, flags: int) -> Network:
        FLAGS.append(flags)
        return Network()

    def create_builder_config(self) -> Config:
        return Config()

    def create_optimization_profile(self) -> Profile:
        return Profile()

    def build_serialized_network(self, network: Any, config: Config) -> bytes:
        BUILT.append(config.profile)
        return b"built by the module"


class Context:
    """Doubles `x`, three numbers, into `y`, where both lie."""

    profiler: Any = None

    def __init__(self) -> None:
        self.addresses: dict[str, int] = {}
        self.batch = 0

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self.batch = shape[0]
        return self.batch <= LARGEST

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (self.batch, 3)

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        floats = ctypes.c_float * (3 * self.batch)
        x, y = (floats.from_address(self.addresses[name]) for name in "xy")
        y[:] = [2.0 * value for value in x]
        if self.profiler is not None:
            self.profiler.report_layer_time("double", 0.5)
        return stream != 0


class Inspector:
    """Without a context it tells no types, as the real one where axes are free."""

    execution_context: Any = None

    def get_engine_information(self, kind: str) -> str:
        word = "N/A due to dynamic shapes" if self.execution_context is None else "Int8 NC/4HW4"
        facts = {"Name": "x", "Format/Datatype": word}
        layer = {"Name": "double", "LayerType": "CaskConvolution", "Inputs": [facts]}
        return json.dumps({"Layers": [layer]}) if kind == "JSON" else "double"


class Engine:
    num_io_tensors, num_layers = 2, 1
    dtype = FLOAT

    def __init__(self, plan: bytes) -> None:
        self.plan = plan
        self.device_memory_size = 5

    def create_execution_context(self) -> Context:
        return Context()

    def create_engine_inspector(self) -> Inspector:
        return Inspector()

    def get_tensor_name(self, index: int) -> str:
        return "xy"[index]

    def get_tensor_mode(self, name: str) -> str:
        return "INPUT" if name == "x" else "OUTPUT"

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (-1, 3)

    def get_tensor_dtype(self, name: str) -> Any:
        return self.dtype


class Runtime:
    def __init__(self, logger: Any) -> None:
        pass

    def deserialize_cuda_engine(self, plan: bytes) -> Engine | None:
        return Engine(plan) if plan != b"of another GPU" else None


def module(version: str, **flags: int) -> types.ModuleType:
    module: Any = types.ModuleType("tensorrt")
    module.__version__ = version
    module.IProfiler, module.Builder, module.OnnxParser = object, Builder, Parser
    module.Runtime = Runtime
    module.Logger = type("Logger", (), {"__init__": lambda self, level: None})
    module.Logger.ERROR = module.Logger.WARNING = 0
    module.NetworkDefinitionCreationFlag = types.SimpleNamespace(**flags)
    module.ProfilingVerbosity = types.SimpleNamespace(DETAILED=2)
    module.LayerType = types.SimpleNamespace(QUANTIZE="QUANTIZE")
    module.TensorIOMode = types.SimpleNamespace(INPUT="INPUT")
    module.LayerInformationFormat = types.SimpleNamespace(JSON="JSON")
    return module
