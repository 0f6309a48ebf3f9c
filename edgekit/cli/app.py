"""The commands, in the order of a user's day, and what happens to errors."""

import signal
import sys
from typing import NoReturn

import typer

from edgekit import __version__
from edgekit.cli.bench import bench
from edgekit.cli.data import data
from edgekit.cli.devices import devices
from edgekit.cli.doctor import doctor
from edgekit.cli.evaluate import evaluate
from edgekit.cli.export import export
from edgekit.cli.formats import formats
from edgekit.cli.gate import gate
from edgekit.cli.history import history
from edgekit.cli.inspect import inspect
from edgekit.cli.models import models
from edgekit.cli.output import say
from edgekit.cli.predict import predict
from edgekit.cli.quantize import quantize
from edgekit.cli.report import report
from edgekit.cli.sweep import sweep
from edgekit.cli.train import train
from edgekit.errors import DataError, EdgekitError

app = typer.Typer(
    name="edgekit",
    help="Build, convert, quantize, measure and gate neural networks for edge devices.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(*, value: bool) -> None:
    if value:
        typer.echo(f"edgekit {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    *,
    _: bool = typer.Option(
        False, "--version", help="Print the version and stop.", callback=_version, is_eager=True
    ),
) -> None:
    pass


app.command("models")(models)
app.command("formats")(formats)
app.command("doctor")(doctor)
app.command("data")(data)
app.command("train")(train)
app.command("export")(export)
app.command("quantize")(quantize)
app.command("bench")(bench)
app.command("eval")(evaluate)
app.command("predict")(predict)
app.command("sweep")(sweep)
app.command("inspect")(inspect)
app.command("gate")(gate)
app.command("report")(report)
app.add_typer(history)
app.add_typer(devices)


def run() -> NoReturn:
    """Run the command line and exit with the status of what came of it."""
    # A job that is told to stop cleans up as after Ctrl-C; typer ends both with status 130.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app()
    except EdgekitError as error:
        _fail(error)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        hint = "check that the file or disk is there, yours, and not full"
        _fail(DataError(f"{where}{error.strerror or error}", hint=hint))
    sys.exit(0)


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _fail(error: EdgekitError) -> NoReturn:
    say(f"error: {error}")
    if error.stderr_tail:
        say(error.stderr_tail)
    say(f"hint: {error.hint}")
    sys.exit(error.exit_code)
