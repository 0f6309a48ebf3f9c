"""Texts to ids, by the tokenizer that lies in the artifact."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgekit.datasets.texts import Texts
from edgekit.errors import DataError, MissingDependency, ToolError
from edgekit.records import Artifact, Tokens
from edgekit.registry import install_command

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Ids = npt.NDArray[np.int64]
Row = tuple[int, ...]


class Encoder:
    """Turns texts into rows of ids.

    Args:
        path: The `tokenizer.json`.
        tokens: What the network takes.
        cut: Whether a text that is too long is cut; its marks of both ends stay.
    """

    def __init__(self, path: Path, tokens: Tokens, *, cut: bool) -> None:
        self._tokens = tokens
        self._tokenizer = _read(path)
        # What the file says of lengths is of whoever trained with it, and hides what is too long.
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        if cut:
            self._tokenizer.enable_truncation(tokens.max_tokens)

    def rows(self, texts: Texts) -> list[Row]:
        """Ids of each text.

        Raises:
            DataError: A text has more tokens than the network takes, or none; or an id is one
                that the network doesn't know.
        """
        found = [tuple(one.ids) for one in self._tokenizer.encode_batch(list(texts.lines))]
        for number, row in zip(texts.numbers, found, strict=True):
            self._check(f"{texts.source}, line {number}", row)
        return found

    def cuts(self, texts: Texts) -> int:
        """How many texts are cut."""
        return sum(
            bool(one.overflowing) for one in self._tokenizer.encode_batch(list(texts.lines))
        )

    def _check(self, where: str, row: Row) -> None:
        most, known = self._tokens.max_tokens, self._tokens.vocabulary
        if len(row) > most:
            raise DataError(
                f"{where}: the text has {len(row)} tokens; the network takes {most}",
                hint="split the text, or let --cut drop what is beyond",
            )
        if not row:
            raise DataError(f"{where}: the tokenizer makes nothing of it", hint="remove the line")
        if max(row) >= known:
            raise DataError(
                f"{where}: the tokenizer gives the id {max(row)}; the network knows {known}",
                hint="tokenizer and weights are of different checkpoints: export it again from "
                "one folder with both",
            )


def encoder(artifact: Artifact, *, cut: bool) -> Encoder:
    """What turns texts into the ids of `artifact`.

    Raises:
        ToolError: The artifact has no tokenizer.
    """
    path = artifact.file("tokenizer")
    if path is None or artifact.tokens is None:
        raise ToolError(f"{artifact.path} has no tokenizer", hint="export the model again")
    return Encoder(path, artifact.tokens, cut=cut)


def filled(rows: Sequence[Row], length: int | None = None) -> tuple[Ids, Ids]:
    """Rows of one length, filled up with zeros, and the mask that hides those.

    Args:
        rows: Ids of each text.
        length: What to fill up to; None for the longest row.

    Returns:
        Ids and mask, each (N, length).
    """
    width = length or max(map(len, rows))
    ids, mask = np.zeros((2, len(rows), width), np.int64)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
        mask[index, : len(row)] = 1
    return ids, mask


def _read(path: Path) -> Tokenizer:
    try:
        from tokenizers import Tokenizer
    except ModuleNotFoundError as error:
        raise MissingDependency(
            "texts need the module 'tokenizers'", hint=install_command("text")
        ) from error
    try:
        made: Any = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more exact
        raise DataError(
            f"{path} can't be read as a tokenizer: {error}",
            hint="save the checkpoint's again: tokenizer.save_pretrained(FOLDER)",
        ) from error
    read: Tokenizer = made
    return read
