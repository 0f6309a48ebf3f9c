"""A fleet: each device measures its own legs, one after another, and all devices at once."""

from __future__ import annotations

import contextlib
import itertools
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit.dispatch import Crew, Event, Site, Task
from edgekit.errors import EdgekitError
from edgekit.records import BenchPlan, BenchResult, Device
from edgekit.transports import OWNER, Link, linked
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
        owner: Who has the device meanwhile, whoever drives it.
    """

    plan: BenchPlan
    run: str
    job: str
    owner: str = OWNER


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
    named = {str(number): plan for number, plan in enumerate(plans)}
    steps = dict(zip(named, _first_steps(plans), strict=True))
    results: dict[str, BenchResult] = {}

    def told(task: Task, event: Event) -> None:
        launch, phase = int(event["launch"]), str(event["phase"])
        steps[task.name] = replace(steps[task.name], launch=launch, phase=phase)
        on_step(steps[task.name])

    def done(task: Task, outcome: BenchResult | EdgekitError) -> None:
        found = _lost(task.argument, outcome) if isinstance(outcome, EdgekitError) else outcome
        result = results[task.name] = replace(found, plan=named[task.name])
        on_step(replace(steps[task.name], phase="failed" if result.failure else "done"))
        on_result(result)

    tasks = [
        Task(name, leg, Order(_from_anywhere(plan), run, uuid.uuid4().hex), plan.device.name)
        for name, plan in named.items()
    ]
    crew.run(tasks, told, done)
    return tuple(results[name] for name in named)


def leg(order: Order, site: Site) -> BenchResult:
    """Measure the leg of `order`."""

    def tell(step: Step) -> None:
        site.tell({"launch": step.launch, "phase": step.phase})

    links = _Links(order, site)
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


def _from_anywhere(plan: BenchPlan) -> BenchPlan:
    """`plan` with its files' paths in full: another process may be in another folder."""
    subject, photos = plan.subject, plan.end_to_end
    artifact = subject.artifact
    subject = replace(
        subject,
        path=subject.path.absolute(),
        artifact=artifact and replace(artifact, path=artifact.path.absolute()),
    )
    if photos:
        paths = [str(Path(photo).absolute()) for photo in photos.photos]
        photos = replace(photos, photos=paths)
    return replace(plan, subject=subject, end_to_end=photos)


def _lost(order: Order, error: EdgekitError) -> BenchResult:
    """The result of a leg whose host died again and again."""
    failure = Failure.of("start", error)
    return BenchResult(order.plan, (), (), valid=False, reasons=(), failure=failure, run=order.run)


class _Links:
    """Opens the links of one leg. Each of its jobs has an id, the same in each try.

    Which job is the how-manieth follows from what the jobs before it gave, and a link that
    re-attaches gives the same again.
    """

    def __init__(self, order: Order, site: Site) -> None:
        self.ids = (uuid.uuid5(uuid.UUID(order.job), str(n)).hex for n in itertools.count())
        self.site = site
        self._owner = order.owner

    @contextlib.contextmanager
    def open(self, device: Device) -> Iterator[Link]:
        with linked(device, self._owner) as link:
            yield _Link(link, self)


class _Link:
    """A link that is stopped if all is."""

    def __init__(self, link: Link, links: _Links) -> None:
        self._link = link
        self._links = links

    def run(self, job: Job, *, timeout_s: float, job_id: str = "") -> Iterator[bytes]:
        job_id = job_id or next(self._links.ids)
        with self._links.site.closing(self.stop):
            yield from self._link.run(job, timeout_s=timeout_s, job_id=job_id)

    def stop(self) -> None:
        self._link.stop()

    def close(self) -> None:
        self._link.close()
