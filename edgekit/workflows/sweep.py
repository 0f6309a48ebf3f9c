"""A sweep: every file of a suite made, judged and measured; what is done already is kept.

One step after the other, and each over all files: nothing is built or evaluated while something
is measured, since this host may be one of the devices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from edgekit import scoring, storage
from edgekit.datasets import labels
from edgekit.dispatch import Crew, Event, Site, Task
from edgekit.errors import DataError, EdgekitError
from edgekit.records import LOCAL, Artifact, BenchPlan, BenchResult, EvalResult, ExportLeg
from edgekit.records.sweep import Cell, CellResult
from edgekit.results.store import Store
from edgekit.wire import Failure
from edgekit.workflows import evaluate, export, fleet, plans, routes, suites
from edgekit.workflows.bench import OnResult, OnStep
from edgekit.workflows.evaluate import EvalPlan
from edgekit.workflows.export import ExportPlan
from edgekit.workflows.suites import Build, SweepPlan

OnEvent = Callable[[str], None]


class Sweep:
    """A sweep as far as it is.

    Args:
        plan: What to do.
        store: Where results are kept, and found again.
    """

    def __init__(self, plan: SweepPlan, store: Store) -> None:
        self._plan = plan
        self._store = store
        self._cells = {cell: CellResult(cell) for cell in plan.cells}
        for cell, why in plan.impossible.items():
            self._fail(cell, why)

    @property
    def results(self) -> tuple[CellResult, ...]:
        """What came of each cell so far, in the order of the suite."""
        return tuple(self._cells.values())

    def make(self, crew: Crew, on_event: OnEvent) -> None:
        """Make the files; one that fails doesn't stop the others.

        Raises:
            UsageError: Nobody can do it.
        """
        builds = {build.name: build for build in self._plan.builds}

        def done(task: Task, outcome: tuple[ExportLeg, ...] | Failure | EdgekitError) -> None:
            self._made(builds[task.name], outcome)

        tasks = [Task(name, make, build.plan) for name, build in builds.items()]
        crew.run(tasks, _told(on_event), done)

    def evaluate(self, crew: Crew, on_event: OnEvent) -> None:
        """Find the accuracy of each file on the host, where the suite asks for it.

        Raises:
            UsageError: Nobody can do it.
            DataError: What was found can't be kept.
        """
        asked = self._plan.suite.evaluate
        if asked is None:
            return
        cells, tasks, cut = {}, [], self._plan.suite.int8.cut
        known = _Accuracies(self._store)
        for cell, artifact in self._artifacts():
            data = Path((asked.pairs if artifact.tokens else None) or asked.data)
            if found := known.of(artifact, data):
                self._cells[cell] = replace(self._cells[cell], accuracy=found)
                continue
            cells[cell.name] = cell
            work = EvalPlan(artifact.path, data, None, asked.threads, cut=cut)
            tasks.append(Task(cell.name, judge, work))

        def done(task: Task, outcome: EvalResult | Failure | EdgekitError) -> None:
            if isinstance(outcome, EvalResult):
                self._store.save(outcome)
                cell = cells[task.name]
                self._cells[cell] = replace(self._cells[cell], accuracy=outcome)
            else:
                self._fail(cells[task.name], outcome)

        crew.run(tasks, _told(on_event), done)

    def measure(self, crew: Crew, on_step: OnStep, on_result: OnResult) -> None:
        """Measure each file on its target's devices.

        Args:
            crew: Who drives the devices.
            on_step: Told how far each device is.
            on_result: Given each new result, to be kept.

        Raises:
            UsageError: Nobody drives a device.
        """
        legs: list[BenchPlan] = []
        cells = {}
        for cell, artifact in self._artifacts():
            cells[artifact.path] = cell
            for leg in self._legs(cell, artifact):
                if found := _known(self._store, leg):
                    self._add(cell, found, kept=1)
                else:
                    legs.append(leg)

        def came(result: BenchResult) -> None:
            on_result(result)
            artifact = result.plan.subject.artifact
            if artifact:
                self._add(cells[artifact.path], result)

        fleet.measure(legs, crew, on_step, came)

    def _artifacts(self) -> list[tuple[Cell, Artifact]]:
        return [(each.cell, each.artifact) for each in self.results if each.artifact]

    def _made(self, build: Build, outcome: tuple[ExportLeg, ...] | Failure | EdgekitError) -> None:
        if not isinstance(outcome, tuple):
            for cell in build.cells:
                self._fail(cell, outcome)
            return
        legs = {(leg.format, leg.precision): leg for leg in outcome}
        for cell in build.cells:
            leg = legs[cell.format, cell.precision]
            if leg.failure:
                self._fail(cell, leg.failure)
            if leg.artifact and not storage.is_artifact(leg.artifact.path):
                self._fail(cell, _elsewhere(leg.artifact.path))
                continue
            self._cells[cell] = replace(
                self._cells[cell], artifact=leg.artifact, cached=leg.cached
            )

    def _legs(self, cell: Cell, artifact: Artifact) -> Sequence[BenchPlan]:
        names = suites.of_target(self._plan.suite, cell).devices
        if not names:
            return ()
        asked = self._plan.suite.bench
        request = plans.BenchRequest(
            paths=(artifact.path,),
            out=self._plan.out,
            runtimes=asked.runtimes,
            device=",".join(names),
            threads=asked.threads,
            profile=asked.profile,
            timeout_s=asked.timeout_s,
        )
        try:
            legs, failed = plans.plan(request)
        except EdgekitError as error:
            self._fail(cell, Failure.of("plan", error))
            return ()
        for result in failed:  # a device that isn't there
            self._add(cell, result)
        return legs

    def _add(self, cell: Cell, result: BenchResult, kept: int = 0) -> None:
        whole = self._cells[cell]
        benches = (*whole.benches, result)
        self._cells[cell] = replace(whole, benches=benches, kept=whole.kept + kept)

    def _fail(self, cell: Cell, why: Failure | EdgekitError) -> None:
        failure = Failure.of("start", why) if isinstance(why, EdgekitError) else why
        whole = self._cells[cell]
        self._cells[cell] = replace(whole, failures=(*whole.failures, failure))


def make(plan: ExportPlan, site: Site) -> tuple[ExportLeg, ...] | Failure:
    """The files of `plan`, or why there is none of them."""
    try:
        return export.export(plan, lambda words: site.tell({"words": words}))
    except EdgekitError as error:
        return Failure.of("export", error)


def judge(plan: EvalPlan, site: Site) -> EvalResult | Failure:
    """The accuracy of one file, or why there is none."""
    try:
        return evaluate.evaluate(plan, lambda words: site.tell({"words": words}))
    except EdgekitError as error:
        return Failure.of("evaluate", error)


class _Accuracies:
    """What the store knows of the worth of artifacts on the very images or texts of a set."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._digests: dict[tuple[Path, str, labels.Classes], str] = {}

    def of(self, artifact: Artifact, data: Path) -> EvalResult | None:
        """What `artifact` is worth on `data` on this host; None where it isn't known."""
        found = self._store.accuracy_of(artifact.sha256)
        usual = (routes.RUNTIME_OF[artifact.format][0], LOCAL)
        if found is None or (found.runtime, found.device) != usual:
            return None
        key = (data, scoring.metric_of(artifact), labels.of(artifact))
        try:
            if key not in self._digests:
                scorer = scoring.scorer_of(artifact)
                self._digests[key] = scorer.read(artifact, data, cut=False).sha256
        except EdgekitError:
            return None  # evaluating it says the same, as its failure
        return found if found.data_sha256 == self._digests[key] else None


def _known(store: Store, plan: BenchPlan) -> BenchResult | None:
    """A result of the very same leg that may be used, the newest one; None if there is none."""
    for entry in store.find(artifact=plan.subject.sha256, runtime=plan.runtime):
        if not entry.valid or entry.failure or entry.device != plan.device.name:
            continue
        try:
            (result,) = store.read(entry).results
        except DataError as error:
            store.tell(error)
            continue
        # The file may lie elsewhere by now: its digest says that it is the same.
        if replace(result.plan, subject=plan.subject) == plan:
            return result
    return None


def _elsewhere(path: Path) -> DataError:
    return DataError(
        f"another host made {path}, and it isn't here",
        hint="name a folder with --out that all hosts see at the same place",
    )


def _told(on_event: OnEvent) -> Callable[[Task, Event], None]:
    return lambda task, event: on_event(f"{task.name}: {event['words']}")
