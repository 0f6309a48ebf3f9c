"""Options that several commands share, so that they read the same everywhere."""

import enum
from typing import Annotated, TypeVar

import typer

from edgekit.errors import UsageError

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object to standard output, nothing else.")
]

NoVerdict = Annotated[
    bool,
    typer.Option("--no-verdict", help="Don't say which precision of a model to ship here."),
]

Choice = TypeVar("Choice", bound=enum.StrEnum)


def several(text: str, kind: type[Choice], option: str) -> tuple[Choice, ...]:
    """Values of `kind` from words separated by commas, each once.

    Raises:
        UsageError: A word is none of them.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    known = [member.value for member in kind]
    for word in words:
        if word not in known:
            raise UsageError(f"{option} knows no {word!r}", hint=f"one of: {', '.join(known)}")
    return tuple(dict.fromkeys(kind(word) for word in words))
