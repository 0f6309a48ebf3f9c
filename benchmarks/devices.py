"""What devices cost, and whether faults lose a run: `python benchmarks/devices.py PART`.

overhead  a leg on a device on loopback beside the same leg here, in turns
push      what goes over the wire for a model of 10 MiB, the first time and the second
makespan  eight devices with jobs of unlike length, to the longest job by itself
faults    each fault of `tests/faults.py`, many times: lost, doubled, hung or left-over runs

The devices are machines of the tests' lab: needs root, and what `.ci/lab` installs. Nothing else
should run on the machine. Each part prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from edgekit import dispatch
from edgekit.records import BenchPlan
from edgekit.transports import linked
from edgekit.workflows import bench, fleet, plans
from tests import faults, hosts
from tests.faults import FAULTS, Fault
from tests.hosts import Host, There
from tests.lab.network import Network

QUICK = ("--profile", "quick", "--threads", 1, "--json")
# Of a square matrix, which makes a file of 10 MiB and an inference of some milliseconds.
WIDTH, BATCH = 1619, 32
DEVICES = 8
# The first time only that it has been there.
_SLEEP = """
import socket
if (home / "ends").exists():
    time.sleep(job_s[socket.gethostname()])
"""


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table."""
    lines = [head, ["---"] * len(head), *rows]
    print("\n".join(f"| {' | '.join(map(str, line))} |" for line in lines), flush=True)


@contextlib.contextmanager
def network() -> Iterator[tuple[Network, Host, Path]]:
    """A network without devices, the one who measures, and a folder."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as closing:
        folder = Path(name)
        (folder / "lab").mkdir()
        made = Network(folder / "lab")
        closing.callback(made.close)
        host = Host(made, folder)
        closing.callback(host.end)
        yield made, host, folder


def matrix(path: Path) -> Path:
    """A model that is one matrix."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(0).normal(size=(WIDTH, WIDTH)).astype(np.float32)
    shape = (BATCH, WIDTH)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "matrix",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(weights, "w")],
    )
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=10), path)
    return path


def overhead(times: int) -> None:
    """Seconds that a leg takes more on a device, and the medians' ratio."""
    with network() as (lab, host, folder):
        device = lab.add("board", user="root")
        host.knows("board", device.server)
        os.environ.update(host.places)
        model = matrix(folder / "m.onnx")
        with lab.namespace.inside():
            both = [_plan(model, name) for name in ("local", "board")]
            _ = [_leg(plan) for plan in both]  # what is brought once
            took: list[list[tuple[float, float]]] = [[], []]
            for number in range(times):
                for side in (0, 1) if number % 2 else (1, 0):
                    took[side].append(_leg(both[side]))
    pairs = list(zip(*took, strict=True))
    more_s = [there[0] - here[0] for here, there in pairs]
    ratios = [there[1] / here[1] for here, there in pairs]
    rows = [
        [
            "seconds that a remote leg takes more",
            f"{statistics.median(more_s):.2f}",
            _range(more_s),
        ],
        ["p50 there to p50 here", f"{statistics.median(ratios):.4f}", _range(ratios)],
    ]
    table([f"{times} pairs of legs of one launch", "median", "range"], rows)


def _plan(model: Path, device: str) -> BenchPlan:
    out = model.parent
    request = plans.BenchRequest((model,), out, device=device, threads=1, profile="quick")
    (plan,), _ = plans.plan(request)
    return plan


def _leg(plan: BenchPlan) -> tuple[float, float]:
    """Seconds of a leg, and the median of its latencies in ms."""
    start = time.perf_counter()
    with linked(plan.device) as link:
        samples = bench.run(link, plan)
    return time.perf_counter() - start, statistics.median(samples.latency_ns) / 1e6


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.4g} to {max(values):.4g}"


