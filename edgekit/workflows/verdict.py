"""The verdict: the precisions of one model side by side, measured so that noise can't decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from edgekit.errors import EdgekitError, MissingDependency, UsageError
from edgekit.measure.environment import usable_cores
from edgekit.models.text.catalog import EMBED
from edgekit.quantization.coverage import by_kind, int8_share
from edgekit.quantization.facts import REQUIRED_AGREEMENT, Measured, Setting
from edgekit.quantization.target import FEATURES, HOST, detect
from edgekit.quantization.verdict import judge
from edgekit.records import (
    Artifact,
    BenchResult,
    Device,
    ExportLeg,
    Format,
    Precision,
    ShipVerdict,
    Target,
)
from edgekit.transports import linked
from edgekit.wire import Closeness, Samples
from edgekit.workflows import bench, judging, turns
from edgekit.workflows.routes import RUNTIME_OF

_MOST_LOADING_S = 180.0

OnEvent = Callable[[str], None]


def compare(  # noqa: PLR0913 -- what is compared, how, and what is known already
    artifacts: Mapping[Precision, Artifact],
    runtime: str,
    threads: int,
    on_event: OnEvent = lambda _: None,
    *,
    batch: int | None = None,
    alone: Mapping[Precision, Samples] | None = None,
    agreement: Mapping[Precision, Closeness] | None = None,
    required: float = REQUIRED_AGREEMENT,
    target: Target | None = None,
    device: Device | None = None,
    seed: int = 0,
) -> ShipVerdict | None:
    """Measure the precisions of one model against each other, and judge.

    Args:
        artifacts: Float32 and one or two others, of one model and format.
        runtime: Name of the runtime.
        threads: Threads that it may use.
        on_event: Told in a few words what goes on.
        batch: Samples in one inference; None for the files' own, or 1.
        alone: Samples of each, if they were measured by this runtime already.
        agreement: Closeness to the float model where it is known better than by the golden
            sample, which the runtime computes here.
        required: Least agreement with the float model, from 0 to 1.
        target: The machine's facts; None to find them out.
        device: The machine; None for this one.
        seed: Seed of the order.

    Returns:
        The verdict; None where the runtime can't run here, or takes too long to load the files.

    Raises:
        UsageError: Float32 isn't among them, or is alone.
        EdgekitError: A file can't be measured.
    """
    if Precision.FP32 not in artifacts or len(artifacts) == 1:
        raise UsageError(
            "there is nothing to compare", hint="a verdict needs fp32 and int8 or fp16"
        )
    plans = {
        precision: turns.plan(artifact, runtime, threads, batch, device)
        for precision, artifact in artifacts.items()
    }
    name = plans[Precision.FP32].subject.name
    on_event(f"{name}: against {_others(artifacts)} with {runtime}, {turns.LAUNCHES} times")
    try:
        # Each alone first: what it runs, and whether it is right.
        with linked(device or Device()) as link:
            samples = {
                precision: (alone or {}).get(precision) or bench.run(link, plan)
                for precision, plan in plans.items()
            }
            _refuse_slow_loading(samples.values())
            launches = turns.launches(link, list(plans.values()), seed)
    except (MissingDependency, _SlowLoadingError) as error:
        on_event(f"{name}: no verdict: {error}")
        return None
    measured = [
        _measured(artifact, samples[precision], times, (agreement or {}).get(precision), runtime)
        for (precision, artifact), times in zip(
            artifacts.items(), zip(*launches, strict=True), strict=True
        )
    ]
    base = artifacts[Precision.FP32]
    setting = Setting(
        model=base.path.parent.name,
        format=base.format,
        runtime=runtime,
        threads=threads,
        batch=samples[Precision.FP32].batch,
        target=target or _target(device, samples[Precision.FP32]),
    )
    # Which of a vector's numbers is the largest says nothing of what it is near to.
    has_best = base.tokens is None or base.spec.head != EMBED
    return judge(measured, setting, required if has_best else 0.0)


def of_results(
    results: Iterable[BenchResult], on_event: OnEvent = lambda _: None
) -> tuple[ShipVerdict, ...]:
    """A verdict on each model that was measured validly in float32 and in int8.

    Foreign files have none: nobody knows what belongs together. Neither has a group of which a
    file fails now; the event says why. On an emulated device nothing is fast or slow.
    """
    groups: dict[tuple[object, ...], dict[Precision, BenchResult]] = {}
    for result in results:
        artifact, samples = result.plan.subject.artifact, result.samples
        plan = result.plan
        # A verdict measures texts of the usual length.
        usual = artifact is not None and (artifact.tokens is None or not plan.shapes)
        if artifact and usual and samples and result.valid and not result.emulated:
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
    alone = {each: result.samples for each, result in group.items() if result.samples}
    try:
        return compare(
            artifacts,
            plan.runtime,
            plan.threads,
            on_event,
            batch=plan.batch,
            alone=alone,
            device=plan.device,
        )
    except EdgekitError as error:
        on_event(f"{plan.subject.name}: no verdict: {error}")
        return None


def _target(device: Device | None, samples: Samples) -> Target:
    """The facts of the machine that gave `samples`, which tells its own if it isn't this one."""
    if device is None or device.is_here:
        return detect()
    told = samples.environment
    features = sorted(set(told.get("cpu.features", "").split()).intersection(FEATURES))
    return Target(device.name, told.get("arch", ""), tuple(features))


