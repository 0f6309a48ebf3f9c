"""What a mode is about: throughput, the rate that holds, missed ticks."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from edgekit.metrics import loadgen
from edgekit.metrics.quantiles import quantile
from edgekit.records import BenchPlan, Metric
from edgekit.stats import interval
from edgekit.wire import Samples

NS_PER_S = 1e9

Launches = Sequence[Samples]


def measure(plan: BenchPlan, launches: Launches) -> tuple[Metric, ...]:
    """The numbers of the plan's mode.

    `paced_back_to_back_p50_ms` is the median of the second half of the warm-up, to set beside
    `latency_p50_ms`: between ticks clocks and caches rest. `paced_missed_share` is the share of
    ticks at which the last inference had not ended. `server_rate_per_s` is the rate at which the
    99th percentile holds with 99 % confidence: the highest that was found, or the one that was
    asked for; none where it doesn't hold.
    """
    if plan.scenario.loadgen:
        return loadgen.metrics([launch.loadgen_summary for launch in launches])
    if plan.scenario.mode == "server":
        return _server(plan.scenario.p99_ms, launches)
    found = _MODES.get(plan.scenario.mode)
    return found(launches) if found else ()


def _paced(launches: Launches) -> tuple[Metric, ...]:
    missed = [launch.missed / (launch.missed + len(launch.latency_ns)) for launch in launches]
    late = [launch.lateness_ns for launch in launches]
    # The warm-up of the same process: what it was before it had to wait between inferences.
    before = [launch.warmup_ns[len(launch.warmup_ns) // 2 :] for launch in launches]
    return (
        quantile("paced_back_to_back_p50_ms", before, 0.5),
        _median("paced_missed_share", missed, "share", "lower"),
        quantile("paced_lateness_p50_ms", late, 0.5),
        quantile("paced_lateness_p99_ms", late, 0.99),
    )


def _offline(launches: Launches) -> tuple[Metric, ...]:
    return (_median("offline_throughput_per_s", [per_second(one) for one in launches]),)


def _server(p99_ms: float | None, launches: Launches) -> tuple[Metric, ...]:
    last = [launch.trials[-1] for launch in launches]
    waiting = [float(trial.most_waiting) for trial in last]
    return (
        _rate(p99_ms, launches),
        _median("server_offered_per_s", [trial.offered_per_s for trial in last]),
        _median("server_achieved_per_s", [trial.achieved_per_s for trial in last]),
        Metric("server_most_waiting", max(waiting), "arrivals", "lower"),
    )


def _rate(p99_ms: float | None, launches: Launches) -> Metric:
    """The rate that holds; of several processes it has to hold in each."""
    name, unit, better = "server_rate_per_s", "1/s", "higher"
    last = [launch.trials[-1] for launch in launches]
    if all(trial.holds for trial in last):
        return _median(name, [trial.offered_per_s for trial in last])
    beyond = sum(trial.holds is False for trial in last)
    if p99_ms is None:
        note = "no p99 was asked for"
    elif beyond:
        note = f"p99 beyond {p99_ms:g} ms in {beyond} of {len(last)} processes"
    else:
        few = min(trial.count for trial in last if not trial.holds)
        note = f"{few} inferences are too few to say that p99 <= {p99_ms:g} ms holds"
    return Metric(name, None, unit, better, note=note)


def per_second(launch: Samples) -> float:
    """Samples a second over the whole stretch, whatever was waited for in it."""
    return launch.batch * len(launch.latency_ns) * NS_PER_S / launch.span_ns


def _median(
    name: str, values: Sequence[float], unit: str = "1/s", better: str = "higher"
) -> Metric:
    return Metric(name, statistics.median(values), unit, better, interval(values, 0.5))


_MODES: dict[str, Callable[[Launches], tuple[Metric, ...]]] = {
    "paced": _paced,
    "offline": _offline,
}
