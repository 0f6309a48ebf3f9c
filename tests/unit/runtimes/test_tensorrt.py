"""The adapter of TensorRT without a GPU: over a module and a driver of our own."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit import engine, trtexec
from edgekit.errors import DataError, MissingDependency, ToolError
from edgekit.runtimes import RUNTIMES, Parted
from tests.fake_tensorrt import BUILT, FLAGS, LARGEST, Engine, Layer, module
from tests.unit.test_trtexec import stand_in

NEW = {"EXPLICIT_BATCH": 0, "STRONGLY_TYPED": 1}
OLD = {"EXPLICIT_BATCH": 0}


@pytest.fixture
def load(
    driver: types.ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """Loads a model by the adapter, over a TensorRT of a version."""
    del driver  # it is there
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    BUILT.clear()
    FLAGS.clear()
    model = tmp_path / "model.onnx"
    model.write_bytes(b"a model")

    def load(version: str, flags: dict[str, int], path: Path = model, batch: int = 4) -> Any:
        monkeypatch.setitem(sys.modules, "tensorrt", module(version, **flags))
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
    settings = session.settings()
    assert settings["engine"] == "built by module"
    assert float(settings["engine_build_s"]) >= 0.0
    assert settings["device_name"] == "Orin"


def test_the_next_process_finds_it(load: Any) -> None:
    load("10.3.0", NEW)
    settings = load("10.3.0", NEW).settings()
    assert settings["engine"] == "kept"
    assert "engine_build_s" not in settings
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
    monkeypatch.setattr(Layer, "type", "QUANTIZE")
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


def test_an_inference_is_right_each_time(load: Any) -> None:
    session = load("10.3.0", NEW)
    assert [spec.shape for spec in (*session.inputs, *session.outputs)] == [(4, 3), (4, 3)]
    feeds = [{"x": np.full((4, 3), value, np.float32)} for value in (1.0, 4.0)]
    first, second = (session.run(feed)[0] for feed in feeds)
    assert first.dtype == np.float32
    assert (first.tolist(), second.tolist()) == ([[2.0] * 3] * 4, [[8.0] * 3] * 4)


def test_copies_are_parts_of_their_own(load: Any) -> None:
    session = load("10.3.0", NEW)
    assert isinstance(session, Parted)
    parts = session.parts({"x": np.ones((4, 3), np.float32)})
    # Of 48 bytes each, by the driver's clock; computing moves that on by nothing.
    assert {name: parts[name] for name in ("h2d", "compute", "d2h")} == {
        "h2d": 48_000_000,
        "compute": 0,
        "d2h": 48_000_000,
    }
    assert parts["compute_host"] > 0


def test_what_ran_in_which_type_and_how_long(load: Any) -> None:
    session = load("10.3.0", NEW)
    (op,) = session.execution({"x": np.ones((4, 3), np.float32)})
    assert (op.name, op.precision, op.unit, op.time_ns) == ("double", "int8", "CUDA", 500_000)


def test_a_shape_that_the_engine_was_not_built_for(load: Any, tmp_path: Path) -> None:
    path = tmp_path / "given.engine"
    path.write_bytes(b"given")
    with pytest.raises(ToolError, match=r"was not built for 'x' of shape \(9, 3\)") as caught:
        load("10.3.0", NEW, path, batch=LARGEST + 1)
    assert ".onnx" in caught.value.hint


def test_a_type_that_numpy_has_not(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "dtype", types.SimpleNamespace(name="BF16"))
    with pytest.raises(ToolError, match="BF16"):
        load("10.3.0", NEW)


def test_a_python_without_tensorrt_is_told_which_one_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("tensorrt", "tensorrt_rtx_bindings"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "edgekit.runtimes.tensorrt", raising=False)
    monkeypatch.setattr(RUNTIMES, "_loaded", {})
    with pytest.raises(MissingDependency, match=f"no TensorRT for {sys.executable}") as caught:
        RUNTIMES.get("tensorrt")
    assert "python3-libnvinfer" in caught.value.hint


def test_an_environment_of_the_same_version_takes_jetpacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "JETPACK", str(tmp_path))
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "tensorrt", raising=False)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx_bindings", module("1.0"))
    assert engine.module() is sys.modules["tensorrt_rtx_bindings"]
    assert str(tmp_path) not in sys.path
    (tmp_path / "tensorrt.py").write_text("whose = 'JetPack'\n")
    assert engine.module().whose == "JetPack"
    monkeypatch.delitem(sys.modules, "tensorrt")


def test_the_real_module_has_what_the_adapter_calls() -> None:
    """TensorRT for RTX has TensorRT's interface, and is here without a GPU."""
    trt = pytest.importorskip("tensorrt_rtx_bindings")
    called = {
        trt.ICudaEngine: "create_execution_context create_engine_inspector num_io_tensors "
        "num_layers get_tensor_name get_tensor_mode get_tensor_shape get_tensor_dtype "
        "device_memory_size_v2",
        trt.IExecutionContext: "profiler set_input_shape get_tensor_shape set_tensor_address "
        "execute_async_v3",
        trt.EngineInspector: "execution_context get_engine_information",
        trt.IProfiler: "report_layer_time",
        trt.Runtime: "deserialize_cuda_engine",
        trt.LayerInformationFormat: "JSON",
        trt.TensorIOMode: "INPUT",
        trt.DataType: "FLOAT HALF INT8 UINT8 INT32 INT64 BOOL",
    }
    for kind, names in called.items():
        assert [name for name in names.split() if not hasattr(kind, name)] == []
    assert trt.DataType.FLOAT.name == "FLOAT"
