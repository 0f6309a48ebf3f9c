"""`edgekit inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import options, output


def inspect(
    path: Annotated[
        Path, typer.Argument(help="An artifact's folder, or an .onnx, .xml or .tflite file.")
    ],
    *,
    json: options.Json = False,
) -> None:
    """Show what a file computes in, what was left in float, its size by layer and its history."""
    from edgekit.reports import inspect as report
    from edgekit.workflows.inspect import inspect as look

    inspection = look(path)
    if json:
        output.print_json(report.as_json(inspection))
    else:
        output.print_text(report.render(inspection))
