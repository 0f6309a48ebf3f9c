"""One more commit of a history: measured against its references, kept, and judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from edgekit import __version__
from edgekit.errors import UsageError
from edgekit.records import BenchPlan
from edgekit.records.history import Fingerprint, Measurement, Past, Series
from edgekit.records.trends import Addition, Alert
from edgekit.regression import changes, segments
from edgekit.results.history import Place
from edgekit.workflows import continuity, duels, plans
from edgekit.workflows.commits import commit
from edgekit.workflows.fingerprints import fingerprint

OnEvent = Callable[[str], None]
# Digits of a digest that people are shown.
SHORT = 12


@dataclass(frozen=True, slots=True)
class AddRequest:
    """A commit's artifact to measure and to keep.

    Attributes:
        head: The artifact's folder, or a model file.
        references: Artifacts that are pinned.
        place: Where the history is.
        commit: What the commit is called; empty for what is checked out.
        max_slowdown: What is allowed, as a share.
        runtime: Name of the runtime; empty for the format's first.
        threads: Threads of the runtime.
        batch: Samples in one inference; None for the file's own, or 1.
        shapes: Shapes of inputs with free axes, by input name.
        budget_s: Seconds for each reference.
        repository: A folder in the repository that has the commit.
    """

    head: Path
    references: tuple[Path, ...]
    place: Place
    commit: str = ""
    max_slowdown: float = 0.03
    runtime: str = ""
    threads: int = 1
    batch: int | None = None
    shapes: dict[str, list[int]] = field(default_factory=dict)
    budget_s: float = 20.0
    repository: Path = Path()


def add(request: AddRequest, on_event: OnEvent = lambda _: None) -> Addition:
    """Measure a commit's artifact against its references, keep that, and judge it.

    Args:
        request: What to measure, and where to keep it.
        on_event: Told what goes on.

    Raises:
        UsageError: A reference isn't pinned, or the commit isn't known.
        EdgekitError: A file can't be measured, or the history not be read or written.
    """
    past = request.place.past()
    at = commit(request.commit, past, request.repository)
    head = _plan(request, request.head, request.runtime)
    references = [_plan(request, path, head.runtime) for path in request.references]
    for reference in references:
        _check_pinned(reference, past)
    job = _Job(request, past, head, at, fingerprint(head.runtime), on_event)
    alerts = tuple(job.judged(reference) for reference in references)
    where = request.place.keep(job.found, at[1], at[0])
    return Addition(alerts, continuity.notes(job.found, past), past.faults, where)


@dataclass(frozen=True, slots=True)
class _Job:
    """The measurements of one commit.

    Attributes:
        request: What was asked for.
        past: What the history held before.
        head: The commit's artifact.
        at: Name and position of the commit.
        kind: The machine's.
        on_event: Told what goes on.
        found: What was measured so far.
    """

    request: AddRequest
    past: Past
    head: BenchPlan
    at: tuple[str, int]
    kind: Fingerprint
    on_event: OnEvent
    found: list[Measurement] = field(default_factory=list)

    def judged(self, reference: BenchPlan) -> Alert:
        """Measure against `reference`, and once more where that is beyond the bound.

        Of some hundred measurements one is beyond by chance, two in a row hardly ever are. So
        certainty costs time only where it is red.
        """
        alert = self._alert(self._measured(reference))
        if not alert.slower:
            return alert
        self.on_event(f"a ratio of {alert.measurement.ratio:.4f} is beyond the bound: once more")
        return self._alert(self._measured(reference), again=True)

    def _measured(self, reference: BenchPlan) -> Measurement:
        head, (name, position) = self.head, self.at
        self.on_event(f"measuring {head.subject.name} against {_words(reference)}")
        timing = duels.fixed(
            reference,
            head,
            self.request.budget_s,
            seed=position + len(self.found),
            on_event=self.on_event,
        )
        self.found.append(
            Measurement(
                series=Series(head.subject.name, head.runtime, head.threads, head.batch),
                commit=name,
                position=position,
                reference_sha256=reference.subject.sha256,
                head_sha256=head.subject.sha256,
                ratio=timing.ratio,
                interval=timing.interval,
                cpu_ratio=timing.cpu_ratio,
                floor_ratio=timing.floor_ratio,
                launches=timing.launches,
                machine=timing.machine,
                fingerprint=self.kind,
                recorded_at=now(),
                edgekit=__version__,
            )
        )
        return self.found[-1]

    def _alert(self, one: Measurement, *, again: bool = False) -> Alert:
        whole = replace(self.past, measurements=(*self.past.measurements, *self.found))
        before = segments.before(whole, one)
        if not before:
            return Alert(one, typical=None, bound=None, before=0, slower=False)
        typical, bound = changes.bound(before, self.request.max_slowdown, again=again)
        slower = bound is not None and one.ratio > bound
        return Alert(one, typical, bound, len(before), slower, again)


def _plan(request: AddRequest, path: Path, runtime: str) -> BenchPlan:
    wanted = plans.BenchRequest(
        paths=(path,),
        out=path,
        runtimes=(runtime,) if runtime else (),
        threads=request.threads,
        batch=request.batch,
        shapes=request.shapes,
    )
    legs, _ = plans.plan(wanted)
    if len(legs) != 1:
        raise UsageError(
            f"{path} holds {len(legs)} artifacts", hint="name the folder of one of them"
        )
    return legs[0]


def _check_pinned(reference: BenchPlan, past: Past) -> None:
    subject = reference.subject
    if any(pin.sha256 == subject.sha256 for pin in past.pins):
        return
    known = ", ".join(f"{pin.name} ({pin.sha256[:SHORT]})" for pin in past.pins)
    raise UsageError(
        f"{_words(reference)} is not pinned in this history"
        + (f"; pinned: {known}" if known else ""),
        hint=f"`edgekit history pin {subject.artifact.path if subject.artifact else subject.path}"
        " --into DIR` pins it, once and for all commits; a file that was exported again may be "
        "another one",
    )


def _words(plan: BenchPlan) -> str:
    return f"{plan.subject.name} ({plan.subject.sha256[:SHORT]})"


def now() -> str:
    """The instant, in UTC, as ISO 8601 has it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
