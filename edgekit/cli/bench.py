"""`edgekit bench`."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import options, output, progress
from edgekit.errors import EdgekitError, MissingDependency, UsageError

_DEFAULT_OUT = Path("exported")


def bench(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Artifacts, folders of artifacts, model files. Default: all in --out.",
            metavar="[ARTIFACT|FILE]...",
        ),
    ] = None,
    *,
    runtime: Annotated[
        str, typer.Option(help="By commas: onnxruntime, openvino, litert, torch, tensorrt.")
    ] = "",
    device: Annotated[str, typer.Option(help="Where to measure.")] = "local",
    threads: Annotated[
        int | None, typer.Option(help="Threads of the runtime. Default: the usable cores.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option(help="Samples in one inference. Default: the file's own, or 1.")
    ] = None,
    profile: Annotated[
        str, typer.Option(help="How long: quick, default or rigorous.")
    ] = "default",
    shape: Annotated[
        list[str] | None,
        typer.Option(help="NAME=1,3,224,224: shape of an input with free axes; repeatable."),
    ] = None,
    require_int8: Annotated[
        float | None,
        typer.Option(
            help="0 to 1: fail where less of an int8 file ran in int8, in operators or in time."
        ),
    ] = None,
    per_op: Annotated[
        bool, typer.Option("--per-op", help="Show which operators took the time, by the runtime.")
    ] = False,
    no_verdict: options.NoVerdict = False,
    out: Annotated[Path, typer.Option(help="Folder where artifacts are.")] = _DEFAULT_OUT,
    json: options.Json = False,
) -> None:
    """Measure latency, memory and closeness to the float model, each file in a fresh process."""
    from edgekit import storage
    from edgekit.reports import bench as report
    from edgekit.workflows import bench as workflow
    from edgekit.workflows import plans, verdict

    runtimes = tuple(dict.fromkeys(word.strip() for word in runtime.split(",") if word.strip()))
    shapes = dict(_shape(text) for text in shape or ())
    request = plans.BenchRequest(
        tuple(paths or ()), out, runtimes, device, threads, batch, profile, shapes, require_int8
    )
    legs, failed = plans.plan(request)
    results = workflow.bench(legs, progress.tell) + failed
    verdicts = () if no_verdict else verdict.of_results(results, output.say)
    if json:
        output.print_json(report.as_json(results, verdicts))
    else:
        output.print_text(report.render(results, verdicts, operators=per_op))
    # What was found, and not asked for by name, may be for another machine: a row, no error.
    named = runtimes or any(storage.is_artifact(path) or path.is_file() for path in paths or ())
    found = not named and any(result.samples for result in results)
    failures = [result.failure.kind for result in results if result.failure]
    counted = [kind for kind in failures if not found or kind != MissingDependency.__name__]
    if counted:
        raise typer.Exit(EdgekitError.exit_code_of(counted[0]))
    if any(result.samples and not result.valid for result in results):
        raise typer.Exit(EdgekitError.exit_code)


def _shape(text: str) -> tuple[str, list[int]]:
    name, _, sizes = text.rpartition("=")
    try:
        shape = [int(size) for size in sizes.split(",")]
    except ValueError:
        shape = []
    if not name or not shape or min(shape) < 1:
        raise UsageError(f"--shape {text!r} is no shape", hint="write --shape NAME=1,3,224,224")
    return name, shape
