"""What measuring itself costs: `python benchmarks/harness_overhead.py`.

(a) The loop's own time per inference, with a runtime that does nothing.
(b) The median latency that edgekit's loop gives, against a bare loop on the same session of ONNX
    Runtime, taken in turns so that both see the same disturbances.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from edgekit.measure.inputs import ShapeChooser, random_feeds
from edgekit.measure.loop import timed
from edgekit.runtimes import RUNTIMES
from edgekit.stats import percentile
from edgekit.wire import Job, Profile

ROUNDS = 20
RUNS = 500
EMPTY_RUNS = 100_000


def own_overhead_us() -> float:
    """Microseconds per inference of the loop around nothing."""
    profile = Profile(EMPTY_RUNS, 0.0, 60.0, 0, 0.0, 0.0)
    feeds: list[Mapping[str, Any]] = [{"x": np.zeros(1)}] * 8

    def nothing(_: Mapping[str, Any]) -> list[Any]:
        return []

    start = time.perf_counter_ns()
    wall, *_ = timed(nothing, feeds, profile)
    return (time.perf_counter_ns() - start) / len(wall) / 1e3


def write_model(path: Path) -> None:
    """Three convolutions, some hundred microseconds of work."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(0)
    nodes, weights = [], []
    for index in range(3):
        shape = (16, 3 if index == 0 else 16, 3, 3)
        value = generator.standard_normal(shape).astype(np.float32)
        weights.append(numpy_helper.from_array(value, f"w{index}"))
        names = [f"t{index}", f"w{index}"]
        nodes.append(helper.make_node("Conv", names, [f"t{index + 1}"], pads=[1, 1, 1, 1]))
    graph = helper.make_graph(
        nodes,
        "convolutions",
        [helper.make_tensor_value_info("t0", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("t3", TensorProto.FLOAT, [1, 16, 64, 64])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


def bare(session: Any, feed: Mapping[str, Any]) -> float:
    """The median, in ns, of the loop that anybody would write."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter_ns()
        session.run(None, feed)
        times.append(time.perf_counter_ns() - start)
    return percentile(times, 0.5)


def ratios() -> list[float]:
    """The median of edgekit's loop over that of the bare one, one ratio a round."""
    profile = Profile(RUNS, 0.0, 60.0, 0, 0.0, 0.0)
    job = Job("bench", "onnxruntime", "", "fp32", threads=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        write_model(path)
        session: Any = RUNTIMES.get("onnxruntime").load(
            path, threads=1, precision="fp32", shape_of=ShapeChooser(job)
        )
    feeds = random_feeds(session.inputs, 8, seed=0)
    found = []
    for _ in range(ROUNDS):
        ours = percentile(timed(session.run, feeds, profile)[0], 0.5)
        found.append(ours / bare(session._session, feeds[0]))
    return found


def main() -> None:
    print(f"loop's own overhead: {own_overhead_us():.2f} us an inference")
    found = ratios()
    print(f"p50 of edgekit's loop / bare loop: {median(found):.4f}", end=" ")
    print(f"(of {ROUNDS} rounds: {min(found):.4f} to {max(found):.4f})")


if __name__ == "__main__":
    main()
