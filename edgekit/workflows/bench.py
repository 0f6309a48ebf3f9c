"""Bench: each leg in fresh workers, from a plan to a result."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from edgekit.errors import DeviceError, EdgekitError
from edgekit.records import BenchPlan, BenchResult, Device, Precision
from edgekit.results.store import STAMP
from edgekit.transports import Link, linked
from edgekit.wire import Failure, Job, Samples
from edgekit.workflows import lengths
from edgekit.workflows.jobs import OnPhase, run_job
from edgekit.workflows.judging import judged
from edgekit.workflows.validity import disturbed

# Beyond the profile's own limits: importing, loading, compiling, the golden sample.
_ALLOWANCE_S = 600.0
# TensorRT times hundreds of kernels for each layer before it has an engine, on a small board.
_BUILDING_S = {"tensorrt": 3600.0}
# Of one process: what disturbed the machine may have passed by then.
_MOST_TRIES = 3


@dataclass(frozen=True, slots=True)
class Step:
    """How far a bench is.

    Attributes:
        plan: The leg.
        leg: Its number, from 1.
        legs: How many there are.
        launch: Number of the process, from 1.
        phase: What the worker does; `done` or `failed` once the leg is over.
    """

    plan: BenchPlan
    leg: int
    legs: int
    launch: int = 1
    phase: str = "start"


OnStep = Callable[[Step], None]
OnResult = Callable[[BenchResult], None]
Open = Callable[[Device], AbstractContextManager[Link]]


def bench(
    plans: Iterable[BenchPlan],
    on_step: OnStep = lambda _: None,
    on_result: OnResult = lambda _: None,
    *,
    open: Open = linked,
    run: str = "",
) -> tuple[BenchResult, ...]:
    """Measure each plan, one after another.

    A leg that fails is a result with its failure; the others go on.

    Args:
        plans: The legs.
        on_step: Told how far it is.
        on_result: Given each result as soon as it is there.
        open: Opens a link to the machine of a leg.
        run: Which run the results belong to; empty for one of their own.
    """
    plans = tuple(plans)
    run = run or new_run()
    results = []
    for number, plan in enumerate(plans, 1):
        begun = _now().isoformat(timespec="seconds")
        result = _leg(Step(plan, number, len(plans)), on_step, open)
        results.append(replace(result, run=run, measured_at=begun))
        on_result(results[-1])
    return tuple(results)


def new_run() -> str:
    """The name of a run that begins now; names sort as the runs began."""
    return _now().strftime(STAMP)


def _leg(step: Step, on_step: OnStep, open: Open) -> BenchResult:
    def on_phase(phase: str) -> None:
        nonlocal step
        step = replace(step, phase=phase)
        on_step(step)

    plan = step.plan
    launches: list[Samples] = []
    again: list[str] = []
    try:
        with open(plan.device) as link:
            for number in range(plan.profile.launches):
                step = replace(step, launch=number + 1)
                samples, words = _undisturbed(link, plan, number, on_phase)
                launches.append(samples)
                again += words
    except EdgekitError as error:
        failure = Failure.of(step.phase, error)
        return BenchResult(plan, (), (), valid=False, reasons=(), failure=failure)
    return judged(plan, launches, again)


def _undisturbed(
    link: Link, plan: BenchPlan, launch: int, on_phase: OnPhase
) -> tuple[Samples, list[str]]:
    """One launch, again where it was disturbed; and what disturbed those that don't count.

    The last try counts, disturbed or not. So does the first on an emulated device, whose times
    are no measurement anyway.
    """
    again: list[str] = []
    for _ in range(_MOST_TRIES - 1):
        samples = run(link, plan, on_phase, launch)
        words = disturbed(samples)
        if not words or plan.device.emulated:
            return samples, again
        again += words
    return run(link, plan, on_phase, launch), again


def run(
    link: Link,
    plan: BenchPlan,
    on_phase: OnPhase = lambda _: None,
    launch: int = 0,
    *,
    fixed_heap: bool = False,
) -> Samples:
    """Measure `plan` once, in a fresh worker.

    Args:
        link: The way to the leg's machine.
        plan: The leg.
        on_phase: Told the name of each phase as it begins.
        launch: Number of the process, from 0.
        fixed_heap: Whether its memory is to be compared with another file's.

    Raises:
        EdgekitError: It can't be measured.
    """
    allowance_s = _BUILDING_S.get(plan.runtime, _ALLOWANCE_S)
    usual_s = plan.profile.warmup_max_time_s + plan.profile.max_time_s + allowance_s
    whole_s = (plan.timeout_s or usual_s) + cooling_s(plan)
    last = launch == plan.profile.launches - 1
    # Once is enough: what a runtime runs is the same in every process, and energy takes long.
    work = replace(job(plan), profiled=launch == 0, energetic=last, fixed_heap=fixed_heap)
    samples = run_job(link, work, timeout_s=whole_s, on_phase=on_phase)
    if not isinstance(samples, Samples) or not samples.count:
        raise DeviceError("the worker measured nothing", hint="run it again", stage="run")
    return samples


def cooling_s(plan: BenchPlan) -> float:
    """Seconds that a process may wait for the machine to cool down before it does anything."""
    return plan.device.cooldown.max_wait_s if plan.device.cooldown else 0.0


def job(plan: BenchPlan) -> Job:
    """What a worker is to do for `plan`."""
    artifact = plan.subject.artifact
    half = artifact is not None and artifact.precision is Precision.FP16
    shapes = lengths.shapes(artifact, plan.shapes, plan.batch) if artifact else plan.shapes
    fits = artifact is not None and lengths.fits_golden(artifact, shapes)
    golden = artifact.file("golden") if artifact and fits else None
    return Job(
        kind="bench",
        runtime=plan.runtime,
        model=str(plan.subject.path),
        precision="fp16" if half else "fp32",
        threads=plan.threads,
        seed=plan.seed,
        batch=plan.batch,
        shapes=shapes,
        layouts={spec.name: spec.layout for spec in artifact.inputs} if artifact else {},
        bounds=lengths.bounds(artifact) if artifact else {},
        golden=str(golden) if golden else None,
        task=artifact.spec.task if artifact else "",
        profile=plan.profile,
        scenario=plan.scenario,
        end_to_end=plan.end_to_end,
        root=plan.device.root,
        cooldown=plan.device.cooldown,
    )


def _now() -> datetime:
    return datetime.now(UTC)
