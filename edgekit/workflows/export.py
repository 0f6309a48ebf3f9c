"""From a request for a model to published artifacts: each step is files to files."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from edgekit import publishing
from edgekit.errors import EdgekitError
from edgekit.models import catalog
from edgekit.records import ExportLeg, Format, ModelRequest, Precision, Target
from edgekit.wire import Failure
from edgekit.workflows import routes
from edgekit.workflows.build import Builder
from edgekit.workflows.keys import Keys


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What an export is to make.

    Attributes:
        request: The model.
        formats: Formats to make.
        precisions: Precisions of each; float32 is always made, as the reference.
        calib: Folder of photos to calibrate on; None for those that come with packages.
        target: Where the artifacts will run.
        out: Folder that artifacts are published in.
    """

    request: ModelRequest
    formats: tuple[Format, ...]
    precisions: tuple[Precision, ...]
    calib: Path | None
    target: Target
    out: Path

    @property
    def folder(self) -> Path:
        """The model's own folder."""
        return self.out / self.request.name.replace("/", "-").replace(":", "-")


def installed_formats() -> tuple[Format, ...]:
    """Formats to deploy in whose libraries are installed here."""
    deployed = (found for found in routes.PRECISIONS if found is not Format.TORCH)
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
    catalog.check(plan.request)
    wanted = list(_wanted(plan))
    for format, precision in wanted:
        routes.check(format, precision)
    keys = Keys(plan.request, plan.target, plan.calib)
    for leg in wanted:
        # Whatever is wrong with what the user gave comes out here, before anything is written.
        keys.key(*leg)
    folder = plan.folder
    waiting = f"waiting for another export into {folder}"
    with (
        publishing.locked(folder, lambda: on_event(waiting)),
        publishing.staging(folder) as staging,
    ):
        builder = Builder(plan.request, plan.target, keys, staging, on_event)
        return tuple(_leg(builder, format, precision) for format, precision in wanted)


def _wanted(plan: ExportPlan) -> Iterable[tuple[Format, Precision]]:
    precisions = dict.fromkeys((Precision.FP32, *plan.precisions))
    return ((format, precision) for format in plan.formats for precision in precisions)


def _leg(builder: Builder, format: Format, precision: Precision) -> ExportLeg:
    try:
        found = builder.artifact(format, precision)
        if found.path == builder.destination(format, precision):
            return ExportLeg(format, precision, found, cached=True)
        return ExportLeg(format, precision, builder.publish(format, precision))
    except EdgekitError as error:
        if builder.root_failed:
            raise
        stage = getattr(error, "stage", "export")
        failure = Failure(stage, error.kind, str(error), error.hint, error.stderr_tail)
        return ExportLeg(format, precision, None, failure=failure)
