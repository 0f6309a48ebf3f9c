"""The same model, asked by MLCommons LoadGen: the rules that MLPerf results are made by.

LoadGen is C++ and calls Python back for each query, so the interpreter's lock is inside its
latencies: some microseconds a query, which matter below a millisecond.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from pathlib import Path
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence

from edgekit.errors import MissingDependency, ToolError
from edgekit.measure.early_stopping import least_count
from edgekit.measure.loop import NS, Run, Timed
from edgekit.registry import install_command
from edgekit.wire import Job, Profile, Scenario

SUMMARY = "mlperf_log_summary.txt"
MOST_TEXT = 16_384  # characters; a summary has about 3000
NS_PER_MS = 1_000_000
MS_PER_S = 1000
# More than LoadGen's own estimate needs, so that its one offline query lasts long enough.
SPARE = 1.5
# What its single stream is judged by.
SHARE = 0.9


class Asked(NamedTuple):
    """What LoadGen measured.

    Attributes:
        timed: Wall and CPU time of each inference, as this process saw it.
        summary: What LoadGen wrote of the run.
    """

    timed: Timed
    summary: str


def under_loadgen(
    run: Run, feeds: Sequence[Mapping[str, Any]], job: Job, profile: Profile
) -> Asked:
    """Have LoadGen ask for inferences: single stream, offline or server, as the job's mode is.

    Args:
        run: One inference.
        feeds: Inputs; LoadGen's samples.
        job: Its scenario gives the mode and, for a server, the rate and the bound.
        profile: How long.

    Raises:
        MissingDependency: The package isn't installed.
        ToolError: LoadGen wrote no summary.
    """
    try:
        import mlperf_loadgen as lg
    except ImportError as error:
        raise MissingDependency(
            f"LoadGen isn't here: {error}", hint=install_command("loadgen")
        ) from error
    sut = _System(lg, run, feeds)
    expected_ns = sut.expected_ns()
    settings = _settings(lg, job, profile, expected_ns)
    system = lg.ConstructSUT(sut.issue, _nothing)
    library = lg.ConstructQSL(len(feeds), len(feeds), _nothing, _nothing)
    try:
        with tempfile.TemporaryDirectory() as folder:
            lg.StartTestWithLogSettings(
                system, library, settings, _logs(lg, folder), str(Path(folder) / "audit.config")
            )
            summary = _text(Path(folder) / SUMMARY)
    finally:
        lg.DestroyQSL(library)
        lg.DestroySUT(system)
    return Asked(sut.timed(), summary)


class _System:
    """What LoadGen calls the system under test."""

    def __init__(self, lg: Any, run: Run, feeds: Sequence[Mapping[str, Any]]) -> None:
        self._lg = lg
        self._run = run
        self._feeds = feeds
        self._latency: List[int] = []
        self._cpu: List[int] = []
        self._start = self._end = 0
        self._error: Optional[Exception] = None

    def expected_ns(self) -> int:
        """About how long one inference takes: the fastest of a few."""
        times = []
        for feed in itertools.islice(itertools.cycle(self._feeds), 5):
            before = time.perf_counter_ns()
            self._run(feed)
            times.append(time.perf_counter_ns() - before)
        return max(1, min(times))

    def issue(self, queries: Sequence[Any]) -> None:
        """Answer all of `queries`, one after another, each as soon as it is done."""
        for query in queries:
            # Not through C++, where an exception would end the process: told at the end.
            if self._error is None:
                try:
                    self._timed_run(self._feeds[query.index])
                except Exception as error:  # noqa: BLE001
                    self._error = error
            self._lg.QuerySamplesComplete([self._lg.QuerySampleResponse(query.id, 0, 0)])

    def _timed_run(self, feed: Mapping[str, Any]) -> None:
        cpu = time.process_time_ns()
        before = time.perf_counter_ns()
        self._run(feed)
        self._end = time.perf_counter_ns()
        self._cpu.append(time.process_time_ns() - cpu)
        self._latency.append(self._end - before)
        self._start = self._start or before

    def timed(self) -> Timed:
        """What was measured here.

        Raises:
            Exception: The runtime failed; its own error.
        """
        if self._error is not None:
            raise self._error
        return Timed(self._latency, self._cpu, self._end - self._start)


def _nothing(*_: Any) -> None:
    """The inputs are in memory already, and no answer is held back."""


def _settings(lg: Any, job: Job, profile: Profile, expected_ns: int) -> Any:
    scenario: Scenario = job.scenario
    settings = lg.TestSettings()
    settings.mode = lg.TestMode.PerformanceOnly
    settings.min_duration_ms = round(profile.min_time_s * MS_PER_S)
    settings.max_duration_ms = round(profile.max_time_s * MS_PER_S)
    settings.qsl_rng_seed = settings.sample_index_rng_seed = job.seed + 1
    settings.schedule_rng_seed = job.seed + 2
    if scenario.mode == "server":
        settings.scenario = lg.TestScenario.Server
        settings.server_target_qps = scenario.rate_per_s
        settings.server_target_latency_ns = round((scenario.p99_ms or 0.0) * NS_PER_MS)
        settings.min_query_count = max(profile.min_runs, least_count(1, 0.99))
    elif scenario.mode == "offline":
        settings.scenario = lg.TestScenario.Offline
        settings.offline_expected_qps = SPARE * NS / expected_ns
        settings.min_query_count = 1
    else:
        settings.scenario = lg.TestScenario.SingleStream
        settings.single_stream_expected_latency_ns = expected_ns
        settings.min_query_count = max(profile.min_runs, least_count(1, SHARE))
    return settings


def _logs(lg: Any, folder: str) -> Any:
    output = lg.LogOutputSettings()
    output.outdir = folder
    output.copy_summary_to_stdout = False
    logs = lg.LogSettings()
    logs.log_output = output
    logs.enable_trace = False
    return logs


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")[:MOST_TEXT]
    except OSError as error:
        raise ToolError(
            f"LoadGen wrote no summary: {error}", hint="is the folder for temporary files full?"
        ) from error
