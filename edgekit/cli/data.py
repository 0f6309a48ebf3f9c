"""`edgekit data`."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import output


def data(
    name: Annotated[str, typer.Argument(help="digits (classes) or shapes (boxes and masks).")],
    out: Annotated[Path, typer.Argument(help="Folder to make: `train` and `test` are in it.")],
    *,
    count: Annotated[
        int | None, typer.Option(help="Number of images. Default: 1797 digits, 1000 shapes.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="Height and width in pixels. Default: 32, shapes 128.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of what is drawn and of what is held out.")] = 0,
) -> None:
    """Write a set of images with exact truth, to train and measure on without a hub."""
    from edgekit.workflows import data as workflow

    made = workflow.generate(workflow.DataPlan(name, out, count, size, seed))
    output.print_text(f"wrote {made} images to {out}")
