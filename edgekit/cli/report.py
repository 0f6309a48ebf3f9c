"""`edgekit report`."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import drawing, options, output
from edgekit.errors import UsageError

_DEFAULT_RESULTS = Path("exported") / "results"


def report(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            help="Runs, artifacts (folder, name or SHA-256), records, saved answers of "
            "`bench --json`. Default: the last run.",
            metavar="[RESULT]...",
        ),
    ] = None,
    *,
    listed: Annotated[
        bool, typer.Option("--list", help="List the runs and draw nothing.")
    ] = False,
    per_op: options.PerOp = False,
    results: options.Results = None,
    html: options.Html = None,
    markdown: options.Markdown = None,
    csv: options.Csv = None,
    json: options.Json = False,
) -> None:
    """Draw results again that were measured before."""
    from edgekit.reports import history
    from edgekit.results.store import Store
    from edgekit.workflows.report import gather

    if listed and words:
        raise UsageError("--list draws nothing", hint="leave out --list, or what it should draw")
    store = Store(results or _DEFAULT_RESULTS, output.say)
    if listed:
        runs = store.runs()
        if json:
            output.print_json(history.as_json(runs))
        else:
            output.print_text(history.render(runs))
        return
    form = drawing.Form(html, markdown, csv, json=json, per_op=per_op)
    form.check()
    drawing.show(gather(words or (), store), form)
