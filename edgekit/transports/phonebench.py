"""A bench job for a phone: what to bring and to start there, and samples from what it says.

There is no worker on a phone, so this is what `edgekit.measure.benching` is elsewhere, with
LiteRT's `benchmark_model` for a runtime. It checks the golden sample, one sample a process, and
then warms up and measures in one more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgekit import __version__
from edgekit.android import benchmark_model
from edgekit.android.benchmark_model import Timed
from edgekit.errors import DataError, UsageError
from edgekit.measure.closeness import closeness
from edgekit.measure.inputs import Stored
from edgekit.runtimes.specs import IMAGE_AXES
from edgekit.transports import cargo
from edgekit.transports.cargo import Item
from edgekit.transports.phone import FILES, HOME
from edgekit.wire import Closeness, Job, Profile, Samples, Summary, TensorSpec

PROGRAM = "benchmark_model"
_UNWRITTEN = "this benchmark_model writes no outputs"


@dataclass(frozen=True, slots=True)
class Golden:
    """The golden sample, as benchmark_model takes it and gives it.

    Attributes:
        specs: The inputs, no axis left free.
        feeds: For each process the numbers of each input.
        counts: For each process how many samples of its batch count; the last is filled up.
        outputs: What the float model gives, samples first.
    """

    specs: tuple[TensorSpec, ...]
    feeds: tuple[tuple[bytes, ...], ...]
    counts: tuple[int, ...]
    outputs: tuple[Any, ...]

    @property
    def size_bytes(self) -> int:
        """Of the outputs of one process."""
        batch = self.specs[0].shape[0] or 1
        return sum(4 * batch * int(np.prod(one.shape[1:])) for one in self.outputs)


def refuse(job: Job) -> None:
    """Refuse a job that makes no sense on a phone.

    Raises:
        UsageError: Why it doesn't.
    """
    foreign = job.golden is None and not job.layouts
    reasons = {
        "there is no Python on a phone: nothing but a plain bench runs there": job.kind != "bench",
        f"a phone runs litert, not {job.runtime}": job.runtime != "litert",
        "on a phone inferences follow one another at once": (
            job.scenario.mode != "latency" or job.scenario.loadgen or job.end_to_end is not None
        ),
        "nobody knows the inputs of this file, to give them a shape or a batch": (
            foreign and bool(job.shapes or job.batch)
        ),
    }
    for reason, is_so in reasons.items():
        if is_so:
            raise UsageError(
                reason,
                hint="`edgekit bench ARTIFACT --device NAME` with an artifact of "
                "`edgekit export --format litert` is what can be measured there",
            )


def golden(job: Job) -> Golden | None:
    """The golden sample of `job`; None if it has none.

    Raises:
        DataError: It can't be read, or belongs to another model.
    """
    if job.golden is None:
        return None
    specs = _specs(job)
    stored = Stored(Path(job.golden), specs, job)
    batches = list(stored.batches(job.batch or 1))
    feeds = (tuple(feed[spec.name].tobytes() for spec in specs) for feed, _ in batches)
    counts = tuple(count for _, count in batches)
    return Golden(tuple(specs), tuple(feeds), counts, tuple(stored.outputs))


def _specs(job: Job) -> list[TensorSpec]:
    """The inputs as the file takes them, from the golden sample and the layouts that are known."""
    try:
        with np.load(job.golden or "", allow_pickle=False) as arrays:
            given = [arrays[name] for name in arrays.files if name.startswith("input:")]
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DataError(
            f"{job.golden} can't be read: {error}", hint="export the model again"
        ) from error
    names = list(job.layouts) or [f"input{number}" for number in range(len(given))]
    found = []
    for name, array in zip(names, given, strict=False):
        layout = job.layouts.get(name, "")
        shape = array.shape[1:]
        if layout == "NHWC" and array.ndim == IMAGE_AXES:
            shape = (*shape[1:], shape[0])
        found.append(TensorSpec(name, (job.batch or 1, *shape), array.dtype.name, layout))
    return found


@dataclass(frozen=True, slots=True)
class Order:
    """What to bring, and what to do with it there.

    Attributes:
        items: The files.
        steps: Of them the one with the steps: `PHASE WORD...` in each line.
    """

    items: tuple[Item, ...]
    steps: Item


def order(job: Job, name: str, program: Path, mask: str, check: Golden | None) -> Order:
    """What `job` is on a phone.

    Args:
        job: The job.
        name: Its id there.
        program: benchmark_model, here.
        mask: CPUs to stay on, in hex; empty for any.
        check: Its golden sample.

    Raises:
        DataError: A file can't be read.
    """
    model, tool = cargo.of_file(Path(job.model)), cargo.of_file(program)
    start = benchmark_model.command(
        f"{FILES}/{tool.sha256}", f"{FILES}/{model.sha256}", threads=job.threads, mask=mask
    )
    items, lines = [model, tool], []
    shapes = [[axis or 1 for axis in spec.shape] for spec in check.specs] if check else []
    for number, feed in enumerate(check.feeds if check else ()):
        arrays = [cargo.of_bytes(numbers) for numbers in feed]
        items += arrays
        words = benchmark_model.fed(shapes, [f"{FILES}/{array.sha256}" for array in arrays])
        wanted = benchmark_model.written(f"{HOME}/jobs/{name}/{outputs(number)}")
        lines.append(["golden", *start, *benchmark_model.once(), *words, *wanted])
    profile = job.profile or Profile(1, 0.0, 60.0, 1, 0.0, 60.0)
    made_up = benchmark_model.fed(shapes) if shapes else []
    lines.append(["run", *start, *benchmark_model.timed(profile), *made_up])
    steps = cargo.of_bytes("".join(" ".join(line) + "\n" for line in lines).encode())
    return Order((*items, steps), steps)


def outputs(number: int) -> str:
    """Name of the file with the outputs of one process, in the job's folder."""
    return f"outputs-{number}"


