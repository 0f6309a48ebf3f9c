"""A whole bench by TensorRT, in real workers, over a module and a driver of our own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgekit.records import BenchPlan, BenchResult, Device, Subject
from edgekit.wire import Job, Profile
from edgekit.workflows import bench, plans
from tests.plain import PLAN, SAMPLES

STAND_IN = """
import sys
from tests.fake_tensorrt import module
sys.modules[__name__] = module("10.3.0", EXPLICIT_BATCH=0, STRONGLY_TYPED=1)
"""


@pytest.fixture
def result(library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BenchResult:
    """What two processes measured of one ONNX file."""
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "tensorrt.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(packages))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(Path(library).parent))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    model = tmp_path / "model.onnx"
    model.write_bytes(b"a model")
    plan = BenchPlan(
        Subject(model, sha256="", size_bytes=0),
        runtime="tensorrt",
        device=Device(),
        threads=1,
        batch=None,
        profile=Profile(5, 0.0, 5.0, 2, 0.0, 0.1, launches=2),
    )
    (found,) = bench.bench([plan])
    return found


def test_the_first_process_builds_and_the_second_finds_the_engine(result: BenchResult) -> None:
    assert result.failure is None
    first, second = (launch.settings for launch in result.launches)
    assert (first["engine"], second["engine"]) == ("built by module", "kept")
    built_s = first["engine_build_s"]
    assert f"its engine was built there in {built_s} s, and is kept" in result.reasons


def test_copies_are_rows_of_their_own_and_int8_is_told(result: BenchResult) -> None:
    rows = {metric.name: metric.value for metric in result.metrics}
    # Of twelve bytes each, by that driver's clock.
    assert (rows["part_h2d_p50_ms"], rows["part_compute_p50_ms"]) == (12.0, 0.0)
    assert rows["part_d2h_p50_ms"] == 12.0
    assert result.int8 is not None
    assert (result.int8.least, result.int8.fallbacks) == (1.0, ())


def test_building_an_engine_may_take_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []

    def run_job(_link: Any, _job: Job, *, timeout_s: float, **_: Any) -> Any:
        seen.append(timeout_s)
        return SAMPLES

    monkeypatch.setattr(bench, "run_job", run_job)
    link: Any = None
    for runtime in ("onnxruntime", "tensorrt"):
        bench.run(link, replace(PLAN, runtime=runtime))
    assert seen[1] - seen[0] == 3000.0


@pytest.mark.parametrize(
    ("suffix", "asked"), [(".onnx", ("tensorrt",)), (".engine", ("tensorrt",)), (".engine", ())]
)
def test_what_tensorrt_is_asked_for(suffix: str, asked: tuple[str, ...]) -> None:
    subject = Subject(Path(f"model{suffix}"), sha256="", size_bytes=0)
    request = plans.BenchRequest((), Path("exported"), runtimes=asked)
    assert list(plans.runtimes(request, subject)) == ["tensorrt"]
