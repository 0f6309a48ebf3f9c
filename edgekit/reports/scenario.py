"""What a mode is about, one table a mode; and the parts of an application beside the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgekit.records import BenchResult, Metric
from edgekit.reports import table

_HUNDRED = 100.0
_WORDS = {True: "holds", False: "beyond", None: "can't say"}

Metrics = dict[str, Metric]
Cells = tuple[str, ...]


def tables(results: Sequence[BenchResult]) -> list[str]:
    """Tables to print below the main one; none for plain latency."""
    measured = [result for result in results if result.launches]
    found = [
        _table(title, columns, rows, [result for result in measured if applies(result)])
        for title, applies, columns, rows in _TABLES
    ]
    return [text for text in found if text]


def _table(
    title: str,
    columns: Cells,
    rows: Callable[[BenchResult], list[Cells]],
    results: Sequence[BenchResult],
) -> str:
    lines = [
        (result.name, result.plan.runtime, *cells) for result in results for cells in rows(result)
    ]
    head = ("artifact", "runtime", *columns)
    return f"\n{table.render(head, lines, title=title, left=('note',))}" if lines else ""


def _parts_rows(result: BenchResult) -> list[Cells]:
    found = _metrics(result)
    names = ("decode", "preprocess", "model", "postprocess", "total")
    parts = [_cell(found, f"part_{name}_p50_ms") for name in names]
    return [(_cell(found, "latency_p50_ms"), *parts)]


def _paced_rows(result: BenchResult) -> list[Cells]:
    found = _metrics(result)
    return [
        (
            f"{result.plan.scenario.rate_per_s:g}",
            _cell(found, "paced_back_to_back_p50_ms"),
            _cell(found, "latency_p50_ms"),
            _cell(found, "latency_p99_ms"),
            _cell(found, "paced_missed_share", 1 / _HUNDRED),
            _cell(found, "paced_lateness_p50_ms"),
            _cell(found, "paced_lateness_p99_ms"),
        )
    ]


def _offline_rows(result: BenchResult) -> list[Cells]:
    found, plan = _metrics(result), result.plan
    return [
        (
            str(plan.scenario.streams),
            str(plan.threads),
            _cell(found, "offline_throughput_per_s"),
            _cell(found, "latency_p50_ms"),
        )
    ]


def _server_rows(result: BenchResult) -> list[Cells]:
    """Each rate that was tried, in its process's order, and the rate that holds."""
    found, plan = _metrics(result), result.plan
    bound = plan.scenario.p99_ms
    rows: list[Cells] = [
        (
            f"{trial.offered_per_s:.4g}",
            f"{trial.achieved_per_s:.4g}",
            str(trial.count),
            f"{trial.p99_ns / 1e6:.3g}",
            str(trial.most_waiting),
            _WORDS[trial.holds] if bound is not None else table.NO_VALUE,
            "",
        )
        for launch in result.launches
        for trial in launch.trials
    ]
    rate = found.get("server_rate_per_s")
    if not rows or rate is None:
        return rows
    held = rate.value is not None and bound is not None
    words = f"p99 <= {bound:g} ms up to {rate.value:.4g}/s" if held else rate.note
    return [*rows[:-1], (*rows[-1][:-1], words)]


def _loadgen_rows(result: BenchResult) -> list[Cells]:
    found = _metrics(result)
    valid = found.get("loadgen_valid")
    return [
        (
            result.plan.scenario.mode,
            "VALID" if valid and valid.value else "INVALID",
            _cell(found, "loadgen_p50_ms"),
            _cell(found, "loadgen_p90_ms"),
            _cell(found, "loadgen_early_stopping_p90_ms"),
            _cell(found, "loadgen_p99_ms"),
            _cell(found, "loadgen_samples_per_s"),
        )
    ]


def _metrics(result: BenchResult) -> Metrics:
    return {metric.name: metric for metric in result.metrics}


def _cell(found: Metrics, name: str, unit: float = 1.0) -> str:
    metric = found.get(name)
    if metric is None or metric.value is None:
        return metric.note if metric and metric.note.startswith("n<") else table.NO_VALUE
    value = metric.value / unit
    return f"{value:.0f}" if abs(value) >= _HUNDRED else f"{value:.3g}"


def _is(mode: str) -> Callable[[BenchResult], bool]:
    return lambda result: result.plan.scenario.mode == mode and not result.plan.scenario.loadgen


_TABLES = (
    (
        "End to end: where the time of one photo goes, medians in ms",
        lambda result: result.plan.end_to_end is not None,
        ("model alone", "decode", "preprocess", "model", "postprocess", "total"),
        _parts_rows,
    ),
    (
        "Paced: one inference at each tick",
        _is("paced"),
        (
            "rate /s",
            "back to back p50 ms",
            "p50 ms",
            "p99 ms",
            "missed %",
            "late p50 ms",
            "late p99 ms",
        ),
        _paced_rows,
    ),
    (
        "Offline: several streams at a time",
        _is("offline"),
        ("streams", "threads each", "samples/s", "p50 ms"),
        _offline_rows,
    ),
    (
        "Server: arrivals at random, latency from the arrival",
        _is("server"),
        ("offered /s", "achieved /s", "count", "p99 ms", "most waiting", "p99 bound", "note"),
        _server_rows,
    ),
    (
        "MLCommons LoadGen",
        lambda result: result.plan.scenario.loadgen,
        ("mode", "result", "p50 ms", "p90 ms", "p90 early stopping ms", "p99 ms", "samples/s"),
        _loadgen_rows,
    ),
)
