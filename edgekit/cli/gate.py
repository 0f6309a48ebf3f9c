"""`edgekit gate`."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import gating, options, quantities
from edgekit.reports.gate import OnInconclusive


def gate(
    base: Annotated[
        str,
        typer.Argument(
            help="What was shipped: an artifact, a folder of artifacts, a model file; with "
            "--export a git revision."
        ),
    ],
    head: Annotated[
        str | None,
        typer.Argument(help="What shall be shipped, likewise. Not with --aa."),
    ] = None,
    *,
    export: Annotated[
        str,
        typer.Option(
            help="Command that exports into the folder {out}, run in a worktree of each revision.",
            metavar="COMMAND",
        ),
    ] = "",
    max_slowdown: Annotated[
        str, typer.Option(help="How much slower head may be; 1% or more.")
    ] = "3%",
    budget: Annotated[
        str, typer.Option(help="Time that the latency of each pair may take: 60s, 2m.")
    ] = "60s",
    on_inconclusive: Annotated[
        OnInconclusive,
        typer.Option(
            help="What it is taken for where noise leaves it open: warn (exit 7), pass, fail."
        ),
    ] = OnInconclusive.WARN,
    threads: options.ThreadsInTurns = 1,
    runtime: options.OneRuntime = "",
    device: Annotated[str, typer.Option(help="Where to measure.")] = "local",
    batch: options.Batch = None,
    shape: options.Shape = None,
    max_size_growth: Annotated[str, typer.Option(help="How much larger the file may be.")] = "2%",
    max_memory_growth: Annotated[
        str, typer.Option(help="How much more memory each phase may take, besides 1 MiB.")
    ] = "2%",
    max_ops_growth: Annotated[str, typer.Option(help="How many more operators may run.")] = "2%",
    max_int8_drop: Annotated[
        str, typer.Option(help="By how much the share of operators in int8 may fall.")
    ] = "1%",
    data: Annotated[
        Path | None,
        typer.Option(
            help="What accuracy is compared on, as `edgekit eval --data` takes it. Default: none, "
            "and no such check."
        ),
    ] = None,
    max_drop: Annotated[
        float,
        typer.Option(
            help="Points of the head's metric (of agreement, without labels) that head may lose.",
            min=0.0,
            max=100.0,
        ),
    ] = 1.0,
    aa: Annotated[
        bool,
        typer.Option("--aa", help="Compare BASE with itself: what slowdown can be told here?"),
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML.")] = None,
    markdown: options.Markdown = None,
    sarif: Annotated[Path | None, typer.Option(help="Write SARIF 2.1.0.")] = None,
    annotations: Annotated[
        bool | None,
        typer.Option(
            help="Tell GitHub what failed, to show beside the change. Default: where it runs."
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Fail if HEAD is slower, larger or less accurate than BASE; measured in turns, in one job."""
    from edgekit.records import Limits
    from edgekit.workflows.pairs import GateRequest

    limits = Limits(
        slowdown=quantities.share(max_slowdown, "--max-slowdown"),
        size_growth=quantities.share(max_size_growth, "--max-size-growth"),
        memory_growth=quantities.share(max_memory_growth, "--max-memory-growth"),
        ops_growth=quantities.share(max_ops_growth, "--max-ops-growth"),
        int8_drop=quantities.share(max_int8_drop, "--max-int8-drop"),
        accuracy_drop=max_drop / 100,
    )
    request = GateRequest(
        base=base,
        head=gating.head_of(head, aa=aa),
        command=export,
        runtime=runtime,
        device=device,
        threads=threads,
        batch=batch,
        shapes=options.shapes(shape or ()),
        limits=limits,
        budget_s=quantities.duration_s(budget, "--budget"),
        data=data,
    )
    form = gating.Form(junit, markdown, sarif, annotations, on_inconclusive, json=json)
    form.check()
    gating.resolve(request, form) if aa else gating.judge(request, form)
