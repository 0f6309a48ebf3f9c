"""Training: from a folder of images to weights that `edgekit export` takes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edgekit import publishing
from edgekit.datasets import READERS, items, roots
from edgekit.datasets.items import Dataset
from edgekit.errors import DataError, EdgekitError, ToolError, UsageError
from edgekit.models import assemble, catalog
from edgekit.quantization import target as targets
from edgekit.quantization.recipe import recipe
from edgekit.records import Format, ModelRequest, Precision
from edgekit.records.training import TrainResult
from edgekit.storage import mark
from edgekit.training import AIMS, METHODS, untrained
from edgekit.workflows.frameworks import framework

if TYPE_CHECKING:
    from edgekit.training.progress import Step
    from edgekit.training.session import Job

RECORD = "training.json"
_HELD_OUT = 0.2
# The same whatever --seed is: weights that go on with another one have not seen what is held out.
_SPLIT_SEED = 0
_ROUNDING = "qat"


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """What to train.

    Attributes:
        request: The network; its number of classes is that of the data.
        method: Name of the method.
        data: Folder of images, or one with `train/` and `test/` or `val/` in it.
        measured: Folder of images to measure on; None for a part of `data`.
        out: Folder that checkpoint and weights are written into.
        changed: Fields of `Settings` that are other than the method's own.
        teacher: Weights of a network to learn from too; None for none.
    """

    request: ModelRequest
    method: str
    data: Path
    measured: Path | None
    out: Path
    changed: dict[str, Any] = field(default_factory=dict)
    teacher: Path | None = None


def rounding(method: str, target: str) -> tuple[str, str]:
    """The method that trains with 8-bit rounding, and the rule of scales of where files will run.

    Args:
        method: The method that was asked for beside it.
        target: Name of the target, as `edgekit export` takes it.

    Raises:
        UsageError: The method trains too little to learn rounding, or there is no such target.
    """
    if method != "full":
        raise UsageError(
            f"--qat trains all weights, --method {method} only some",
            hint=f"train by --method {method} first, then --qat --weights DIR/model.safetensors",
        )
    chosen = recipe(targets.target(target), Format.ONNX, Precision.INT8)
    return _ROUNDING, chosen.weight_scale if chosen else "max"


def train(
    plan: TrainPlan, on_event: Callable[[str], None], on_step: Callable[[Step], None]
) -> TrainResult:
    """Train, measure after each epoch, and write the weights.

    The same plan again goes on where it was killed.

    Args:
        plan: What to train.
        on_event: Told in a few words what goes on.
        on_step: Told each step.

    Raises:
        UsageError: The plan is impossible.
        DataError: Images or weights can't be read, or contradict themselves.
        MissingDependency: A package is not installed.
        ToolError: The loss is no number any more, or the framework failed.
    """
    _check(plan)
    on_event(f"reading {plan.data}")
    learnt, measured = _data(plan)
    for note in dict.fromkeys((*learnt.notes, *measured.notes)):
        on_event(note)
    waiting = f"waiting for another training into {plan.out}"
    with (
        publishing.locked(plan.out, lambda: on_event(waiting)),
        publishing.staging(plan.out) as staging,
    ):
        with framework("building the network", staging):
            from edgekit.training.session import Session

            session = Session(_job(plan, learnt, measured))
        on_event(f"learning from {len(learnt)} images, measuring on {len(measured)} others")
        with _in_words():
            averaged, epochs, score = session.train(plan.out, on_step)
        with framework("writing the network", staging):
            result = session.finish(averaged, epochs, score, staging)
            (staging / RECORD).write_bytes(msgspec.json.format(msgspec.json.encode(result)))
        _publish(staging, plan.out)
    return result


def _check(plan: TrainPlan) -> None:
    """Refuse what is impossible whatever the data, before anything is imported or read."""
    AIMS.entry(plan.request.head)
    METHODS.entry(plan.method)
    catalog.check(plan.request)
    least = {"epochs": 1, "batch": 2}
    for name, bound in least.items():
        if plan.changed.get(name, bound) < bound:
            message = f"--{name} {plan.changed[name]} can't be trained with"
            raise UsageError(message, hint=f"give --{name} {bound} or more")
    if not 0 < plan.changed.get("lr", 1.0) < float("inf"):
        raise UsageError(f"--lr {plan.changed['lr']} is no rate", hint="give one like 0.001")
    if plan.teacher and not plan.teacher.is_file():
        hint = "give the model.safetensors that `edgekit train` wrote"
        raise UsageError(f"--teacher {plan.teacher}: there is no such file", hint=hint)
    if plan.method == _ROUNDING and plan.request.weights == catalog.RANDOM:
        raise untrained(catalog.RANDOM)
    if plan.teacher and plan.request.head != "classify":
        message = f"--teacher gives scores of classes, and {plan.request.head!r} learns none"
        raise UsageError(message, hint="leave --teacher out, or take --head classify")
    if plan.teacher and plan.method == "probe":
        raise UsageError(
            "a probe sees features, a teacher wants pictures: --teacher can't be given to it",
            hint="take --method lora or full, or leave --teacher out",
        )


def _data(plan: TrainPlan) -> tuple[Dataset, Dataset]:
    """What is learnt from, and what is measured on."""
    reader = READERS.get(AIMS.get(plan.request.head).kind)
    whole, part = roots.parts(plan.data)
    learnt = reader.read(whole)
    items.check_names(learnt)
    notes = items.contradictions(learnt)
    held = plan.measured or part
    if held is None:
        learnt, measured = items.split(learnt, _HELD_OUT, _SPLIT_SEED)
    else:
        measured = reader.read(held)
        items.check_apart(learnt, measured)
    if len(learnt) < 2:  # noqa: PLR2004 -- norms need the spread of two
        message = f"{learnt.source} has one picture to learn from: nothing can be learnt from it"
        raise DataError(message, hint="give more images")
    _check_unseen(plan, measured)
    notes = (*measured.notes, *notes, *items.gaps(learnt, measured))
    return learnt, replace(measured, notes=notes)


def _check_unseen(plan: TrainPlan, measured: Dataset) -> None:
    """Refuse to measure on what the weights, or the teacher's, have learnt from before."""
    for weights in filter(None, (plan.request.weights, str(plan.teacher or ""))):
        known = set(assemble.learnt(weights))
        pairs = zip(measured.files, measured.file_digests(), strict=True)
        seen = [name for name, sha256 in pairs if known and mark(sha256) in known]
        if seen:
            raise DataError(
                f"{weights} learnt from {len(seen)} of the {len(measured)} images to "
                f"measure on: {items.listing(seen)}",
                hint="give the same data as then, or others to measure on with --val",
            )


