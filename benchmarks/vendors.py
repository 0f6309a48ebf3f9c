"""The vendors' own tools, asked for the median latency of a file."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from edgekit.records import BenchPlan, Device, Subject
from edgekit.stats import percentile
from edgekit.transports import linked
from edgekit.wire import Profile
from edgekit.workflows import bench

# Many short pairs in place of few long ones: a shared machine changes its pace within seconds.
PAIRS = 15
RUNS = 120
WARM_RUNS = 30
THREADS = 1
FORMATS = {"openvino": "openvino", "litert": "litert", "onnxruntime": "onnx"}
NAMES = {
    "openvino": "OpenVINO's benchmark_app",
    "litert": "LiteRT's litert-benchmark",
    "onnxruntime": "ONNX Runtime's onnxruntime_test",
}
# The script prints a mean and takes all cores. Its own loop is kept; each run of it is timed, and
# the session gets the number of threads.
_ORT = """
import statistics, sys, time
import onnxruntime
from onnxruntime.tools import onnxruntime_test as tool
times = []
class Session(onnxruntime.InferenceSession):
    def __init__(self, path, sess_options=None, providers=None):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = {threads}
        super().__init__(path, options, providers=["CPUExecutionProvider"])
    def run(self, *args):
        start = time.perf_counter_ns()
        outputs = super().run(*args)
        times.append(time.perf_counter_ns() - start)
        return outputs
tool.onnxrt.InferenceSession = Session
tool.run_model(sys.argv[1], {runs})
print("median", statistics.median(times[{warm}:]))
"""


def ratios(path: Path, runtime: str, measure: Callable[[Path], float]) -> list[float]:
    """p50 by edgekit over p50 by the tool, a pair after the other, the order changed each time."""
    found = []
    for pair in range(PAIRS):
        if pair % 2:
            theirs = measure(path)
            ours = edgekit_ms(path, runtime)
        else:
            ours = edgekit_ms(path, runtime)
            theirs = measure(path)
        found.append(ours / theirs)
    return found


def edgekit_ms(path: Path, runtime: str) -> float:
    """The median of one worker of edgekit."""
    profile = Profile(RUNS, 0.0, 600.0, WARM_RUNS, 0.0, 600.0)
    subject = Subject(path, "0" * 64, path.stat().st_size)
    plan = BenchPlan(subject, runtime, Device(), THREADS, 1, profile)
    with linked(plan.device) as link:
        samples = bench.run(link, plan)
    return percentile(samples.latency_ns, 0.5) / 1e6


def openvino_ms(path: Path) -> float:
    """The median that `benchmark_app` prints, of synchronous inferences."""
    options = ["-api", "sync", "-hint", "none", "-nstreams", "1", "-infer_precision", "f32"]
    options += ["-shape", "[1,3,224,224]"]
    count = ["-niter", str(RUNS), "-nthreads", str(THREADS)]
    text = _run(
        str(Path(sys.executable).with_name("benchmark_app")), "-m", str(path), *options, *count
    )
    found = re.search(r"Median:\s+([\d.]+) ms", text)
    assert found, text
    return float(found[1])


def litert_ms(path: Path) -> float:
    """The median that `litert-benchmark` writes."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        count = [f"--num_runs={RUNS}", f"--warmup_runs={WARM_RUNS}", f"--num_threads={THREADS}"]
        tool = str(Path(sys.executable).with_name("litert-benchmark"))
        _run(tool, f"--model={path}", *count, f"--result_json={result}")
        return float(json.loads(result.read_text())["latency"]["median_ms"])


def onnxruntime_ms(path: Path) -> float:
    """The median over the runs that ONNX Runtime's script makes."""
    program = _ORT.format(threads=THREADS, runs=RUNS + WARM_RUNS, warm=WARM_RUNS)
    text = _run(sys.executable, "-c", program, str(path))
    return float(text.split()[-1]) / 1e6


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


TOOLS: dict[str, Callable[[Path], float]] = {
    "openvino": openvino_ms,
    "litert": litert_ms,
    "onnxruntime": onnxruntime_ms,
}
