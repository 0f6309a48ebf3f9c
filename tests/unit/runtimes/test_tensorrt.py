"""The adapter of TensorRT without a GPU: where an engine comes from, by a module of our own."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit import trtexec
from edgekit.errors import DataError, MissingDependency
from tests.unit.test_trtexec import stand_in


class _Tensor:
    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        self.name, self.shape, self.dtype = name, shape, "float32"


class _Layer:
    type = "CONVOLUTION"


class _Network:
    num_inputs, num_layers = 2, 1

    def get_input(self, index: int) -> _Tensor:
        return (_Tensor("x", (-1, 3)), _Tensor("mask", (3,)))[index]

    def get_layer(self, index: int) -> _Layer:
        return _Layer()


class _Config:
    def add_optimization_profile(self, profile: Any) -> None:
        self.profile = profile


class _Profile(dict[str, Any]):
    def set_shape(self, name: str, *shapes: Any) -> None:
        self[name] = shapes


class _Parser:
    num_errors = 1

    def __init__(self, network: Any, logger: Any) -> None:
        pass

    def parse_from_file(self, path: str) -> bool:
        return Path(path).read_bytes() != b"broken"

    def get_error(self, index: int) -> str:
        return "no such operator"


BUILT: list[Any] = []
FLAGS: list[int] = []


class _Builder:
    def __init__(self, logger: Any) -> None:
        pass

    def create_network(self, flags: int) -> _Network:
        FLAGS.append(flags)
        return _Network()

    def create_builder_config(self) -> _Config:
        return _Config()

    def create_optimization_profile(self) -> _Profile:
        return _Profile()

    def build_serialized_network(self, network: Any, config: _Config) -> bytes:
        BUILT.append(config.profile)
        return b"built by the module"


class _Engine:
    num_io_tensors = num_layers = 0

    def __init__(self, plan: bytes) -> None:
        self.plan = plan
        self.device_memory_size = 5

    def create_execution_context(self) -> None:
        pass


class _Runtime:
    def __init__(self, logger: Any) -> None:
        pass

    def deserialize_cuda_engine(self, plan: bytes) -> _Engine | None:
        return _Engine(plan) if plan != b"of another GPU" else None


def _module(version: str, **flags: int) -> types.ModuleType:
    module: Any = types.ModuleType("tensorrt")
    module.__version__ = version
    module.IProfiler, module.Builder, module.OnnxParser = object, _Builder, _Parser
    module.Runtime = _Runtime
    module.Logger = type("Logger", (), {"__init__": lambda self, level: None})
    module.Logger.ERROR = module.Logger.WARNING = 0
    module.NetworkDefinitionCreationFlag = types.SimpleNamespace(**flags)
    module.ProfilingVerbosity = types.SimpleNamespace(DETAILED=2)
    module.LayerType = types.SimpleNamespace(QUANTIZE="QUANTIZE")
    module.nptype = np.dtype
    return module


NEW = {"EXPLICIT_BATCH": 0, "STRONGLY_TYPED": 1}
OLD = {"EXPLICIT_BATCH": 0}


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Loads a model by the adapter, over a TensorRT of a version."""
    cudart: Any = types.ModuleType("edgekit.runtimes.cudart")
    cudart.Stream, cudart.need_gpu = object, lambda: None
    cudart.timed_parts = cudart.allocated = None
    cudart.device_settings = lambda: {"device_name": "Orin", "compute_capability": "8.7"}
    monkeypatch.setitem(sys.modules, "edgekit.runtimes.cudart", cudart)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    BUILT.clear()
    FLAGS.clear()
    model = tmp_path / "model.onnx"
    model.write_bytes(b"a model")

    def load(version: str, flags: dict[str, int], path: Path = model, batch: int = 4) -> Any:
        monkeypatch.setitem(sys.modules, "tensorrt", _module(version, **flags))
        monkeypatch.delitem(sys.modules, "edgekit.runtimes.tensorrt", raising=False)
        runtime = importlib.import_module("edgekit.runtimes.tensorrt").RUNTIME
        return runtime.load(path, threads=1, precision="fp16", shape_of=lambda spec: (batch, 3))

    yield load
    sys.modules.pop("edgekit.runtimes.tensorrt", None)


def test_an_engine_is_built_for_the_shapes_that_run(load: Any) -> None:
    session = load("10.3.0", NEW)
    assert session._engine.plan == b"built by the module"
    assert BUILT == [{"x": ((4, 3), (4, 3), (4, 3))}]
    assert FLAGS == [0b10]
    assert session.settings()["engine"] == "built by module"


def test_the_next_process_finds_it(load: Any) -> None:
    load("10.3.0", NEW)
    assert load("10.3.0", NEW).settings()["engine"] == "kept"
    assert len(BUILT) == 1


def test_another_version_or_shape_is_another_engine(load: Any) -> None:
    load("10.3.0", NEW)
    load("10.4.0", NEW)
    load("10.3.0", NEW, batch=8)
    assert len(BUILT) == 3


def test_an_old_module_leaves_it_to_the_program(
    load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = stand_in(tmp_path, "trtexec-8.5", engine="built by the program")
    monkeypatch.setattr(trtexec, "find", lambda: program)
    session = load("8.5.2", OLD)
    assert session._engine.plan == b"built by the program"
    assert session.settings()["engine"] == "built by trtexec"
    assert session.settings()["device_memory_bytes"] == "5"
    words = (tmp_path / "asked").read_text().splitlines()[-1].split()
    assert {"--fp16", "--optShapes=x:4x3"} <= set(words)
    # The ONNX parser of old ones reads nothing without this.
    assert FLAGS == [0b1]
    assert BUILT == []


def test_a_quantized_file_is_built_in_int8(
    load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = stand_in(tmp_path, "trtexec-8.5", engine="e")
    monkeypatch.setattr(trtexec, "find", lambda: program)
    monkeypatch.setattr(_Layer, "type", "QUANTIZE")
    load("8.5.2", OLD)
    assert "--int8" in (tmp_path / "asked").read_text().splitlines()[-1].split()


def test_an_old_module_without_the_program_says_what_to_install(
    load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trtexec, "find", lambda: None)
    with pytest.raises(MissingDependency, match=r"TensorRT 8\.5\.2") as caught:
        load("8.5.2", OLD)
    assert "apt-get install tensorrt" in caught.value.hint


def test_an_engine_that_is_given_is_not_built(load: Any, tmp_path: Path) -> None:
    path = tmp_path / "given.engine"
    path.write_bytes(b"given")
    assert load("10.3.0", NEW, path).settings()["engine"] == "given"
    path.write_bytes(b"of another GPU")
    with pytest.raises(DataError, match=r"given\.engine"):
        load("10.3.0", NEW, path)
    assert FLAGS == []


def test_a_file_that_the_parser_refuses(load: Any, tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"broken")
    with pytest.raises(DataError, match="no such operator"):
        load("10.3.0", NEW, path)
