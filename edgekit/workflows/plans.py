"""From what the user names to bench plans: which files, which runtimes, how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgekit import storage
from edgekit.errors import EdgekitError, UsageError
from edgekit.records import BenchPlan, BenchResult, Device, Format, Subject
from edgekit.runtimes import RUNTIMES
from edgekit.wire import Failure, Profile
from edgekit.workflows import lengths, machines, routes, scenarios

PROFILES = {
    "quick": Profile(
        min_runs=64,
        min_time_s=1.0,
        max_time_s=30.0,
        warmup_min_runs=5,
        warmup_min_time_s=0.5,
        warmup_max_time_s=10.0,
    ),
    # 400 runs: the 99th percentile has an interval from 368 on; 6 processes: so has the median of
    # their medians from there on.
    "default": Profile(
        min_runs=400,
        min_time_s=3.0,
        max_time_s=60.0,
        warmup_min_runs=5,
        warmup_min_time_s=0.5,
        warmup_max_time_s=30.0,
        launches=6,
        energy_windows=5,
    ),
    "rigorous": Profile(
        min_runs=1024,
        min_time_s=60.0,
        max_time_s=600.0,
        warmup_min_runs=5,
        warmup_min_time_s=0.5,
        warmup_max_time_s=30.0,
        launches=10,
        energy_windows=5,
        energy_window_s=10.0,
    ),
}


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """What a user asks to measure.

    Attributes:
        paths: Artifacts' folders, folders of those, model files; empty for all below `out`.
        out: Where artifacts are published.
        runtimes: Names of runtimes; empty for each format's first.
        device: Names of machines, by commas; or `all`.
        threads: Threads of the runtime; None for as many as there are usable cores.
        batch: Samples in one inference; None for the file's own, or 1.
        profile: Name of a profile.
        shapes: Shapes of inputs with free axes, by input name.
        require_int8: Least share that int8 files have to run in int8; None for any.
        timeout_s: Seconds that one process may take; None for what the profile needs.
        wanted: How inferences follow each other, and whether a whole application is timed.
    """

    paths: tuple[Path, ...]
    out: Path
    runtimes: tuple[str, ...] = ()
    device: str = "local"
    threads: int | None = None
    batch: int | None = None
    profile: str = "default"
    shapes: dict[str, list[int]] = field(default_factory=dict)
    require_int8: float | None = None
    timeout_s: float | None = None
    wanted: scenarios.Wanted = field(default_factory=scenarios.Wanted)


def plan(request: BenchRequest) -> tuple[tuple[BenchPlan, ...], tuple[BenchResult, ...]]:
    """The legs of a bench, and those that have failed already.

    A path that can't be measured is a failed leg, unless it is the only one. So is each path on a
    device that can't be reached, unless that is the only one.

    Raises:
        UsageError: An option's value is unknown, or there is nothing to measure.
        EdgekitError: The only path can't be measured.
        DeviceError: The only device can't be reached, or used.
    """
    check(request)
    there, lost = machines.reached(machines.named(request.device))
    for device in there:
        threads(request, device)
    plans: list[BenchPlan] = []
    failed: list[BenchResult] = []
    paths = _paths(request)
    for path in paths:
        try:
            subject = storage.subject(path)
            names = runtimes(request, subject)
            legs = [leg(request, subject, name, device) for name in names for device in there]
            plans += [
                scenarios.applied(
                    request.wanted, one, request.threads, cores=machines.cpus(one.device)[1]
                )
                for one in legs
            ]
        except EdgekitError as error:
            if len(paths) == 1:
                raise
            failed += [_unplanned(request, path, error, device) for device in there]
        failed += [_unplanned(request, path, error, device) for device, error in lost.items()]
    return tuple(plans), tuple(failed)


def check(request: BenchRequest) -> None:
    """Refuse a request that no machine or runtime here can meet.

    Raises:
        UsageError: An option's value is unknown, or out of its range.
    """
    if request.profile not in PROFILES:
        raise UsageError(
            f"there is no profile named {request.profile!r}", hint=f"one of: {', '.join(PROFILES)}"
        )
    _check_numbers(request)
    machines.named(request.device)
    for name in request.runtimes:
        RUNTIMES.entry(name)
    scenarios.check(request.wanted)


def threads(request: BenchRequest, device: Device) -> int:
    """How many threads a runtime gets on `device`.

    Raises:
        UsageError: It hasn't got as many CPUs as the request wants.
        DeviceError: It can't be reached, or used.
    """
    logical, usable = machines.cpus(device)
    if request.threads is None:
        return usable
    if request.threads > logical:
        where = "this machine" if device.is_here else device.name
        raise UsageError(
            f"--threads is {request.threads}; {where} has {logical} logical CPUs",
            hint=f"give at most {logical}",
        )
    return request.threads


def _check_numbers(request: BenchRequest) -> None:
    for option, number in (("--threads", request.threads), ("--batch", request.batch)):
        if number is not None and number < 1:
            raise UsageError(f"{option} is {number}", hint="give a number from 1 on")
    if request.timeout_s is not None and request.timeout_s <= 0:
        raise UsageError(
            f"--timeout is {request.timeout_s:g}", hint="give seconds, as in `--timeout 120`"
        )
    if request.require_int8 is not None and not 0.0 <= request.require_int8 <= 1.0:
        raise UsageError(
            f"--require-int8 is {request.require_int8:g}",
            hint="give a share from 0 to 1, as in `--require-int8 0.9`",
        )


def _paths(request: BenchRequest) -> list[Path]:
    found: list[Path] = []
    for path in request.paths or (request.out,):
        # A folder that is no artifact stands for the artifacts in it.
        folders = storage.find(path) if path.is_dir() else []
        if path.is_dir() and not folders:
            raise UsageError(
                f"there are no artifacts in {path}",
                hint="`edgekit export efficientnet` makes some",
            )
        found += folders or [path]
    if not request.paths and not request.out.is_dir():
        raise UsageError(
            f"there is no folder {request.out}", hint="`edgekit export efficientnet` makes it"
        )
    return list(dict.fromkeys(found))


def runtimes(request: BenchRequest, subject: Subject) -> Sequence[str]:
    """Those that `request` names and that read `subject`; its format's first if it names none.

    Raises:
        UsageError: None of those that it names reads it.
    """
    format = format_of(subject)
    readers = routes.readers(format)
    if not request.runtimes:
        return readers[:1]
    # A runtime of a third party is in no table of ours: its worker says what it can't read.
    ours = {name for known in Format for name in routes.readers(known)}
    chosen = [name for name in request.runtimes if name in readers or name not in ours]
    if not chosen:
        raise UsageError(
            f"{', '.join(request.runtimes)} can't read {subject.name}, which is {format}",
            hint=f"these can: {', '.join(readers)}",
        )
    return chosen


def format_of(subject: Subject) -> Format:
    """The artifact's format, or that of the file's suffix."""
    return subject.artifact.format if subject.artifact else storage.FOREIGN[subject.path.suffix]


def leg(request: BenchRequest, subject: Subject, runtime: str, device: Device) -> BenchPlan:
    """The leg of `request` that measures `subject` by the runtime with that name on `device`.

    Raises:
        DeviceError: The device can't be reached, or used.
        UsageError: A shape is none that the artifact's inputs can have.
    """
    batch = request.batch or _own_batch(request, subject)
    if subject.artifact:
        lengths.shapes(subject.artifact, request.shapes, batch)
    return BenchPlan(
        subject=subject,
        runtime=runtime,
        device=device,
        threads=threads(request, device),
        batch=batch,
        profile=PROFILES[request.profile],
        profile_name=request.profile,
        shapes=request.shapes,
        require_int8=request.require_int8,
        timeout_s=request.timeout_s,
    )


def _own_batch(request: BenchRequest, subject: Subject) -> int | None:
    """The batch that the shapes give, or that the artifact was exported with; else the file's."""
    given = [shape[0] for shape in request.shapes.values() if len(shape) > 1]
    fixed = [spec.shape[0] for spec in subject.artifact.inputs] if subject.artifact else []
    return next((size for size in (*given, *fixed) if size), None)


def _unplanned(
    request: BenchRequest, path: Path, error: EdgekitError, device: Device
) -> BenchResult:
    """A failed leg of which little is known: not the file's digest, or not the device's CPUs."""
    plan = BenchPlan(
        subject=Subject(path, sha256="", size_bytes=0),
        runtime=",".join(request.runtimes),
        device=device,
        threads=request.threads or 0,
        batch=request.batch,
        profile=PROFILES[request.profile],
        profile_name=request.profile,
    )
    failure = Failure.of("plan", error)
    return BenchResult(plan, (), (), valid=False, reasons=(), failure=failure)
