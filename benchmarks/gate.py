"""Whether the gate's verdicts are right: `python benchmarks/gate.py PART ...`, in this order.

truth     how much slower the twins are, measured for long
live      `edgekit gate` as a user runs it: on the same file, on the twins, beside a busy neighbour
record    launches of the file against itself, alone and beside a neighbour, and against the twin
simulate  the gate's rule and other tools' on the recorded launches, thousands of times
history   see benchmarks/history.py

Needs `edgekit export efficientnet --format onnx`. Nothing else should run on the machine, but for
the neighbour that `live` and `record` start themselves: one process that computes in bursts.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median, variance

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import twins
from edgekit import stats
from edgekit.records import GatePlan
from edgekit.regression.sequential import ERROR, LOOKS, weigh
from edgekit.workflows import duels, pairs

TWINS = {"5": 0.05, "10": 0.10}
LIMIT = 0.03
BUDGET_S = 60.0
# What `live` runs: file, neighbour, how often.
LIVE = [("0", False, 60), ("5", False, 30), ("10", False, 20), ("0", True, 30)]
EDGEKIT = (sys.executable, "-m", "edgekit")
REPLICATIONS = 1000
SLOWDOWNS = (0.0, 0.01, 0.03, 0.05, 0.10)
# What `record` records: name, head, neighbour; of the first two both sides are one file.
RECORDED = [("alone", "0", False), ("busy neighbour", "0", True), ("the +5 % twin", "5", False)]
ALIKE = {"alone", "busy neighbour"}
# Launches that make a run of another tool's, and how far a stored one is away.
RUN, STORED = 6, 40


def files(out: Path, folder: Path) -> dict[str, Path]:
    """The model and its twins, by how many percent slower they are meant to be."""
    base = out / "efficientnet/onnx-fp32/model.onnx"
    found = {"base": base, "0": folder / "same.onnx"}
    shutil.copy(base, found["0"])
    for name, share in TWINS.items():
        found[name] = folder / f"twin{name}.onnx"
        if not found[name].exists():
            twins.make(base, found[name], share)
    return found


def plan(base: Path, head: Path, budget_s: float) -> GatePlan:
    """What `edgekit gate` does by default, for two model files."""
    request = pairs.GateRequest(str(base), str(head), budget_s=budget_s)
    return pairs.pairs(request).plans[0]


def truth(found: dict[str, Path]) -> None:
    """The twins' ratios, in a minute and a half each."""
    for name in TWINS:
        duel = duels.duel(plan(found["base"], found[name], 90.0), lambda _: False, print)
        evidence = duel.wall
        low, high = evidence.interval or (0.0, 0.0)
        print(f"twin +{name} %: {evidence.ratio:.4f} ({low:.4f} to {high:.4f})", flush=True)


@dataclass
class Run:
    """One gate: what it said, after how many launches, and in how long by the wall."""

    outcome: str
    ratio: float
    launches: int
    seconds: float
    machine: str


def live(found: dict[str, Path], log: Path) -> None:
    """Gates as a user runs them; each is appended to `log` as it comes."""
    done = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    for name, busy, count in LIVE:
        runs = [Run(**row["run"]) for row in done if (row["name"], row["busy"]) == (name, busy)]
        while len(runs) < count:
            with neighbour(wanted=busy):
                runs.append(_gate(found["base"], found[name]))
            with log.open("a") as file:
                row = {"name": name, "busy": busy, "run": vars(runs[-1])}
                file.write(json.dumps(row) + "\n")
            print(name, busy, runs[-1], flush=True)
        _say(f"+{name} %{', busy neighbour' if busy else ''}", runs)


def _gate(base: Path, head: Path) -> Run:
    command = [*EDGEKIT, "gate", str(base), str(head), "--json"]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    (pair,) = json.loads(done.stdout)["pairs"]
    check = next(check for check in pair["checks"] if check["metric"] == "latency")
    timing = pair["timing"]
    return Run(
        check["outcome"], timing["ratio"], len(timing["launches"]), seconds, timing["machine"]
    )


def _say(what: str, runs: Sequence[Run]) -> None:
    outcomes = [run.outcome for run in runs]
    counts = " | ".join(str(outcomes.count(word)) for word in ("pass", "fail", "inconclusive"))
    seconds = sorted(run.seconds for run in runs)
    print(
        f"| {what} | {len(runs)} | {counts} | {median(seconds):.1f} s, at most "
        f"{seconds[-1]:.0f} s | {median(run.launches for run in runs):.0f} |",
        flush=True,
    )


