"""A fleet: each device measures its own legs, one after another, and all devices at once."""

from __future__ import annotations

import itertools
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from edgekit.dispatch import Crew, Event, Site, Task
from edgekit.errors import EdgekitError
from edgekit.records import BenchPlan, BenchResult, Device
from edgekit.transports import Link, open_link
from edgekit.wire import Failure, Job
from edgekit.workflows import bench
from edgekit.workflows.bench import OnResult, OnStep, Step


@dataclass(frozen=True, slots=True)
class Order:
    """One leg, as it is handed to whoever drives its device.

    Attributes:
        plan: The leg.
        run: Which run it belongs to.
        job: 32 hex digits; the ids of all its jobs come from it, so whoever takes the leg over
            from a host that died asks for the same jobs.
    """

    plan: BenchPlan
    run: str
    job: str


def lanes(plans: Sequence[BenchPlan]) -> tuple[str, ...]:
    """The devices that `plans` need, each once."""
    return tuple(dict.fromkeys(plan.device.name for plan in plans))


def measure(
    plans: Sequence[BenchPlan],
    crew: Crew,
    on_step: OnStep = lambda _: None,
    on_result: OnResult = lambda _: None,
) -> tuple[BenchResult, ...]:
    """Measure each plan: those of a device one after another, devices at once.

    A leg that fails is a result with its failure; the others go on, also those of its device.
    Both functions are called in the caller's thread.

    Args:
        plans: The legs.
        crew: Who drives the devices.
        on_step: Told how far each device is.
        on_result: Given each result as soon as it is there.

    Returns:
        The results in the order of `plans`.
    """
    run = bench.new_run()
    steps = {str(number): step for number, step in enumerate(_first_steps(plans))}
    results: dict[str, BenchResult] = {}

    def told(task: Task, event: Event) -> None:
        launch, phase = int(event["launch"]), str(event["phase"])
        steps[task.name] = replace(steps[task.name], launch=launch, phase=phase)
        on_step(steps[task.name])

    def done(task: Task, outcome: BenchResult | EdgekitError) -> None:
        result = _lost(task.argument, outcome) if isinstance(outcome, EdgekitError) else outcome
        results[task.name] = result
        on_step(replace(steps[task.name], phase="failed" if result.failure else "done"))
        on_result(result)

    orders = [Order(plan, run, uuid.uuid4().hex) for plan in plans]
    tasks = [
        Task(name, leg, order, order.plan.device.name)
        for name, order in zip(steps, orders, strict=True)
    ]
    crew.run(tasks, told, done)
    return tuple(results[name] for name in steps)


def leg(order: Order, site: Site) -> BenchResult:
    """Measure the leg of `order`."""

    def tell(step: Step) -> None:
        site.tell({"launch": step.launch, "phase": step.phase})

    links = _Links(order.job, site)
    (result,) = bench.bench([order.plan], tell, open=links.open, run=order.run)
    return result


def _first_steps(plans: Sequence[BenchPlan]) -> Iterator[Step]:
    """Where each leg is before it has begun; counted for each device."""
    counts = Counter(plan.device.name for plan in plans)
    numbers: Counter[str] = Counter()
    for plan in plans:
        name = plan.device.name
        numbers[name] += 1
        yield Step(plan, numbers[name], counts[name])


def _lost(order: Order, error: EdgekitError) -> BenchResult:
    """The result of a leg whose host died again and again."""
    failure = Failure("start", error.kind, str(error), error.hint, error.stderr_tail)
    return BenchResult(order.plan, (), (), valid=False, reasons=(), failure=failure, run=order.run)


class _Links:
    """Opens the links of one leg. Each of its jobs has an id, the same in each try.

    Which job is the how-manieth follows from what the jobs before it gave, and a link that
    re-attaches gives the same again.
    """

    def __init__(self, job: str, site: Site) -> None:
        self.ids = (uuid.uuid5(uuid.UUID(job), str(n)).hex for n in itertools.count())
        self.site = site

    def open(self, device: Device) -> Link:
        return _Link(open_link(device), self)


class _Link:
    """A link that is closed if all is stopped."""

    def __init__(self, link: Link, links: _Links) -> None:
        self._link = link
        self._links = links

    def run(self, job: Job, *, timeout_s: float, job_id: str = "") -> Iterator[bytes]:
        job_id = job_id or next(self._links.ids)
        with self._links.site.closing(self.close):
            yield from self._link.run(job, timeout_s=timeout_s, job_id=job_id)

    def close(self) -> None:
        self._link.close()
