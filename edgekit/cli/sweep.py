"""`edgekit sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgekit.cli import drawing, options, output, progress, running
from edgekit.errors import EdgekitError

if TYPE_CHECKING:
    from edgekit.records.sweep import CellResult
    from edgekit.results.store import Store
    from edgekit.workflows.keeping import Keeper
    from edgekit.workflows.sweep import Sweep

_DEFAULT_OUT = Path("exported")


def sweep(
    suite: Annotated[Path, typer.Argument(help="A TOML file, as below.", metavar="SUITE.toml")],
    *,
    engine: options.Engine = running.LOCAL,
    out: Annotated[Path, typer.Option(help="Folder to publish in.")] = _DEFAULT_OUT,
    results: options.Results = None,
    html: options.Html = None,
    json: options.Json = False,
) -> None:
    """Make, judge and measure models x formats x precisions x targets; again: what is missing.

    \b
    formats = ["onnx", "litert"]
    precisions = ["fp32", "int8"]
    models = [{ name = "efficientnet" }]  # weights, head, neck, nms, classes, input_size, batch,
                                          # seed; for text: bert, gpt, bert:FOLDER
    targets = [{ name = "host", devices = ["local"] }]  # made for it, measured there
    int8.calib = "photos/calib"           # texts, cut, allow_few, recipe, max_drop, data, keep
    evaluate.data = "photos/labelled"     # pairs (of texts), threads
    bench.profile = "default"             # runtimes, threads, timeout_s
    """  # noqa: D301 -- typer keeps the lines of a paragraph that begins with this
    from edgekit.reports import sweep as report
    from edgekit.results.store import Store
    from edgekit.workflows import suites
    from edgekit.workflows import sweep as workflow
    from edgekit.workflows.keeping import Keeper

    plan = suites.plan(suites.read(suite), out)
    drawing.Form(html=html).check()
    store = Store(results or out / "results", output.say)
    keeper = Keeper(store)
    output.say(report.plan(plan.suite, plan.cells, plan.impossible))
    found = workflow.Sweep(plan, store)
    try:
        _run(found, engine, plan.devices, keeper)
    except KeyboardInterrupt:
        output.say("interrupted; the same command goes on from here")
        _show(found.results, store, html, json=json)
        raise
    _show(found.results, store, html, json=json)
    keeper.check()
    _leave(found.results)


def _run(found: Sweep, engine: str, devices: tuple[str, ...], keeper: Keeper) -> None:
    from edgekit import dispatch

    with dispatch.crew(engine, devices) as crew:
        with progress.told() as on_event:
            found.make(crew, on_event)
            found.evaluate(crew, on_event)
        with progress.shown() as on_step:
            found.measure(crew, on_step, keeper.keep)


def _show(cells: tuple[CellResult, ...], store: Store, html: Path | None, *, json: bool) -> None:
    from edgekit import publishing
    from edgekit.reports import sweep as report
    from edgekit.workflows.keeping import accuracies

    if json:
        output.print_json(report.as_json(cells))
    else:
        output.print_text(report.render(cells))
    if html:
        from edgekit.reports.html import sweep as page

        results = [result for cell in cells for result in cell.benches]
        text = page.render(cells, accuracies(store, results))
        publishing.write_file(html, text.encode(), "--html")
        output.say(f"wrote {html}")


def _leave(cells: tuple[CellResult, ...]) -> None:
    """End with the status of the first thing that failed.

    Raises:
        Exit: Something failed, or may not be used.
    """
    for cell in cells:
        for failure in cell.every_failure:
            raise typer.Exit(EdgekitError.exit_code_of(failure.kind))
    if any(not result.valid for cell in cells for result in cell.benches):
        raise typer.Exit(EdgekitError.exit_code)
