"""`edgekit eval`."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import options, output
from edgekit.errors import UsageError


def evaluate(
    artifact: Annotated[Path, typer.Argument(help="Folder of an artifact.")],
    *,
    data: Annotated[
        Path,
        typer.Option(
            help="Images: one folder a class, or with a labels.json; COCO's boxes; images and "
            "masks. For text a file with two texts a line, and how alike they are, between tabs."
        ),
    ],
    metric: Annotated[
        str,
        typer.Option(
            help="What to measure: top1 (top-5 comes with it), recall1 of vectors, map50 of boxes "
            "(map comes with it), miou of masks, spearman of texts. Default: what fits."
        ),
    ] = "",
    cut: options.Cut = False,
    runtime: Annotated[str, typer.Option(help="Runtime. Default: the format's own.")] = "",
    threads: Annotated[
        int | None, typer.Option(help="Threads of the runtime. Default: the usable cores.", min=1)
    ] = None,
    device: Annotated[
        str, typer.Option(help="Where to run it: `local`, or a name of `edgekit devices list`.")
    ] = "local",
    results: options.Results = None,
    json: options.Json = False,
) -> None:
    """Measure what an artifact is worth on data, and what it lost against the float model."""
    from edgekit import storage
    from edgekit.reports import evaluate as report
    from edgekit.results.store import Store
    from edgekit.workflows import evaluate as workflow
    from edgekit.workflows import machines

    if metric not in ("", *(known := workflow.metrics())):
        raise UsageError(f"--metric knows no {metric!r}", hint=f"one of: {', '.join(known)}")
    plan = workflow.EvalPlan(
        artifact, data, runtime or None, threads, machines.one(device), metric, cut
    )
    store = Store(results or artifact.absolute().parent.parent / "results", output.say)
    if storage.is_artifact(artifact):
        store.probe()
    result = workflow.evaluate(plan, output.say)
    if json:
        output.print_json(report.as_json(result))
    else:
        output.print_text(report.render(result))
    store.save(result)
