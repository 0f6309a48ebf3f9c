"""Where words and JSON go: results to standard output, everything else to standard error.

Words may hold names from foreign files, so control characters are taken out of all of them here.
"""

import sys
from typing import Any

import typer

from edgekit.text import printable


def print_json(record: Any) -> None:
    """Write `record` as one indented JSON document to standard output."""
    import msgspec  # here, so that --help stays fast

    text = msgspec.json.format(msgspec.json.encode(record, enc_hook=str), indent=2)
    sys.stdout.write(text.decode() + "\n")


def print_text(text: str) -> None:
    """Write a result for people to standard output."""
    typer.echo(printable(text))


def say(message: str) -> None:
    """Write a word about what goes on to standard error."""
    typer.echo(printable(message), err=True)
