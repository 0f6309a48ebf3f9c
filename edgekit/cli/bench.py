"""`edgekit bench`."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import drawing, options, output, running

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
        str,
        typer.Option(
            help="By commas, as `edgekit formats` lists them; torch-compiled; on a GPU "
            "torch-cuda, torch-cuda-compiled, onnxruntime-cuda."
        ),
    ] = "",
    device: Annotated[
        str, typer.Option(help="Where to measure: devices by commas, all at once; or all.")
    ] = "local",
    engine: options.Engine = running.LOCAL,
    threads: options.Threads = None,
    batch: options.Batch = None,
    profile: Annotated[
        str, typer.Option(help="How long: quick, default or rigorous.")
    ] = "default",
    mode: Annotated[
        str,
        typer.Option(
            help="latency (back to back), paced (at --rate), offline (--streams at a time, for "
            "throughput) or server (arrivals at random, at --rate or as many as hold --p99-ms)."
        ),
    ] = "latency",
    rate: Annotated[
        float | None, typer.Option(help="Inferences a second, for paced and server.")
    ] = None,
    streams: Annotated[
        int | None,
        typer.Option(
            help="For offline: inferences at a time, each in a session of its own with --threads. "
            "Default: as many as fill the usable cores with one thread each."
        ),
    ] = None,
    p99_ms: Annotated[
        float | None,
        typer.Option(help="For server: what the 99th percentile of latency may be, in ms."),
    ] = None,
    end_to_end: Annotated[
        bool,
        typer.Option(
            "--end-to-end",
            help="Time decoding, preprocessing and postprocessing of photos too, part by part.",
        ),
    ] = False,
    images: Annotated[
        Path | None,
        typer.Option(help="Photos of --end-to-end. Default: some that come with packages."),
    ] = None,
    loadgen: Annotated[
        bool, typer.Option("--loadgen", help="Let MLCommons LoadGen ask, by MLPerf's rules.")
    ] = False,
    shape: options.Shape = None,
    require_int8: Annotated[
        float | None,
        typer.Option(
            help="0 to 1: fail where less of an int8 file ran in int8, in operators or in time."
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            help="Seconds that one process may take. Default: the profile's, and ten minutes."
        ),
    ] = None,
    tune: Annotated[
        bool,
        typer.Option(
            "--tune",
            help="Hold the clocks still meanwhile: governor performance, no turbo; needs root.",
        ),
    ] = False,
    per_op: options.PerOp = False,
    no_verdict: options.NoVerdict = False,
    out: Annotated[Path, typer.Option(help="Folder where artifacts are.")] = _DEFAULT_OUT,
    results: options.Results = None,
    html: options.Html = None,
    markdown: options.Markdown = None,
    csv: options.Csv = None,
    json: options.Json = False,
) -> None:
    """Measure latency, memory and closeness to the float model, each file in fresh processes."""
    from edgekit import storage
    from edgekit.results.store import Store
    from edgekit.workflows import plans, scenarios
    from edgekit.workflows.keeping import Keeper

    wanted = scenarios.Wanted(mode, rate, streams, p99_ms, loadgen, end_to_end, images)
    request = plans.BenchRequest(
        paths=tuple(paths or ()),
        out=out,
        runtimes=tuple(dict.fromkeys(word.strip() for word in runtime.split(",") if word.strip())),
        device=device,
        threads=threads,
        batch=batch,
        profile=profile,
        shapes=options.shapes(shape or ()),
        require_int8=require_int8,
        timeout_s=timeout,
        wanted=wanted,
    )
    legs, failed = plans.plan(request)
    form = drawing.Form(html, markdown, csv, json=json, per_op=per_op)
    form.check()
    keeper = Keeper(Store(results or out / "results", output.say))
    # A verdict compares latencies back to back; another mode asks something else.
    judge = wanted == scenarios.Wanted() and not no_verdict
    found = running.measure(legs, failed, keeper, form, tune=tune, judge=judge, engine=engine)
    # What was found, and not asked for by name, may be for another machine: a row, no error.
    named = request.runtimes or any(
        storage.is_artifact(path) or path.is_file() for path in request.paths
    )
    running.leave(found, lenient=not named)