@contextmanager
def neighbour(*, wanted: bool) -> Iterator[None]:
    """One process that takes a core for up to a second, and rests as long, again and again."""
    if not wanted:
        yield
        return
    process = multiprocessing.Process(target=_bursts, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _bursts() -> None:
    generator = random.Random(1)
    while True:
        end = time.perf_counter() + generator.uniform(0.05, 1.0)
        while time.perf_counter() < end:
            pass
        time.sleep(generator.uniform(0.05, 1.0))


def record(found: dict[str, Path], traces: Path, seconds: float) -> None:
    """Launches with all their times, as long of each kind."""
    rows: dict[str, list[dict[str, object]]] = {}
    for kind, head, busy in RECORDED:
        with neighbour(wanted=busy):
            rows[kind] = []
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                budget_s = min(60.0, end - time.perf_counter())
                duel = duels.duel(
                    plan(found["base"], found[head], budget_s),
                    lambda _: False,
                    print,
                    seed=len(rows[kind]),
                )
                rows[kind] += [
                    {
                        "log": each.log,
                        "base_ns": each.base.latency_ns,
                        "head_ns": each.head.latency_ns,
                    }
                    for each in duel.launches
                ]
    traces.write_text(json.dumps(rows))


@dataclass
class Trace:
    """Recorded launches: the logarithm of each one's ratio, and the times of both sides."""

    logs: list[float]
    base_ns: list[list[float]]
    head_ns: list[list[float]]
    alike: bool


Rule = Callable[[Trace, int, float], str]


def gated(trace: Trace, start: int, slower: float) -> str:
    """The gate, over the launches from `start` on; a slowdown is a factor."""
    generator = random.Random(start)
    logs: list[float] = []
    while len(logs) < 24:
        log = trace.logs[(start + len(logs)) % len(trace.logs)]
        # Of one file twice, either could have been head.
        sign = generator.choice((-1.0, 1.0)) if trace.alike else 1.0
        logs.append(math.log1p(slower) + sign * log)
        if len(logs) in LOOKS:
            evidence = weigh(logs, LIMIT)
            if evidence.p_slower <= ERROR:
                return "fail"
            if evidence.p_within <= ERROR:
                return "pass"
    return "inconclusive"


def separate(judge: Callable[[list[float], list[float]], bool], apart: int) -> Rule:
    """A rule on two runs, one after the other or some minutes apart, as long as `RUN` launches."""

    def rule(trace: Trace, start: int, slower: float) -> str:
        count, later = len(trace.logs), start + apart
        base = [x for i in range(RUN) for x in trace.base_ns[(start + i) % count]]
        run = [x for i in range(RUN) for x in trace.head_ns[(later + i) % count]]
        head = [x * (1.0 + slower) for x in run]
        return "fail" if judge(base, head) else "pass"

    return rule


def welch(base: list[float], head: list[float]) -> bool:
    """Welch's t test, 5 %, on all inferences."""
    error = math.sqrt(variance(base) / len(base) + variance(head) / len(head))
    freedom = min(len(base), len(head)) - 1
    return stats.t_tail((fmean(head) - fmean(base)) / error, freedom) < 0.05


RULES: dict[str, Rule] = {
    "edgekit gate": gated,
    "one run each, Welch's t, p < 0.05": separate(welch, RUN),
    "one run each, mean + 5 %": separate(lambda b, h: fmean(h) > 1.05 * fmean(b), RUN),
    "one run each, mean + 10 %": separate(lambda b, h: fmean(h) > 1.10 * fmean(b), RUN),
    "one run each, least of N + 2 %": separate(lambda b, h: min(h) > 1.02 * min(b), RUN),
    "stored run, Welch's t, p < 0.05": separate(welch, STORED),
    "stored run, mean + 5 %": separate(lambda b, h: fmean(h) > 1.05 * fmean(b), STORED),
    "stored run, mean + 10 %": separate(lambda b, h: fmean(h) > 1.10 * fmean(b), STORED),
}


def simulate(traces: Path) -> None:
    """Each rule on the recorded launches: how often it fails a build, by the true slowdown."""
    for kind, rows in json.loads(traces.read_text()).items():
        log, base, head = ([row[name] for row in rows] for name in ("log", "base_ns", "head_ns"))
        trace = Trace(log, base, head, alike=kind in ALIKE)
        slowdowns = SLOWDOWNS if trace.alike else (0.0,)
        heads = [f"+{100 * slower:g} %" for slower in slowdowns] if trace.alike else ["as it is"]
        print(f"\n{kind}: {len(rows)} launches, {_spread(trace)}\n")
        print(f"| rule | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
        for name, rule in RULES.items():
            cells = [_cell(rule, trace, slower) for slower in slowdowns]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _cell(rule: Rule, trace: Trace, slower: float) -> str:
    generator = random.Random(7)
    said = [rule(trace, generator.randrange(len(trace.logs)), slower) for _ in range(REPLICATIONS)]
    shares = [
        f"{said.count(word) / len(said):.1%}".replace("%", " %") for word in ("fail", "pass")
    ]
    return f"{shares[0]} ({shares[1]})"


def _spread(trace: Trace) -> str:
    """How far the launches' ratios scatter, by the median absolute deviation."""
    middle = median(trace.logs)
    return f"spread {100 * 1.4826 * median(abs(log - middle) for log in trace.logs):.2f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="+", choices=["truth", "live", "record", "simulate"])
    parser.add_argument("--out", type=Path, default=Path("exported"))
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--seconds", type=float, default=300.0, help="of each kind of record")
    given = parser.parse_args()
    given.folder.mkdir(exist_ok=True)
    found = files(given.out, given.folder)
    traces = given.folder / "gate-traces.json"
    parts = {
        "truth": lambda: truth(found),
        "live": lambda: live(found, given.folder / "gate-live.jsonl"),
        "record": lambda: record(found, traces, given.seconds),
        "simulate": lambda: simulate(traces),
    }
    for part in given.parts:
        parts[part]()


if __name__ == "__main__":
    main()
