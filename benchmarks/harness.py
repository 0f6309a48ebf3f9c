"""Whether measurements hold: `python benchmarks/harness.py [PART ...]`, all parts by default.

overhead  what the timed loop costs, with a runtime that does nothing
known     runtimes whose latency, leak, step and throttling are known, through real workers
memory    a model with a known 100 MB of weights, in every runtime
time      the `default` profile on one artifact of about 10 ms
vendors   the vendors' own tools on the same file, threads and count, taking turns with edgekit
aa        one artifact measured twenty times: do the stated intervals hold the median of all?

Parts that need EfficientNet-Lite0 take it from `--out`, where
`edgekit export efficientnet --format onnx,openvino,litert` puts it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import known_weights, vendors
from edgekit import storage
from edgekit.measure.loop import timed
from edgekit.records import BenchPlan, BenchResult, Device, Subject
from edgekit.stats import interval, percentile
from edgekit.wire import Profile
from edgekit.workflows import bench
from edgekit.workflows.plans import PROFILES
from tests import fakes, system_trees

EMPTY_RUNS = 100_000
MB = 1e6
WITHIN = 0.03
AA_RUNS = 20
# As many processes as `default` has, each a third as long: twenty runs take five minutes.
AA_PROFILE = replace(PROFILES["default"], min_runs=100, min_time_s=1.0)


def overhead(_: Path) -> None:
    """The loop around nothing: what lies in the timed span, and in all."""
    profile = Profile(EMPTY_RUNS, 0.0, 60.0, 0, 0.0, 0.0)
    feeds: list[Mapping[str, Any]] = [{"x": np.zeros(1)}] * 8
    nothing: list[Any] = []

    def run(_: Mapping[str, Any]) -> list[Any]:
        return nothing

    start = time.perf_counter_ns()
    found = timed(run, feeds, profile)
    whole_ns = (time.perf_counter_ns() - start) / EMPTY_RUNS
    span_ns = percentile(found.latency_ns, 0.5)
    say("overhead in the timed span", f"{span_ns / 1e3:.2f} us", "< 2 us", good=span_ns < 2000)
    say(
        "the loop with both clocks, for each inference", f"{whole_ns / 1e3:.2f} us", "-", good=True
    )
    blocks = _allocated(run, feeds)
    # The watching itself holds a number or two.
    say(f"blocks of memory that {EMPTY_RUNS} runs take", str(blocks), "none", good=blocks < 10)


def _allocated(run: Callable[..., Any], feeds: list[Mapping[str, Any]]) -> int:
    """How many more blocks are allocated at the end of a long loop than of a short one."""

    def counted(runs: int) -> int:
        seen = {"calls": 0, "blocks": 0}

        def watched(feed: Mapping[str, Any]) -> Any:
            seen["calls"] += 1
            if seen["calls"] in {10, runs}:
                seen["blocks"] = sys.getallocatedblocks() - seen["blocks"]
            return run(feed)

        timed(watched, feeds, Profile(runs, 0.0, 60.0, 0, 0.0, 0.0))
        return seen["blocks"]

    tracemalloc.stop()
    return counted(EMPTY_RUNS) - counted(20)


def known(_: Path) -> None:
    """Runtimes whose behaviour is known, measured as any other is."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PYTHONPATH"] = fakes.install(Path(folder))
        model = Path(folder) / "model.onnx"
        model.write_bytes(b"anything")
        slept = _value(_bench(model, "sleeping"), "latency_p50_ms")
        say("sleeps 5.000 ms", f"{slept:.3f} ms", "+- 1 %", good=abs(slept / 5.0 - 1) <= 0.01)
        stepping = _bench(model, "stepping", replace(PROFILES["quick"], min_runs=100))
        told = [reason for reason in stepping.reasons if "became" in reason]
        say("steps at run 50", "; ".join(told) or "untold", "unsteady", good=bool(told))
        leak = _value(_bench(model, "leaking"), "leak_bytes_per_run") / fakes.LEAK_BYTES
        say("leaks 1 MiB a run", f"{leak:.3f} MiB", "+- 3 %", good=abs(leak - 1) <= WITHIN)
        os.environ["TMPDIR"] = folder
        hot = _bench(model, "heating", root=system_trees.throttling(Path(folder)))
        say("throttles", "; ".join(hot.reasons), "invalid", good=not hot.valid)


