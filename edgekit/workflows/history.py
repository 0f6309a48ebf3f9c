"""A history: one more commit's ratio to a pinned reference, and what all of them say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from edgekit import __version__, storage
from edgekit.errors import UsageError
from edgekit.records import BenchPlan, Timing
from edgekit.records.history import (
    Addition,
    Alert,
    Change,
    Fingerprint,
    Measurement,
    Past,
    Pin,
    Segment,
    Series,
    Trend,
)
from edgekit.regression import changes, segments
from edgekit.results.history import Place
from edgekit.workflows import duels, plans
from edgekit.workflows.commits import commit
from edgekit.workflows.fingerprints import fingerprint

OnEvent = Callable[[str], None]
_SHORT = 12


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
        threads: Threads of the runtime; None for as many as there are usable cores.
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
    threads: int | None = None
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
    name, position = commit(request.commit, past, request.repository)
    head = _plan(request, request.head, request.runtime)
    references = [_plan(request, path, head.runtime) for path in request.references]
    for reference in references:
        _check_pinned(reference, past)
    kind = fingerprint(head.runtime)
    found = []
    for reference in references:
        on_event(f"measuring {head.subject.name} against {_words(reference)}")
        timing = duels.fixed(reference, head, request.budget_s, seed=position, on_event=on_event)
        found.append(_measurement(timing, head, reference, kind, (name, position)))
    where = request.place.keep(found, position, name)
    whole = replace(past, measurements=(*past.measurements, *found))
    return Addition(
        alerts=tuple(_alert(one, whole, request.max_slowdown) for one in found),
        notes=(*_notes(found, whole), *_novelty(found[0], past)),
        faults=past.faults,
        path=where,
    )


def pin(reference: Path, place: Place, repository: Path = Path(), named: str = "") -> Pin:
    """Pin an artifact: others may be measured against it from now on.

    Args:
        reference: The artifact's folder, or a model file.
        place: Where the history is.
        repository: A folder in the repository that has the commit.
        named: What the commit is called; empty for what is checked out.

    Raises:
        UsageError: It is no artifact, or is pinned already.
        EdgekitError: The history can't be read or written.
    """
    subject = storage.subject(reference)
    past = place.past()
    if any(known.sha256 == subject.sha256 for known in past.pins):
        raise UsageError(
            f"{subject.name} is pinned already",
            hint="measure against it: `edgekit history add HEAD --reference ...`",
        )
    _, position = commit(named, past, repository)
    number = max((known.number for known in past.pins), default=0) + 1
    made = Pin(subject.sha256, subject.name, number, position, _now(), __version__)
    place.keep([made], position, f"pin-{subject.sha256[:_SHORT]}")
    return made


def trend(past: Past, max_slowdown: float) -> Trend:
    """What a history says.

    Args:
        past: What it holds.
        max_slowdown: What is allowed, as a share.

    Raises:
        MissingDependency: ruptures isn't installed.
    """
    changes.check()
    found, joins = segments.segments(past)
    return Trend(
        segments=tuple(replace(one, changes=_changes(one, max_slowdown)) for one in found),
        joins=joins,
        pins=past.pins,
        faults=past.faults,
        max_slowdown=max_slowdown,
    )


def _changes(segment: Segment, max_slowdown: float) -> tuple[Change, ...]:
    points = segment.points
    found = changes.changes([point.ratio for point in points], max_slowdown)
    return tuple(
        Change(
            good=points[one.first - 1].commit,
            bad=points[one.last].commit,
            suspects=one.last - one.first + 1,
            index=one.index,
            ratio=one.ratio,
            interval=one.interval,
            p=one.p,
            state=one.state,
        )
        for one in found
    )


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
    known = ", ".join(f"{pin.name} ({pin.sha256[:_SHORT]})" for pin in past.pins)
    raise UsageError(
        f"{_words(reference)} is not pinned in this history"
        + (f"; pinned: {known}" if known else ""),
        hint=f"`edgekit history pin {subject.artifact.path if subject.artifact else subject.path}"
        " --into DIR` pins it, once and for all commits; a file that was exported again may be "
        "another one",
    )


def _measurement(
    timing: Timing,
    head: BenchPlan,
    reference: BenchPlan,
    kind: Fingerprint,
    at: tuple[str, int],
) -> Measurement:
    name, position = at
    return Measurement(
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
        fingerprint=kind,
        recorded_at=_now(),
        edgekit=__version__,
    )


def _alert(one: Measurement, whole: Past, max_slowdown: float) -> Alert:
    before = segments.before(whole, one)
    if not before:
        return Alert(one, typical=None, bound=None, before=0, slower=False)
    typical, bound = changes.bound(before, max_slowdown)
    slower = bound is not None and one.ratio > bound
    return Alert(one, typical, bound, len(before), slower)


def _notes(found: list[Measurement], whole: Past) -> list[str]:
    """What has to be said of references that follow each other."""
    order = [pin.sha256 for pin in whole.pins]
    names = {pin.sha256: f"{pin.name} ({pin.sha256[:_SHORT]})" for pin in whole.pins}
    alike = [
        one
        for one in whole.measurements
        if one.series == found[0].series and one.fingerprint.digest == found[0].fingerprint.digest
    ]
    measured = {one.reference_sha256 for one in found}
    used = sorted({one.reference_sha256 for one in alike} & set(order), key=order.index)
    newest = max(measured, key=order.index)
    older = used[: used.index(newest)]
    if not older:
        return []
    last, least = older[-1], segments.OVERLAP
    both = segments.overlap(alike, last, newest)
    progress = f"{both} of {least} commits are measured against both"
    if both < least and last not in measured:
        missing = f"{names[last]} was the reference before {names[newest]}, and {progress}"
        mend = "give both until then, or what is older can't be compared: `--reference` twice"
        return [f"{missing}; {mend}"]
    if both < least:
        return [f"of {names[last]} and {names[newest]} {progress}"]
    if last in measured:
        return [f"{names[last]} isn't needed any more: {progress}"]
    return []


def _novelty(one: Measurement, past: Past) -> list[str]:
    """What changed about the machine since the last measurement of the series, if it is new."""
    alike = [other for other in past.measurements if other.series == one.series]
    if not alike or any(other.fingerprint.digest == one.fingerprint.digest for other in alike):
        return []
    old, new = alike[-1].fingerprint.facts, one.fingerprint.facts
    parted = [
        f"{name} {old.get(name, '-')!r} is now {new.get(name, '-')!r}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]
    return [f"a new kind of machine begins a new segment: {'; '.join(parted)}"]


def _words(plan: BenchPlan) -> str:
    return f"{plan.subject.name} ({plan.subject.sha256[:_SHORT]})"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