def checked(check: Golden, written: Sequence[bytes]) -> Closeness:
    """How near the outputs are to the golden sample's.

    Args:
        check: The golden sample.
        written: What each process wrote.

    Raises:
        DataError: They are of another size.
    """
    batch = check.specs[0].shape[0] or 1
    parts: list[list[Any]] = []
    for content, count in zip(written, check.counts, strict=True):
        if len(content) != check.size_bytes:
            raise DataError(
                f"benchmark_model wrote {len(content)} bytes of outputs; the golden sample has "
                f"{check.size_bytes}",
                hint="the golden sample belongs to another model; export again",
            )
        numbers = np.frombuffer(content, "<f4")
        places = np.cumsum([batch * int(np.prod(one.shape[1:])) for one in check.outputs])
        arrays = np.split(numbers, places[:-1])
        parts.append(
            [
                array.reshape(batch, *one.shape[1:])[:count]
                for array, one in zip(arrays, check.outputs, strict=True)
            ]
        )
    whole = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    return closeness(whole, check.outputs)


def samples(
    job: Job,
    said: Timed,
    check: Golden | None,
    written: Sequence[bytes],
    environment: Mapping[str, str],
    settings: Mapping[str, str],
) -> Samples:
    """What was measured, as a worker would send it.

    Args:
        job: The job.
        said: What benchmark_model says of the timed process.
        check: The golden sample.
        written: The outputs of each process that checked it; none where it can't write them.
        environment: The phone, and its state before and after.
        settings: What benchmark_model was started with.

    Raises:
        DataError: The outputs aren't of the golden sample's size.
    """
    found = checked(check, written) if check and written else None
    return Samples(
        latency_ns=[],
        cpu_ns=[],
        warmup_ns=[],
        load_ns=said.init_ns,
        first_ns=said.first_ns,
        steady=True,
        memory=[],
        settings={name: text for name, text in settings.items() if text},
        versions={"edgekit": __version__},
        inputs=list(check.specs) if check else [],
        outputs=[],
        defaulted={},
        golden=found,
        output_sha256=hashlib.sha256(written[0]).hexdigest() if written else "",
        execution=[],
        environment=dict(environment),
        batch=job.batch or 1,
        finite=found.finite if found else True,
        summary=_summary(said, _UNWRITTEN if check and not written else ""),
    )


def _summary(said: Timed, unchecked: str) -> Summary:
    return Summary(
        program=PROGRAM,
        count=said.runs,
        mean_ns=said.mean_ns,
        # Of runs that all took as long it tells but the one time.
        least_ns=said.mean_ns if said.least_ns is None else said.least_ns,
        most_ns=said.mean_ns if said.most_ns is None else said.most_ns,
        std_ns=said.std_ns,
        p50_ns=said.p50_ns,
        p95_ns=said.p95_ns,
        warmup_ns=said.warmup_ns,
        memory_bytes=said.memory_bytes,
        unchecked=unchecked,
    )
