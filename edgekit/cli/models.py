"""`edgekit models`."""

from typing import Annotated

import typer

from edgekit.cli import options, output


def models(
    pattern: Annotated[
        str,
        typer.Argument(help="Part of a name, or a shell pattern. Default: the short names."),
    ] = "",
    *,
    json: options.Json = False,
) -> None:
    """List what can be built, with its size, work, heads and source of weights."""
    from edgekit.reports import models as report
    from edgekit.workflows import models as workflow

    found = workflow.models(pattern)
    if json:
        output.print_json(found)
    else:
        output.print_text(report.render(found))