def _job(plan: TrainPlan, learnt: Dataset, measured: Dataset) -> Job:
    from edgekit.training.session import Job

    request = replace(plan.request, classes=len(learnt.names))
    asked = request.classes if plan.request.classes is None else plan.request.classes
    if asked != request.classes:
        message = f"--classes {asked}, but the data has {request.classes}"
        raise UsageError(message, hint="leave --classes out")
    family, backbone = catalog.resolve(request.name)
    settings = replace(METHODS.get(plan.method).settings, seed=request.seed, **plan.changed)
    return Job(request, family, backbone, plan.method, settings, learnt, measured, plan.teacher)


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """Turn what torch raises while it trains into an error that says what to do."""
    try:
        yield
    except EdgekitError:
        raise
    except (RuntimeError, ValueError) as error:
        text = str(error).strip().splitlines()
        message = f"training failed: {text[0] if text else type(error).__name__}"
        hint = "a smaller --batch or --input-size, if memory is short; else another model"
        raise ToolError(message, hint=hint) from error


def _publish(staging: Path, out: Path) -> None:
    """Put each file in its place; the record, which names the others' digests, last."""
    files = sorted(path for path in staging.iterdir() if path.suffix != ".log")
    with publishing.disk_errors(out):
        for path in sorted(files, key=lambda each: each.name == RECORD):
            path.replace(out / path.name)