def _bench(
    model: Path, runtime: str, profile: Profile = PROFILES["quick"], root: Path = Path("/")
) -> BenchResult:
    subject = Subject(model, "0" * 64, model.stat().st_size)
    device = Device(root=str(root))
    (result,) = bench.bench([BenchPlan(subject, runtime, device, 1, None, profile)])
    if result.failure:
        raise SystemExit(f"{runtime}: {result.failure.message}\n{result.failure.tail}")
    return result


def _value(result: BenchResult, name: str) -> float:
    (value,) = (metric.value for metric in result.metrics if metric.name == name)
    assert value is not None
    return value


def memory(_: Path) -> None:
    """What 100 MB of weights take, by runtime."""
    with tempfile.TemporaryDirectory() as folder:
        for runtime, path in known_weights.models(Path(folder)).items():
            result = _bench(path, runtime)
            own, mapped = (
                _value(result, f"memory_model_{part}_bytes") / MB for part in ("anonymous", "file")
            )
            words = f"{own:.1f} MB of its own, {mapped:.1f} MB mapped from the file"
            fits = abs(max(own, mapped) / known_weights.MEGABYTES - 1) <= WITHIN
            say(f"100 MB of weights in {runtime}", words, "+- 3 %", good=fits)


def default_time(out: Path) -> None:
    """How long `default` takes."""
    start = time.monotonic()
    result = _bench(_model(out, "onnx"), "onnxruntime", PROFILES["default"])
    took_s = time.monotonic() - start
    p50_ms = _value(result, "latency_p50_ms")
    say(
        f"`default` for an artifact of {p50_ms:.1f} ms",
        f"{took_s:.0f} s",
        "< 60 s",
        good=took_s < 60,
    )


def against_vendors(out: Path) -> None:
    """p50 by edgekit over p50 by the vendor's tool, the median of pairs that took turns."""
    for runtime, measure in vendors.TOOLS.items():
        path = _model(out, vendors.FORMATS[runtime])
        ratios = vendors.ratios(path, runtime, measure)
        middle, (low, high) = median(ratios), interval(ratios, 0.5) or (0.0, 0.0)
        words = f"{middle:.3f} ({low:.3f}-{high:.3f}, {len(ratios)} pairs)"
        say(
            f"edgekit / {vendors.NAMES[runtime]}, p50",
            words,
            "+- 2 %",
            good=abs(middle - 1) <= 0.02,
        )


def aa(out: Path) -> None:
    """Twenty runs of one artifact."""
    path = _model(out, "onnx")
    results = [_bench(path, "onnxruntime", AA_PROFILE) for _ in range(AA_RUNS)]
    pooled = percentile(
        [ns for result in results for launch in result.launches for ns in launch.latency_ns], 0.5
    )
    intervals = [
        metric.interval
        for result in results
        for metric in result.metrics
        if metric.name == "latency_p50_ms" and metric.interval
    ]
    hits = sum(low <= pooled / 1e6 <= high for low, high in intervals)
    widths = [(high - low) / (pooled / 1e6) for low, high in intervals]
    invalid = sum(not result.valid for result in results)
    words = f"{hits} of {AA_RUNS}, median width {median(widths):.1%}, {invalid} invalid"
    say(f"95 % intervals that hold {pooled / 1e6:.2f} ms", words, ">= 18", good=hits >= 18)


def _model(out: Path, format: str) -> Path:
    folder = out / "efficientnet" / f"{format}-fp32"
    if not folder.is_dir():
        command = "edgekit export efficientnet --format onnx,openvino,litert"
        raise SystemExit(f"there is no {folder}: `{command} --out {out}` makes it")
    return storage.load(folder).model


def say(what: str, found: str, asked: str, *, good: bool) -> None:
    """Print a row of a Markdown table."""
    print(f"| {what} | {found} | {asked} | {'yes' if good else 'NO'} |", flush=True)


PARTS: dict[str, Callable[[Path], None]] = {
    "overhead": overhead,
    "known": known,
    "memory": memory,
    "time": default_time,
    "vendors": against_vendors,
    "aa": aa,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART")
    parser.add_argument("--out", type=Path, default=Path("exported"))
    given = parser.parse_args()
    print("| what | found | asked | holds |\n|---|---|---|---|")
    for name in given.parts:
        PARTS[name](given.out)


if __name__ == "__main__":
    main()
