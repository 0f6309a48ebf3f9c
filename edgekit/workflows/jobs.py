"""One job on one machine: from a `Job` to the `Samples` that the worker sent, checked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, cast

import msgspec

from edgekit.errors import (
    DeviceError,
    EdgekitError,
)
from edgekit.text import printable
from edgekit.transports import Link
from edgekit.wire import Failure, Job, Look, Samples, Summary, Turns

PHASES = (
    "start", "wait", "bundle", "cooldown", "runtime", "load", "first", "golden", "warmup", "run",
    "parts", "energy", "tuned",
)  # fmt: skip

_MOST_NS = 10**18  # thirty years
_MOST_FACTS, _MOST_WORD = 10_000, 1000

OnPhase = Callable[[str], None]


def run_job(
    link: Link, job: Job, *, timeout_s: float, on_phase: OnPhase | None = None
) -> Samples | Turns | Look | None:
    """Run `job` in a fresh worker behind `link`.

    Args:
        link: The way to the machine.
        job: What to do.
        timeout_s: Seconds until the worker is stopped.
        on_phase: Called with the name of each phase as it begins.

    Returns:
        The samples of a `bench` job, the turns of a `compare` job, the look of a `look` job; None
        for an `infer` job, whose outputs are in its file.

    Raises:
        EdgekitError: Of the kind that the worker told, with its stage if it is a DeviceError.
        DeviceError: The worker crashed, ran out of time or answered in no language of ours.
    """
    phase = PHASES[0]
    # Closed in any case, so that the worker ends when we stop listening.
    lines = cast("Generator[bytes]", link.run(job, timeout_s=timeout_s))
    try:
        with contextlib.closing(lines):
            for line in lines:
                event, fields = _event(line)
                if event != "phase":
                    return _outcome(job, event, fields)
                phase = _phase(fields)
                if on_phase:
                    on_phase(phase)
    except DeviceError as error:
        error.stage = phase
        raise
    raise DeviceError(
        "the worker ended without a word", hint="run it again; report it if it stays", stage=phase
    )


@contextlib.contextmanager
def holding(link: Link, job: Job, phase: str, *, timeout_s: float) -> Iterator[None]:
    """Run `job` in a fresh worker behind `link`, which stays in `phase` until the block ends.

    Args:
        link: The way to the machine.
        job: What to do.
        phase: What to wait for before the block begins.
        timeout_s: Seconds until it must have come.

    Raises:
        EdgekitError: As `run_job` does.
    """
    lines = cast("Generator[bytes]", link.run(job, timeout_s=timeout_s))
    with contextlib.closing(lines):
        for line in lines:
            event, fields = _event(line)
            if event != "phase":
                _outcome(job, event, fields)
            elif _phase(fields) == phase:
                yield
                return
    raise DeviceError(
        f"the worker ended before it was {phase}", hint="run it again; report it if it stays"
    )


def _event(line: bytes) -> tuple[str, dict[str, Any]]:
    try:
        fields = msgspec.json.decode(line, type=dict[str, Any])
        return str(fields.pop("event")), fields
    # Brackets within brackets without end are no MsgspecError.
    except (msgspec.MsgspecError, KeyError, RecursionError) as error:
        raise _unintelligible(error) from error


def _phase(fields: dict[str, Any]) -> str:
    phase = fields.get("phase")
    if phase not in PHASES:
        raise _unintelligible(ValueError("it names a phase that doesn't exist"))
    return str(phase)


def _outcome(job: Job, event: str, fields: dict[str, Any]) -> Samples | Turns | Look | None:
    try:
        match event:
            case "samples":
                samples = msgspec.convert(fields, type=Samples, strict=True)
                _check_samples(job, samples)
                return samples
            case "turns":
                turns = msgspec.convert(fields, type=Turns, strict=True)
                _check_turns(job, turns)
                return turns
            case "look":
                look = msgspec.convert(fields, type=Look, strict=True)
                _check_look(look)
                return look
            case "outputs":
                return None
            case "failure":
                failure = msgspec.convert(fields, type=Failure, strict=True)
            case _:
                raise _unintelligible(ValueError("it names an event that doesn't exist"))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _unintelligible(error) from error
    raise _error(failure)


def _check_samples(job: Job, samples: Samples) -> None:
    """Refuse samples from which the job's metrics can't be made.

    Raises:
        DeviceError: What is wrong.
    """
    if samples.summary is not None and job.kind == "bench":
        _check_summary(samples, samples.summary)
        return
    count, mode = len(samples.latency_ns), job.scenario.mode
    _check_times([samples.latency_ns], count)
    _check_times([[samples.span_ns]], 1)
    _check_sense(job, samples)
    # Of several streams nobody can tell which one took the process's CPU time.
    if len(samples.cpu_ns) not in (0, count):
        raise _unintelligible(ValueError("it has other counts of wall and CPU times"))
    if any(not times or min(times) < 0 for times in samples.parts_ns.values()):
        raise _unintelligible(ValueError("a part of an inference has no times"))
    missing = {
        "paced": mode == "paced" and len(samples.lateness_ns) != count,
        "server": mode == "server" and not (samples.trials and "queue" in samples.parts_ns),
    }
    if any(missing.values()) and not job.scenario.loadgen:
        raise _unintelligible(ValueError(f"it lacks what the mode {mode} measures"))


def _check_sense(job: Job, samples: Samples) -> None:
    """Refuse numbers that no machine can have measured.

    Raises:
        DeviceError: What is wrong.
    """
    golden, plain = samples.golden, job.kind == "bench" and not job.scenario.loadgen
    amounts = (samples.load_ns, samples.first_ns, samples.missed, *samples.cpu_ns)
    wrong = {
        "it ran no sample in an inference": samples.batch < 1,
        "a time or a count is below zero": min(amounts) < 0,
        "an inference took longer than all": plain and samples.span_ns < max(samples.latency_ns),
        "its golden sample makes no sense": golden is not None
        and not (golden.images > 0 and 0.0 <= golden.agreement <= 1.0),
        "a rate was tried on no inference": any(
            trial.count < 1 or trial.p99_ns < 0 for trial in samples.trials
        ),
    }
    for words, is_so in wrong.items():
        if is_so:
            raise _unintelligible(ValueError(words))


def _check_summary(samples: Samples, told: Summary) -> None:
    """Refuse what no program can have measured.

    Raises:
        DeviceError: What is wrong.
    """
    times = (told.least_ns, told.p50_ns, told.p95_ns, told.most_ns)
    known = [time_ns for time_ns in times if time_ns is not None]
    if samples.latency_ns or told.count < 1:
        raise _unintelligible(ValueError("it sums up no inferences, or others than its own"))
    _check_times([[*known, told.mean_ns]], len(known) + 1)
    if known != sorted(known) or not told.least_ns <= told.mean_ns <= told.most_ns:
        raise _unintelligible(ValueError("its times contradict each other"))


def _check_turns(job: Job, turns: Turns) -> None:
    """Refuse turns from which no ratio can be made.

    Raises:
        DeviceError: What is wrong.
    """
    for samples in turns.sides:
        _check_samples(job, samples)
    count = len(turns.sides)
    rounds, rest = divmod(len(turns.order), count or 1)
    each = [turns.order.count(side) for side in range(count)]
    if rest or each != [rounds] * (1 + len(job.rivals)) or turns.runs < 1:
        raise _unintelligible(ValueError("a side lacks its turn"))
    if any(len(side.latency_ns) != rounds * turns.runs for side in turns.sides):
        raise _unintelligible(ValueError("a turn lacks its times"))
    if any(len(side.cpu_ns) != len(side.latency_ns) for side in turns.sides):
        raise _unintelligible(ValueError("a turn lacks its CPU times"))


def _check_look(look: Look) -> None:
    """Refuse a look that has more than anybody wants to read, or shares that are none.

    Raises:
        DeviceError: What is wrong.
    """
    facts = [*look.machine.items(), *look.before.items(), *look.after.items()]
    if len(facts) > _MOST_FACTS or any(len(word) > _MOST_WORD for fact in facts for word in fact):
        raise _unintelligible(ValueError("it tells too much"))
    if any(not 0 <= share < _MOST_FACTS for _, share in look.busy[:_MOST_FACTS]):
        raise _unintelligible(ValueError("a share of a CPU is none"))


def _check_times(series: Sequence[Sequence[int]], count: int) -> None:
    """Refuse times from which no number can be made.

    Raises:
        DeviceError: There are none, or not `count` of each, or one isn't a duration.
    """
    for times in series:
        if len(times) != count or not times or min(times) <= 0 or max(times) > _MOST_NS:
            raise _unintelligible(ValueError("its times are no durations"))


def _error(failure: Failure) -> EdgekitError:
    # What a device sends must not steer a terminal.
    message, hint = printable(failure.message), printable(failure.hint)
    kind = EdgekitError.kinds().get(failure.kind, DeviceError)
    return kind(message, hint=hint, stderr_tail=printable(failure.tail))


def _unintelligible(error: Exception) -> DeviceError:
    return DeviceError(
        f"can't make sense of what the worker sent: {error}",
        hint="are both sides the same version of edgekit?",
    )
