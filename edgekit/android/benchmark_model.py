"""LiteRT's `benchmark_model`: what to start, and what it says.

It gives no single times, only their average, least, largest and spread; newer ones give some
percentiles. So there are no samples, and no interval can be made of one run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.errors import ToolError
from edgekit.text import printable
from edgekit.wire import Profile

_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,9})?(?:e[+-]?[0-9]{1,2})?"
# The last such line is of the timed runs, those before it are of the warm-up.
_RUNS = re.compile(rf"count=([0-9]{{1,9}})((?: \w+={_NUMBER})+)")
_PAIR = re.compile(rf"(\w+)=({_NUMBER})")
_SUMMARY = re.compile(
    rf"Inference timings in us: Init: ({_NUMBER}), First inference: ({_NUMBER}), "
    rf"Warmup \(avg\): ({_NUMBER}), Inference \(avg\): ({_NUMBER})"
)
_MEMORY = re.compile(rf"Memory footprint delta[^\n]{{0,80}}: init=({_NUMBER}) overall=({_NUMBER})")
_DELEGATE = re.compile(r"(?:Created|Applied) [^\n]{0,60}?delegate[^\n]{0,60}", re.IGNORECASE)
_MIB = 2**20
_MOST_NS = 10**18  # thirty years
_TAIL_LINES = 10


@dataclass(frozen=True, slots=True)
class Timed:
    """What a run of `benchmark_model` says.

    Attributes:
        runs: Timed inferences.
        init_ns: Time to load the model and make it ready.
        first_ns: Time of the first inference.
        warmup_ns: Mean time of an inference of the warm-up.
        mean_ns: Mean time of a timed inference.
        least_ns: Shortest of them; None where it isn't told, as where there was only one.
        most_ns: Longest of them, likewise.
        std_ns: Their standard deviation, likewise.
        p50_ns: Their median, which older programs don't tell.
        p95_ns: Their 95th percentile, likewise.
        memory_bytes: What the process grew by, by its own approximate account; None if not told.
        delegates: What it says of delegates that it made or applied.
    """

    runs: int
    init_ns: int
    first_ns: int
    warmup_ns: int
    mean_ns: int
    least_ns: int | None
    most_ns: int | None
    std_ns: int | None
    p50_ns: int | None
    p95_ns: int | None
    memory_bytes: int | None
    delegates: tuple[str, ...]


def command(program: str, model: str, *, threads: int, mask: str = "") -> list[str]:
    """The words that start it on the phone's CPU; those of `timed` or `once` follow.

    Args:
        program: Path of `benchmark_model` on the phone.
        model: Path of the model file there.
        threads: Threads of the runtime.
        mask: CPUs to stay on, in hex, as `big_mask` has it; empty for any.
    """
    words = [program, f"--graph={model}", f"--num_threads={threads}"]
    return ["taskset", mask, *words] if mask else words


def timed(profile: Profile) -> list[str]:
    """The words that let it warm up and measure for as long as `profile` says."""
    return [
        f"--warmup_runs={profile.warmup_min_runs}",
        f"--warmup_min_secs={profile.warmup_min_time_s:g}",
        f"--num_runs={profile.min_runs}",
        f"--min_secs={profile.min_time_s:g}",
        f"--max_secs={profile.max_time_s:g}",
    ]


def once() -> list[str]:
    """The words that let it run as few times as it can."""
    return ["--warmup_runs=1", "--warmup_min_secs=0", "--num_runs=1", "--min_secs=0"]


def fed(shapes: Sequence[Sequence[int]], files: Sequence[str] = ()) -> list[str]:
    """The words that say what goes in, for a model with inputs of such shapes.

    Args:
        shapes: The shape of each input, in the model's order.
        files: The file of each on the phone: its bare numbers; none for numbers made up there.
    """
    # Inputs are told by their order; names are our own, so none can be mistaken for anything else.
    names = [f"input{number}" for number in range(len(shapes))]
    words = [
        f"--input_layer={','.join(names)}",
        f"--input_layer_shape={':'.join(','.join(map(str, shape)) for shape in shapes)}",
    ]
    pairs = (f"{name}:{file}" for name, file in zip(names, files, strict=False))
    return [*words, f"--input_layer_value_files={','.join(pairs)}"] if files else words


def written(file: str) -> list[str]:
    """The words that let it write the last outputs to `file`, one after another, bare numbers.

    One that is too old to know them goes on without.
    """
    return [f"--output_filepath={file}"]


def parse(text: str) -> Timed:
    """What `benchmark_model` printed, on a terminal or by way of a log.

    Raises:
        ToolError: It came to no end, or what it says contradicts itself.
    """
    runs, summary = _RUNS.findall(text), _SUMMARY.search(text)
    if not runs or summary is None:
        raise _failed(text, "it says no times")
    count, rest = int(runs[-1][0]), dict(_PAIR.findall(runs[-1][1]))
    init, first, warmup, mean = (_ns(value) for value in summary.groups())
    least, most = _told_ns(rest, "min"), _told_ns(rest, "max")
    # Of the average only six digits are printed.
    slack = 1e-5 * mean + 1
    ordered = (least or 0) - slack <= mean <= (most or mean) + slack
    if count < 1 or not 0 < mean < _MOST_NS or not ordered:
        raise _failed(text, "its times contradict each other")
    memory = _MEMORY.search(text)
    return Timed(
        runs=count,
        init_ns=init,
        first_ns=first,
        warmup_ns=warmup,
        mean_ns=mean,
        least_ns=least,
        most_ns=most,
        std_ns=_told_ns(rest, "std"),
        p50_ns=_told_ns(rest, "median"),
        p95_ns=_told_ns(rest, "p95"),
        memory_bytes=_bytes(memory.group(2)) if memory else None,
        delegates=tuple(printable(words) for words in _DELEGATE.findall(text)),
    )


def _ns(microseconds: str) -> int:
    return round(1000 * float(microseconds))


def _told_ns(told: dict[str, str], name: str) -> int | None:
    return _ns(told[name]) if name in told else None


def _bytes(mib: str) -> int | None:
    # Where the system has no such account it prints a negative number, which isn't read at all.
    value = float(mib)
    return round(value * _MIB) if math.isfinite(value) else None


def _failed(text: str, why: str) -> ToolError:
    tail = "\n".join(printable(text).splitlines()[-_TAIL_LINES:])
    return ToolError(
        f"benchmark_model did not measure: {why}",
        hint="its last lines say why; a binary of another ABI or an older LiteRT can't run the "
        "model",
        stderr_tail=tail,
    )
