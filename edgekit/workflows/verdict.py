"""The verdict: the precisions of one model side by side, measured so that noise can't decide.

Every round measures every file once, each in a process of its own, in an order that is shuffled
anew for each block of rounds and in which every file comes first, second and last equally often:
randomised interleaved trials, after Abedi and Brecht, "Conducting Repeatable Experiments in Highly
Variable Cloud Computing Environments" (ICPE 2017). What disturbs the machine for seconds disturbs
all files of a round, and only ratios within a round are compared.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import median

from edgekit.errors import EdgekitError, MissingDependency, UsageError
from edgekit.quantization.coverage import int8_share
from edgekit.quantization.target import detect
from edgekit.quantization.verdict import REQUIRED_AGREEMENT, Measured, Setting, judge
from edgekit.records import (
    Artifact,
    BenchPlan,
    BenchResult,
    Device,
    Precision,
    ShipVerdict,
    Subject,
    Target,
)
from edgekit.wire import Closeness, Profile, Samples
from edgekit.workflows import bench

# The least with which one wild round can't decide: the interval is from the second to the eighth.
ROUNDS = 9
# Most of a round is starting the process. The warm-up is a fixed time: rounds are many, and any
# unsteadiness of the first of them is in the interval.
ROUND = Profile(
    min_runs=15,
    min_time_s=0.2,
    max_time_s=1.0,
    warmup_min_runs=2,
    warmup_min_time_s=0.1,
    warmup_max_time_s=0.1,
)

OnEvent = Callable[[str], None]


def compare(  # noqa: PLR0913 -- what is compared, how, and what is known already
    artifacts: Mapping[Precision, Artifact],
    runtime: str,
    threads: int,
    on_event: OnEvent = lambda _: None,
    *,
    batch: int | None = None,
    agreement: Mapping[Precision, Closeness] | None = None,
    required: float = REQUIRED_AGREEMENT,
    target: Target | None = None,
    seed: int = 0,
) -> ShipVerdict | None:
    """Measure the precisions of one model against each other, and judge.

    Args:
        artifacts: Float32 and one or two others, of one model and format.
        runtime: Name of the runtime.
        threads: Threads that it may use.
        on_event: Told in a few words what goes on.
        batch: Samples in one inference; None for the files' own, or 1.
        agreement: Closeness to the float model where it is known better than by the golden
            sample, which the runtime computes here.
        required: Least agreement with the float model, from 0 to 1.
        target: The machine; None to look at this one.
        seed: Seed of the order.

    Returns:
        The verdict; None where the runtime can't run here.

    Raises:
        UsageError: Float32 isn't among them, or is alone.
        EdgekitError: A file can't be measured.
    """
    if Precision.FP32 not in artifacts or len(artifacts) == 1:
        raise UsageError(
            "there is nothing to compare", hint="a verdict needs fp32 and int8 or fp16"
        )
    plans = {
        precision: _plan(artifact, runtime, threads, batch)
        for precision, artifact in artifacts.items()
    }
    name = plans[Precision.FP32].subject.name
    on_event(f"{name}: {ROUNDS} rounds against {_others(artifacts)} with {runtime}")
    try:
        samples = _rounds(plans, seed)
    except MissingDependency as error:
        on_event(f"{name}: no verdict: {error}")
        return None
    measured = [
        _measured(artifact, samples[precision], (agreement or {}).get(precision))
        for precision, artifact in artifacts.items()
    ]
    base = artifacts[Precision.FP32]
    setting = Setting(
        model=base.path.parent.name,
        format=base.format,
        runtime=runtime,
        threads=threads,
        batch=samples[Precision.FP32][0].batch,
        target=target or detect(),
    )
    return judge(measured, setting, required)


def of_results(
    results: Iterable[BenchResult], on_event: OnEvent = lambda _: None
) -> tuple[ShipVerdict, ...]:
    """A verdict on each model that was measured validly in float32 and in int8.

    Foreign files have none: nobody knows what belongs together. Neither has a group of which a
    file fails now; the event says why.
    """
    groups: dict[tuple[object, ...], dict[Precision, BenchResult]] = {}
    for result in results:
        artifact, samples = result.plan.subject.artifact, result.samples
        if artifact and samples and result.valid:
            plan = result.plan
            where = (artifact.path.parent, artifact.format, plan.runtime, plan.device.name)
            group = groups.setdefault((*where, plan.threads, samples.batch), {})
            group[artifact.precision] = result
    found = (_of_group(group, on_event) for group in groups.values())
    return tuple(verdict for verdict in found if verdict)


def _of_group(group: Mapping[Precision, BenchResult], on_event: OnEvent) -> ShipVerdict | None:
    if not {Precision.FP32, Precision.INT8} <= group.keys():
        return None
    plan = group[Precision.FP32].plan
    artifacts = {
        precision: artifact
        for precision, result in group.items()
        if (artifact := result.plan.subject.artifact)
    }
    try:
        return compare(artifacts, plan.runtime, plan.threads, on_event, batch=plan.batch)
    except EdgekitError as error:
        on_event(f"{plan.subject.name}: no verdict: {error}")
        return None


def orders(precisions: Sequence[Precision], seed: int) -> Iterator[tuple[Precision, ...]]:
    """The order of each round: cyclic Latin squares, each of a permutation of its own."""
    generator = random.Random(seed)  # noqa: S311 -- no secret
    count = len(precisions)
    permutation: list[Precision] = []
    for number in range(ROUNDS):
        turn = number % count
        if turn == 0:
            permutation = generator.sample(list(precisions), count)
        yield (*permutation[turn:], *permutation[:turn])


def _rounds(plans: Mapping[Precision, BenchPlan], seed: int) -> dict[Precision, list[Samples]]:
    found: dict[Precision, list[Samples]] = {precision: [] for precision in plans}
    for order in orders(tuple(plans), seed):
        for precision in order:
            known = found[precision]
            # What ran is asked once: it doesn't change, and to profile takes time.
            known.append(bench.run(plans[precision], execution=not known))
    return found


def _plan(artifact: Artifact, runtime: str, threads: int, batch: int | None) -> BenchPlan:
    return BenchPlan(
        subject=Subject(artifact.model, artifact.sha256, artifact.size_bytes, artifact),
        runtime=runtime,
        device=Device(),
        threads=threads,
        batch=batch or artifact.inputs[0].shape[0],
        profile=ROUND,
    )


def _measured(artifact: Artifact, rounds: Sequence[Samples], known: Closeness | None) -> Measured:
    first = rounds[0]
    return Measured(
        precision=artifact.precision,
        rounds_ns=tuple(median(samples.latency_ns) for samples in rounds),
        size_bytes=artifact.size_bytes,
        closeness=known or first.golden,
        int8=int8_share(first.execution),
        fault="; ".join(bench.golden_faults(artifact.precision, first.golden)),
    )


def _others(artifacts: Mapping[Precision, Artifact]) -> str:
    return " and ".join(each for each in artifacts if each is not Precision.FP32)
