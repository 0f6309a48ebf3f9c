"""What every runtime must do, each in the worker that it is used in."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.errors import DataError, FixedBatchError, MissingDependency, ToolError, UsageError
from edgekit.quantization.coverage import by_kind, int8_share
from edgekit.quantization.target import gpus
from edgekit.runtimes import RUNTIMES
from edgekit.transports.local import LocalLink
from edgekit.wire import Job, Look, Profile, Rival, Samples, Turns
from edgekit.workflows.jobs import run_job
from tests.graph_files import MAKERS

TINY = Path(__file__).parents[1] / "tiny_models.py"
PROFILE = Profile(9, 0.0, 5.0, 2, 0.0, 0.2)
FILES = {
    "onnxruntime": "onnx.onnx",
    "onnxruntime-reference": "onnx.onnx",
    "openvino": "openvino.xml",
    "litert": "litert.tflite",
    "onnxruntime-cuda": "onnx.onnx",
    "torch": "torch.pt2",
    "torch-compiled": "torch.pt2",
    "torch-cuda": "torch.pt2",
    "torch-cuda-compiled": "torch.pt2",
    "tensorrt": "onnx.onnx",
}
# They tell what ran, and not how long it took.
UNTIMED = {"onnxruntime-cuda"}
# In microseconds, of which these networks take few.
COARSE = {"litert"}
GPU = {"onnxruntime-cuda", "tensorrt", "torch-cuda", "torch-cuda-compiled"}
# Compiles at each load.
SLOW = {"torch-compiled", "torch-cuda-compiled"}
NAMES = RUNTIMES.names()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    quiet = {"ORT_DISABLE_TELEMETRY": "1", "CI": "true"}
    subprocess.run(
        [sys.executable, str(TINY), str(folder)],
        check=True,
        capture_output=True,
        env={**os.environ, **quiet},
        timeout=600,
    )
    return folder


@pytest.fixture(
    params=[pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in NAMES]
)
def runtime(request: pytest.FixtureRequest) -> str:
    """The name of each runtime that can work here."""
    name: str = request.param
    if absent := RUNTIMES.missing(name):
        pytest.skip(f"{', '.join(absent)} is not installed")
    if name in GPU and not gpus():
        pytest.skip("there is no NVIDIA GPU")
    if name == "torch-compiled" and not shutil.which("g++"):
        pytest.skip("there is no C++ compiler")
    return name


def _run(runtime: str, model: Path, **fields: Any) -> Samples | None:
    job = Job(
        **{
            "kind": "bench",
            "runtime": runtime,
            "model": str(model),
            "precision": "fp32",
            "threads": 1,
            "profile": PROFILE,
            **fields,
        }
    )
    found = run_job(LocalLink(), job, timeout_s=300)
    assert not isinstance(found, Turns | Look)
    return found


def _bench(runtime: str, model: Path, **fields: Any) -> Samples:
    samples = _run(runtime, model, **fields)
    assert samples is not None
    return samples


def test_the_files_of_this_test_cover_every_runtime() -> None:
    assert FILES.keys() == set(NAMES)


@pytest.mark.parametrize("batch", [1, 2])
def test_outputs_are_the_models_and_stay_when_it_runs_again(
    runtime: str, models: Path, tmp_path: Path, batch: int
) -> None:
    # Five samples in batches: an adapter that hands out the same memory twice gives the last
    # batch's numbers for all of them.
    outputs = tmp_path / "out.npz"
    _run(
        runtime,
        models / FILES[runtime],
        kind="infer",
        batch=batch,
        feeds=str(models / "golden.npz"),
        outputs=str(outputs),
    )
    with np.load(models / "golden.npz") as golden, np.load(outputs) as found:
        assert found["output:0"].dtype == np.float32
        # Tighter than bfloat16's three digits: nobody may take a narrower type by himself.
        np.testing.assert_allclose(found["output:0"], golden["output:0"], rtol=1e-4, atol=1e-5)


def test_a_bench_tells_what_ran(runtime: str, models: Path) -> None:
    samples = _bench(runtime, models / FILES[runtime], golden=str(models / "golden.npz"))
    assert len(samples.latency_ns) >= PROFILE.min_runs
    assert min(samples.latency_ns) > 0
    assert min(samples.cpu_ns) >= 0
    (image,) = samples.inputs
    assert (image.shape, image.dtype, image.layout) == ((1, 3, 16, 16), "float32", "NCHW")
    assert samples.outputs[0].shape[-1] == 5
    assert samples.settings
    assert samples.versions.keys() > {"edgekit", "numpy"}
    assert samples.golden is not None
    assert samples.golden.agreement == 1.0
    assert samples.golden.finite
    assert len(samples.execution) >= 3
    assert {op.precision for op in samples.execution} == {"fp32"}
    assert all(op.name and op.op and op.unit for op in samples.execution)
    assert len({op.name for op in samples.execution}) == len(samples.execution)
    assert samples.defaulted == {}
    parts = {"h2d", "compute", "d2h", "compute_host"} if runtime in GPU else set()
    assert samples.parts_ns.keys() == parts


@pytest.mark.parametrize(
    ("name", "in_int8"),
    [
        ("openvino", 1),
        # The file's first convolution is an int8 one, and would be told as such by who reads the
        # file; but its ReLU6 is no part of its quantizer's range, so ONNX Runtime doesn't fuse it.
        ("onnxruntime", 0),
        # Computes what Q and DQ say, in float.
        ("onnxruntime-reference", 0),
    ],
)
def test_what_ran_in_int8_is_told_by_the_runtime_and_not_the_file(
    tmp_path: Path, name: str, in_int8: int
) -> None:
    model = tmp_path / f"m{Path(FILES[name]).suffix}"
    MAKERS[model.suffix](model, "int8")
    execution = _bench(name, model).execution
    found = int8_share(by_kind(execution))
    assert found is not None
    assert min(found.int8_ops, 1) == in_int8
    assert any("conv" in kind.op.lower() for kind in found.fallbacks)
    assert any(op.conversion for op in execution)


def test_times_are_of_all_operators_or_of_none(runtime: str, models: Path) -> None:
    execution = _bench(runtime, models / FILES[runtime]).execution
    times_ns = [op.time_ns for op in execution]
    assert (None in times_ns) == (runtime in UNTIMED)
    if runtime not in UNTIMED | COARSE:
        assert sum(filter(None, times_ns)) > 0


def test_models_take_turns(runtime: str, models: Path, tmp_path: Path) -> None:
    model = models / FILES[runtime]
    rival = tmp_path / model.name
    for path in models.glob(f"{model.stem}.*"):
        shutil.copy(path, tmp_path)
    job = Job(
        kind="compare",
        runtime=runtime,
        model=str(model),
        precision="fp32",
        threads=1,
        profile=PROFILE,
        rivals=[Rival(str(rival), "fp16")],
    )
    found = run_job(LocalLink(), job, timeout_s=300)
    assert isinstance(found, Turns)
    rounds = len(found.order) // 2
    assert rounds >= PROFILE.min_runs
    for side in found.sides:
        assert len(side.latency_ns) == len(side.cpu_ns) == rounds * found.runs
        assert side.output_sha256


def test_threads_are_read_back(runtime: str, models: Path) -> None:
    if runtime in GPU:
        pytest.skip("a GPU has no threads")
    settings = _bench(runtime, models / FILES[runtime], threads=2).settings
    assert "2" in [value for name, value in settings.items() if "threads" in name]


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_a_file_that_is_cut_short_is_refused(
    runtime: str, models: Path, tmp_path: Path, keep: float
) -> None:
    name = FILES[runtime]
    content = (models / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * keep)])
    if name.endswith(".xml"):
        shutil.copy(models / "openvino.bin", tmp_path)
    with pytest.raises(DataError) as caught:
        _run(runtime, tmp_path / name)
    assert name in str(caught.value)


def test_a_file_of_another_kind_is_refused(runtime: str, models: Path, tmp_path: Path) -> None:
    name = FILES[runtime]
    (tmp_path / name).write_text("this is no model\n" * 100)
    if name.endswith(".xml"):
        shutil.copy(models / "openvino.bin", tmp_path)
    with pytest.raises(DataError):
        _run(runtime, tmp_path / name)


def test_openvino_weights_that_are_missing_or_cut_are_refused(
    models: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copy(models / "openvino.xml", tmp_path))
    with pytest.raises(DataError, match=r"openvino\.bin"):
        _run("openvino", model)
    content = (models / "openvino.bin").read_bytes()
    (tmp_path / "openvino.bin").write_bytes(content[: len(content) // 2])
    with pytest.raises((DataError, ToolError)):
        _run("openvino", model)


def test_a_fixed_batch_is_refused_with_what_would_work(models: Path) -> None:
    with pytest.raises(UsageError) as caught:
        _run("onnxruntime", models / "fixed.onnx", batch=4)
    assert "--batch 4" in caught.value.hint


def test_a_litert_file_that_can_not_grow_says_what_would_work(models: Path) -> None:
    assert _bench("litert", models / "litert.tflite", batch=4).inputs[0].shape[0] == 4
    with pytest.raises(FixedBatchError, match="fixed at its own batch") as caught:
        _run("litert", models / "baked.tflite", batch=4)
    assert "--batch" in caught.value.hint


def test_openvino_computes_float32_in_float32(models: Path) -> None:
    settings = _bench("openvino", models / "openvino.xml").settings
    assert settings["inference_precision_hint"] == "f32"


def test_litert_says_what_its_delegate_took(models: Path) -> None:
    settings = _bench("litert", models / "litert.tflite").settings
    assert settings["xnnpack"] == "on"
    taken, _, count = settings["delegated_ops"].partition(" of ")
    assert 0 < int(taken) <= int(count)


@pytest.mark.skipif(bool(gpus()), reason="this machine has an NVIDIA GPU")
@pytest.mark.parametrize("name", sorted(GPU))
def test_without_a_gpu_a_runtime_says_so(models: Path, name: str) -> None:
    if absent := RUNTIMES.missing(name):
        pytest.skip(f"{', '.join(absent)} is not installed")
    with pytest.raises(MissingDependency, match=r"no NVIDIA GPU|no CUDA device") as caught:
        _run(name, models / FILES[name])
    assert "nvidia-smi" in caught.value.hint or "pip install torch" in caught.value.hint


@pytest.mark.skipif(bool(RUNTIMES.missing("torch")), reason="torch is not installed")
def test_without_a_compiler_nothing_is_compiled(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependency, match=r"no g\+\+") as caught:
        _run("torch-compiled", models / "torch.pt2")
    assert "install" in caught.value.hint


def test_no_namereports_to_its_maker(
    runtime: str, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Telemetry that is off makes no files in the home folder either.
    monkeypatch.setenv("HOME", str(tmp_path))
    _bench(runtime, models / FILES[runtime])
    assert list(tmp_path.iterdir()) == []


def _rewritten(source: Path, target: Path, ending: str, content: bytes) -> Path:
    """A copy of an archive in which the member that ends with `ending` has another content."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        found = [name for name in old.namelist() if name.endswith(ending)]
        assert found
        for name in old.namelist():
            new.writestr(name, content if name in found else old.read(name))
    return target


