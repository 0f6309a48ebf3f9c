"""`edgekit doctor`."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import options, output

_DEFAULT_OUT = Path("exported")


def doctor(
    *,
    out: Annotated[
        Path, typer.Option(help="Folder that artifacts are published in; its disk is looked at.")
    ] = _DEFAULT_OUT,
    json: options.Json = False,
) -> None:
    """Show what this machine has, and what would disturb a measurement on it."""
    from edgekit.reports import doctor as report
    from edgekit.workflows.doctor import doctor as look

    diagnosis = look(out)
    if json:
        output.print_json(report.as_json(diagnosis))
    else:
        output.print_text(report.render(diagnosis))
