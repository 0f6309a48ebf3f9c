"""From a request for a model to published artifacts: each step is files to files."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

from edgekit import publishing
from edgekit.errors import EdgekitError
from edgekit.models.text.catalog import folder_name
from edgekit.records import (
    ExportLeg,
    FileRequest,
    Format,
    ModelRequest,
    Precision,
    Target,
    TextRequest,
)
from edgekit.wire import Failure
from edgekit.workflows import routes
from edgekit.workflows.build import Builder
from edgekit.workflows.families import FamilySource
from edgekit.workflows.foreign import FileSource
from edgekit.workflows.guard import Guard, over_budget
from edgekit.workflows.int8 import Int8Plan
from edgekit.workflows.keys import Keys
from edgekit.workflows.sources import Source
from edgekit.workflows.textmodels import FORMATS, TextSource, check_formats


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What an export is to make.

    Attributes:
        request: The model, or the file that it stands in.
        formats: Formats to make.
        precisions: Precisions of each; float32 is always made, as the reference.
        target: Where the artifacts will run.
        out: Folder that artifacts are published in.
        int8: How int8 files are made and guarded.
        beside: Precisions that are made to be compared with, not asked for; one that can't be
            made is passed over.
    """

    request: ModelRequest | FileRequest | TextRequest
    formats: tuple[Format, ...]
    precisions: tuple[Precision, ...]
    target: Target
    out: Path
    int8: Int8Plan = field(default_factory=Int8Plan)
    beside: tuple[Precision, ...] = ()

    @property
    def folder(self) -> Path:
        """The model's own folder."""
        if isinstance(self.request, TextRequest):
            return self.out / folder_name(self.request.name, self.request.head)
        return self.out / self.request.name.replace("/", "-").replace(":", "-")


def installed_formats(*, text: bool = False) -> tuple[Format, ...]:
    """Formats to deploy in whose libraries are installed here.

    Args:
        text: Whether a network that reads text is to be had in them.
    """
    possible = FORMATS if text else tuple(routes.PRECISIONS)
    deployed = (found for found in possible if found is not Format.TORCH)
    return tuple(found for found in deployed if not routes.missing(found, Precision.FP32))


def export(plan: ExportPlan, on_event: Callable[[str], None]) -> tuple[ExportLeg, ...]:
    """Make and publish every artifact of `plan`; one that fails doesn't stop the others.

    Args:
        plan: What to make.
        on_event: Told in a few words what goes on.

    Raises:
        UsageError: The plan is impossible, or the model unknown.
        DataError: Weights or calibration photos can't be read, or the disk can't be written.
        MissingDependency: A package that the model itself needs is not installed.
    """
    source = _source(plan)
    if isinstance(plan.request, TextRequest):
        check_formats(plan.formats)
    source.check()
    wanted = list(_wanted(plan))
    for format, precision in wanted:
        routes.check(format, precision, source.root)
    keys = Keys(source, plan.target, plan.int8)
    for leg in wanted:
        # Whatever is wrong with what the user gave comes out here, before anything is written.
        keys.key(*leg)
    folder = plan.folder
    waiting = f"waiting for another export into {folder}"
    with (
        publishing.locked(folder, lambda: on_event(waiting)),
        publishing.staging(folder) as staging,
    ):
        builder = Builder(source, plan.target, keys, staging, on_event)
        guard = Guard(builder, plan.int8, on_event) if plan.int8.max_drop is not None else None
        legs = [_leg(builder, leg, guard) for leg in wanted]
    return tuple(leg for leg in legs if not _passed_over(leg, plan, on_event))


def _source(plan: ExportPlan) -> Source:
    match plan.request:
        case ModelRequest():
            return FamilySource(plan.request)
        case TextRequest():
            return TextSource(plan.request)
        case FileRequest():
            return FileSource(plan.request, plan.folder)
        case _:
            assert_never(plan.request)


def _wanted(plan: ExportPlan) -> Iterable[tuple[Format, Precision]]:
    precisions = {Precision.FP32, *plan.precisions, *plan.beside}
    ordered = [precision for precision in Precision if precision in precisions]
    return ((format, precision) for format in plan.formats for precision in ordered)


def _passed_over(leg: ExportLeg, plan: ExportPlan, on_event: Callable[[str], None]) -> bool:
    asked = {Precision.FP32, *plan.precisions}
    if leg.precision in asked or leg.failure is None:
        return False
    on_event(f"no {leg.format}-{leg.precision} to compare with: {leg.failure.message}")
    return True


def _leg(builder: Builder, leg: tuple[Format, Precision], guard: Guard | None) -> ExportLeg:
    try:
        found = builder.artifact(*leg)
        cached = found.path == builder.destination(*leg)
        if guard and not cached and leg[1] is Precision.INT8:
            guard.mend(leg)
        return _published(builder, leg, cached=cached)
    except EdgekitError as error:
        if builder.root_failed:
            raise
        stage = getattr(error, "stage", "export")
        failure = Failure.of(stage, error)
        return ExportLeg(*leg, None, failure=failure)


def _published(builder: Builder, leg: tuple[Format, Precision], *, cached: bool) -> ExportLeg:
    artifact = builder.artifact(*leg) if cached else builder.publish(*leg)
    missed = over_budget(artifact)
    failure = Failure("guard", missed.kind, str(missed), missed.hint) if missed else None
    return ExportLeg(*leg, artifact, cached, failure)