def of_legs(
    legs: Iterable[ExportLeg], on_event: OnEvent = lambda _: None
) -> tuple[ShipVerdict, ...]:
    """A verdict on each format of an export that has float32 and int8 files for this machine.

    What was there already was judged when it was made; `edgekit bench` judges it again.
    """
    groups: dict[Format, list[ExportLeg]] = {}
    for leg in legs:
        groups.setdefault(leg.format, []).append(leg)
    found = []
    for format, group in groups.items():
        artifacts = {leg.precision: leg.artifact for leg in group if leg.artifact}
        int8 = artifacts.get(Precision.INT8)
        if int8 is None or int8.target.name != HOST or all(leg.cached for leg in group):
            continue
        try:
            found.append(compare(artifacts, RUNTIME_OF[format][0], usable_cores(), on_event))
        except EdgekitError as error:
            on_event(f"{int8.name}: no verdict: {error}")
    return tuple(verdict for verdict in found if verdict)


class _SlowLoadingError(Exception):
    """To load the files again and again takes longer than anybody waits for a verdict."""


def _refuse_slow_loading(samples: Iterable[Samples]) -> None:
    # TensorRT builds its engine from an .onnx file each time.
    loading_s = sum(each.load_ns for each in samples) / 1e9
    if loading_s * turns.LAUNCHES > _MOST_LOADING_S:
        raise _SlowLoadingError(
            f"loading takes {loading_s:.0f} s, {turns.LAUNCHES} times; for TensorRT, export an "
            "engine"
        )


def _measured(
    artifact: Artifact,
    samples: Samples,
    launches: Iterable[list[int]],
    known: Closeness | None,
    runtime: str,
) -> Measured:
    return Measured(
        precision=artifact.precision,
        launches_ns=tuple(map(tuple, launches)),
        size_bytes=artifact.size_bytes,
        closeness=known or _guarded(artifact, runtime) or samples.golden,
        int8=int8_share(by_kind(samples.execution)),
        made_for=artifact.target,
        fault="; ".join(judging.golden_faults(artifact.precision, samples.golden)),
    )


def _guarded(artifact: Artifact, runtime: str) -> Closeness | None:
    """What the guard measured, on more images than the golden sample has, if by this runtime."""
    guard = artifact.guard
    if guard is None or guard.metric != "agreement" or guard.runtime != runtime:
        return None
    return Closeness(guard.images, guard.value, None, 0.0, 0.0, finite=True)


def _others(artifacts: Mapping[Precision, Artifact]) -> str:
    return " and ".join(each for each in artifacts if each is not Precision.FP32)