def push(times: int) -> None:
    """Bytes on the wire of one bench after another."""
    rows = []
    with network() as (lab, host, folder):
        device = lab.add("board", user="root")
        # Emulated: its times don't matter, so a launch that is disturbed isn't done again.
        host.knows("board", device.server, emulated=True)
        model = matrix(folder / "m.onnx")
        for number in range(1 + times):
            before = _moved_bytes(lab)
            done = host.begin("bench", model, "--device", "board", *QUICK, times={}).done()
            assert done.results, done.err
            to_kb, from_kb = (
                (now - then) / 1000 for now, then in zip(_moved_bytes(lab), before, strict=True)
            )
            rows.append([number + 1, f"{to_kb:.0f}", f"{from_kb:.0f}", f"{to_kb + from_kb:.0f}"])
    size_kb = WIDTH * WIDTH * 4 / 1000
    table([f"bench of a model of {size_kb:.0f} kB", "kB to it", "kB from it", "in all"], rows)


def _moved_bytes(lab: Network) -> tuple[int, int]:
    """Bytes that the host's end of the first cable sent and received."""
    lines = (lab.host.proc / "net/dev").read_text().splitlines()
    (words,) = (line.split() for line in lines if line.strip().startswith("wire1:"))
    return int(words[9]), int(words[1])


def makespan(times: int, longest_s: float) -> None:
    """Eight devices at once to the one with the longest job by itself, by engine."""
    lengths = {f"d{n}": longest_s * (n + 1) / DEVICES for n in range(DEVICES)}
    rows: list[list[str]] = []
    with network() as (lab, host, folder):
        model = faults.model(folder / "m.onnx")
        for name in lengths:
            host.knows(name, lab.add(name).server)
        # Of this process and of Dask's.
        os.environ |= host.environment(f"job_s = {lengths!r}\n{_SLEEP}", times={})
        hosts.change()
        with lab.namespace.inside():
            legs = [_plan(model, name) for name in lengths]
            for engine in ("local", "dask"):
                rows += _makespans(engine, legs, times)
    head = [f"engine, jobs of {longest_s / DEVICES:g} to {longest_s:g} s", "start, s"]
    table([*head, "the longest alone, s", "all eight, s", "ratio"], rows)


def _makespans(engine: str, legs: Sequence[BenchPlan], times: int) -> Iterator[list[str]]:
    def took_s(some: Sequence[BenchPlan]) -> float:
        start = time.perf_counter()
        for result in fleet.measure(some, crew):
            assert result.samples, result.failure
        return time.perf_counter() - start

    start = time.perf_counter()
    with dispatch.crew(engine, fleet.lanes(legs)) as crew:
        took_s(legs)  # what is brought and imported once
        start_s = time.perf_counter() - start
        for _ in range(times):
            alone_s, all_s = took_s(legs[-1:]), took_s(legs)
            seconds = [f"{each:.1f}" for each in (start_s, alone_s, all_s)]
            yield [engine, *seconds, f"{all_s / alone_s:.3f}"]


def befall(times: int, names: Sequence[str]) -> None:
    """How often each fault left something that it must not."""
    rows = []
    for fault in FAULTS:
        if names and fault.name not in names:
            continue
        found = []
        for _ in range(times):
            found.append(_befall(fault))
            if not found[-1].is_right:
                print(f"{fault.name}: {found[-1]}", file=sys.stderr, flush=True)
        counts = [
            sum(getattr(outcome, word) for outcome in found)
            for word in ("lost", "doubled", "hung", "left")
        ]
        took_s = [outcome.took_s for outcome in found]
        rows.append(
            [fault.name, times, *counts, f"{statistics.median(took_s):.1f}", _range(took_s)]
        )
        print(f"{fault.name}: done", file=sys.stderr, flush=True)
    head = ["fault", "times", "lost", "doubled", "hung", "left", "median, s", "range, s"]
    table(head, rows)


def _befall(fault: Fault) -> faults.Outcome:
    with network() as (lab, host, folder):
        device = lab.add("jetson", **fault.device)
        host.knows("jetson", device.server)
        return faults.happen(fault, host, There(device), folder)


def main() -> None:
    """Run a part."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("part", choices=["overhead", "push", "makespan", "faults"])
    parser.add_argument("names", nargs="*", help="faults by name; all if there is none")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--longest-s", type=float, default=40.0)
    given = parser.parse_intermixed_args()
    if given.part == "makespan":
        makespan(given.times, given.longest_s)
    elif given.part == "faults":
        befall(given.times, given.names)
    else:
        {"overhead": overhead, "push": push}[given.part](given.times)


if __name__ == "__mp_main__":
    # A process of Dask.
    hosts.change()
if __name__ == "__main__":
    main()
