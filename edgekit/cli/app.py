"""The commands, in the order of a user's day, and what happens to errors."""

import os
import sys
from typing import NoReturn

import typer

from edgekit import __version__
from edgekit.cli.bench import bench
from edgekit.cli.doctor import doctor
from edgekit.cli.evaluate import evaluate
from edgekit.cli.export import export
from edgekit.cli.formats import formats
from edgekit.cli.inspect import inspect
from edgekit.cli.models import models
from edgekit.cli.output import say
from edgekit.errors import EdgekitError

INTERRUPTED = 130  # 128 + SIGINT, as shells count

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
app.command("export")(export)
app.command("bench")(bench)
app.command("eval")(evaluate)
app.command("inspect")(inspect)


def run() -> NoReturn:
    """Run the command line and exit with the status of what came of it."""
    try:
        app()
    except EdgekitError as error:
        say(f"error: {error}")
        if error.stderr_tail:
            say(error.stderr_tail)
        say(f"hint: {error.hint}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader (head, less) has left: no more to say, and no traceback at shutdown.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(0)