def _hostile(kind: str, source: Path, target: Path, trace: Path) -> Path:
    with zipfile.ZipFile(source) as archive:
        texts = {name.rpartition("/")[2]: archive.read(name) for name in archive.namelist()}
    if kind == "pickle":
        return _rewritten(source, target, "sample_inputs/model.pt", pickle.dumps(_Touch(trace)))
    if kind == "weights":
        name = "model_weights_config.json"
        return _rewritten(source, target, name, texts[name].replace(b"false", b"true"))
    program = json.loads(texts["model.json"])
    if kind == "operator":
        program["graph_module"]["graph"]["nodes"][0]["target"] = "torch.os.system"
        return _rewritten(source, target, "models/model.json", json.dumps(program).encode())
    text = re.sub(rb'("expr_str": )"[^"]+"', rb'\1"open(chr(97))"', texts["model.json"])
    assert text != texts["model.json"]
    return _rewritten(source, target, "models/model.json", text)


class _Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self._path,))


@pytest.mark.parametrize("kind", ["pickle", "weights", "operator", "size"])
def test_a_program_of_torch_that_holds_code_is_refused_and_not_run(
    models: Path, tmp_path: Path, kind: str
) -> None:
    trace = tmp_path / "was-run"
    model = _hostile(kind, models / "torch.pt2", tmp_path / "evil.pt2", trace)
    with pytest.raises(DataError, match="holds code, .* refused and not run"):
        _run("torch", model)
    assert not trace.exists()


def test_openvino_does_not_run_an_onnx_file_under_its_name(models: Path, tmp_path: Path) -> None:
    shutil.copy(models / "onnx.onnx", tmp_path / "openvino.xml")
    shutil.copy(models / "openvino.bin", tmp_path)
    with pytest.raises(DataError, match=r"openvino\.xml is not a readable"):
        _run("openvino", tmp_path / "openvino.xml")
