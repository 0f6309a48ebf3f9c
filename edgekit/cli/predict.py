"""`edgekit predict`."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import options, output


def predict(
    artifact: Annotated[Path, typer.Argument(help="Folder of an artifact.")],
    photos: Annotated[list[Path], typer.Argument(help="Images, or folders of images.")],
    *,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write pictures to, with what was found on them.")
    ] = None,
    least_score: Annotated[
        float, typer.Option(help="Leave out boxes that are less sure.", min=0.05, max=1.0)
    ] = 0.3,
    runtime: options.OneRuntime = "",
    threads: options.Threads = None,
    device: Annotated[
        str, typer.Option(help="Where to run it: `local`, or a name of `edgekit devices list`.")
    ] = "local",
    json: options.Json = False,
) -> None:
    """Show what an artifact finds in photos: classes, boxes or masks, drawn where asked."""
    from edgekit.cli import pictures
    from edgekit.reports import predict as report
    from edgekit.workflows import machines
    from edgekit.workflows import predict as workflow

    looked_at = workflow.find(photos)
    targets = pictures.targets(looked_at.paths, out) if out else {}
    plan = workflow.PredictPlan(
        artifact, looked_at, runtime, threads, machines.one(device), least_score
    )
    found, seen = workflow.predict(plan, output.say)
    pictures.write(targets, seen)
    if json:
        output.print_json(report.as_json(found))
    else:
        output.print_text(report.render(found))
