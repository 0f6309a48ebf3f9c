"""From what the user names to pairs: which file of head stands against which of base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgekit import storage
from edgekit.errors import EdgekitError, UsageError
from edgekit.records import (
    BenchPlan,
    Check,
    GatePair,
    GatePlan,
    Limits,
    Outcome,
    Subject,
)
from edgekit.wire import Failure
from edgekit.workflows import alike, machines, plans, routes
from edgekit.workflows.turns import ALONE

_EXPORT = (
    "name an artifact's folder, a folder of those or a model file; `edgekit export` makes them"
)


@dataclass(frozen=True, slots=True)
class GateRequest:
    """What a user asks to compare.

    Attributes:
        base: An artifact's folder, a folder of those, a model file, or, with `command`, a git
            revision.
        head: Likewise.
        command: Shell command that exports into the folder that `{out}` in it, or the variable
            `EDGEKIT_OUT`, names; run in a worktree of each revision. Empty for paths.
        runtime: Name of the runtime; empty for each format's first.
        device: Name of the machine.
        threads: Threads of the runtime. One tells what a file costs, and is disturbed least.
        batch: Samples in one inference; None for the file's own, or 1.
        shapes: Shapes of inputs with free axes, by input name.
        limits: How much worse head may be.
        budget_s: Seconds that each pair's latency may take.
        data: Images that accuracy is compared on; None for no such check.
        notes: What to know of how base and head came to be where they are.
    """

    base: str
    head: str
    command: str = ""
    runtime: str = ""
    device: str = "local"
    threads: int = 1
    batch: int | None = None
    shapes: dict[str, list[int]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    budget_s: float = 60.0
    data: Path | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pairs:
    """What is to be compared.

    Attributes:
        plans: Pairs to compare.
        done: Pairs about which it is clear already, such as a file that head lacks.
        notes: What concerns no pair: files that only head has.
    """

    plans: tuple[GatePlan, ...]
    done: tuple[GatePair, ...]
    notes: tuple[str, ...]


def pairs(request: GateRequest) -> Pairs:
    """Which file of head is compared with which of base.

    Folders are matched by the paths below them. A pair that can't be compared is done with its
    failure, unless base has no other.

    Raises:
        UsageError: An option's value is out of its range, base and head are one path, there is
            nothing to compare, or the only pair can't be.
        DataError: The only artifact is broken.
    """
    asked = _asked(request)
    if Path(request.base).resolve() == Path(request.head).resolve():
        raise UsageError(
            f"base and head are both {request.base}: they can't differ",
            hint=f"`edgekit gate {request.base} --aa` says what slowdown this machine can tell",
        )
    bases, heads = _files(request.base), _files(request.head)
    _check_common(request, bases, heads)
    found: list[GatePlan] = []
    done: list[GatePair] = []
    for key, base in bases.items():
        head = heads.get(key)
        if head is None:
            done.append(_missing(request, asked, key, base))
            continue
        try:
            found.append(_plan(request, asked, key, (base, head)))
        except EdgekitError as error:
            if len(bases) == 1:
                raise
            done.append(_failed(request, asked, key, (base, head), error))
    news = tuple(f"only head has {key}" for key in heads if key not in bases)
    return Pairs(tuple(found), tuple(done), (*request.notes, *news))


def aa_plans(request: GateRequest) -> tuple[GatePlan, ...]:
    """Each file of base against itself.

    Raises:
        UsageError: An option's value is out of its range, or there is nothing to measure.
        DataError: An artifact is broken.
    """
    asked = _asked(request)
    files = _files(request.base).items()
    return tuple(_plan(request, asked, key, (path, path)) for key, path in files)


def _asked(request: GateRequest) -> plans.BenchRequest:
    """The same in the words of a bench, checked."""
    asked = plans.BenchRequest(
        paths=(),
        out=Path(),
        runtimes=(request.runtime,) if request.runtime else (),
        device=request.device,
        threads=request.threads,
        batch=request.batch,
        shapes=request.shapes,
    )
    plans.check(asked)
    machines.one(asked.device)
    return asked


def _files(word: str) -> dict[str, Path]:
    """Files by their path below the folder `word`; by an empty one if that names one itself."""
    root = Path(word)
    if root.is_file() or storage.is_artifact(root):
        return {"": root}
    if not root.is_dir():
        raise UsageError(f"there is no {word}", hint=_EXPORT)
    # Only a folder without artifacts stands for plain files: those in artifacts are theirs.
    found = storage.find(root) or storage.find_models(root)
    if not found:
        raise UsageError(f"there is no artifact and no model file in {word}", hint=_EXPORT)
    return {path.relative_to(root).as_posix(): path for path in found}


def _check_common(
    request: GateRequest, bases: Mapping[str, Path], heads: Mapping[str, Path]
) -> None:
    if bases.keys() & heads.keys():
        return
    if "" in bases or "" in heads:
        one, several = ("base", "head") if "" in bases else ("head", "base")
        raise UsageError(
            f"{one} is one file and {several} a folder of {max(len(bases), len(heads))}",
            hint="name a file or an artifact on both sides, or a folder on both",
        )
    raise UsageError(
        f"{request.base} and {request.head} have no file in common: base has "
        f"{_list(bases)}; head has {_list(heads)}",
        hint="files are matched by their path below the folder, such as resnet/onnx-int8; to "
        "compare two of other names, name them themselves",
    )


def _list(files: Mapping[str, Path], shown: int = 3) -> str:
    names = sorted(files)
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def _plan(
    request: GateRequest, asked: plans.BenchRequest, key: str, paths: tuple[Path, Path]
) -> GatePlan:
    base, head = (storage.subject(path) for path in paths)
    runtime = _runtime(asked, base, head)
    if base.artifact and head.artifact:
        alike.check(base.artifact, head.artifact)
    legs = [_leg(asked, side, runtime) for side in (base, head)]
    # A foreign file doesn't say its batch before it is loaded: it gets the other's.
    batch = next((leg.batch for leg in legs if leg.batch), None)
    sides = [replace(leg, batch=batch) for leg in legs]
    return _of(request, key or head.name, sides[0], sides[1])


def _runtime(asked: plans.BenchRequest, base: Subject, head: Subject) -> str:
    """The runtime that is named, or the first that reads both."""
    if asked.runtimes:
        for side in (base, head):
            plans.runtimes(asked, side)
        return asked.runtimes[0]
    formats = [plans.format_of(side) for side in (base, head)]
    theirs = routes.readers(formats[1])
    common = [name for name in routes.readers(formats[0]) if name in theirs]
    if not common:
        raise UsageError(
            f"{base.name} is {formats[0]} and {head.name} is {formats[1]}: no runtime reads both",
            hint="compare files of one format",
        )
    return common[0]


def _leg(asked: plans.BenchRequest, subject: Subject, runtime: str) -> BenchPlan:
    plan = plans.leg(asked, subject, runtime, machines.one(asked.device))
    return replace(plan, profile=ALONE, profile_name="")


def _of(request: GateRequest, name: str, base: BenchPlan, head: BenchPlan) -> GatePlan:
    return GatePlan(name, base, head, request.limits, request.budget_s, request.data)


def _unknown(
    request: GateRequest, asked: plans.BenchRequest, key: str, paths: tuple[Path, Path]
) -> GatePlan:
    """A pair of files of which not even the digests are known."""
    base, head = (_leg(asked, Subject(path, "", 0), request.runtime) for path in paths)
    return _of(request, key, base, head)


def _missing(request: GateRequest, asked: plans.BenchRequest, key: str, base: Path) -> GatePair:
    plan = _unknown(request, asked, key, (base, Path(request.head, key)))
    reason = "base has this file and head doesn't"
    check = Check("missing", "count", "higher", 1, 0, None, None, 1, Outcome.FAIL, reason)
    return GatePair(plan, (check,))


def _failed(
    request: GateRequest,
    asked: plans.BenchRequest,
    key: str,
    paths: tuple[Path, Path],
    error: EdgekitError,
) -> GatePair:
    failure = Failure.of("plan", error)
    return GatePair(_unknown(request, asked, key, paths), failure=failure)
