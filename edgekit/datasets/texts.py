"""Texts: a file with one a line, or with pairs of them, and the lines that come with edgekit."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

from edgekit.errors import DataError
from edgekit.storage import unreadable

_OWN = Path(__file__).with_name("sentences.txt")
# The first lines of our own are for parity, and never calibrated on.
_GOLDEN = 6
_COLUMNS = (2, 3)
_PAIR_HINT = (
    "write one pair a line, its texts separated by a tab; behind another tab may stand how alike "
    "they are, a number"
)


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts in the order of use.

    Attributes:
        source: Where they come from, for people.
        lines: The texts.
        numbers: Number of the line that each stands in, from 1.
    """

    source: str
    lines: tuple[str, ...]
    numbers: tuple[int, ...]

    @property
    def digests(self) -> tuple[str, ...]:
        """SHA-256 of each text."""
        return tuple(map(digest, self.lines))


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of texts.

    Attributes:
        first: One text of each.
        second: The other.
        scores: How alike they are, in anybody's unit; empty if that isn't said.
    """

    first: Texts
    second: Texts
    scores: tuple[float, ...]


def digest(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def golden() -> Texts:
    """Texts for parity and the golden sample."""
    whole = _own()
    return Texts(whole.source, whole.lines[:_GOLDEN], whole.numbers[:_GOLDEN])


def calibration() -> Texts:
    """Texts to calibrate on where the user gives none."""
    whole = _own()
    return Texts(whole.source, whole.lines[_GOLDEN:], whole.numbers[_GOLDEN:])


def _own() -> Texts:
    return Texts("sentences that come with edgekit", *_numbered(_OWN))


def read(path: Path) -> Texts:
    """The lines of a text file; blank ones are passed over.

    Raises:
        DataError: It can't be read, is no text, or has none.
    """
    lines, numbers = _numbered(path)
    if not lines:
        raise DataError(
            f"{path} holds no text", hint="write one text a line, like those to be expected"
        )
    return Texts(str(path), lines, numbers)


def pairs(path: Path) -> Pairs:
    """The pairs in a file: a line each, columns separated by tabs.

    Raises:
        DataError: It can't be read, or a line is no pair.
    """
    lines, numbers = _numbered(path)
    rows = [line.split("\t") for line in lines]
    for number, row in zip(numbers, rows, strict=True):
        if len(row) not in _COLUMNS or not all(part.strip() for part in row):
            raise DataError(f"{path}, line {number}: no pair of texts", hint=_PAIR_HINT)
    if len({len(row) for row in rows}) > 1:
        raise DataError(f"{path}: some pairs have a number, and some have none", hint=_PAIR_HINT)
    if len(rows) < 2:  # noqa: PLR2004 -- a ranking
        raise DataError(f"{path} holds {len(rows)} pairs: nothing to rank", hint=_PAIR_HINT)
    first, second = (Texts(str(path), tuple(row[i] for row in rows), numbers) for i in (0, 1))
    scored = [(number, row[2]) for number, row in zip(numbers, rows, strict=True) if row[2:]]
    return Pairs(first, second, tuple(_score(path, *one) for one in scored))


def _score(path: Path, number: int, word: str) -> float:
    try:
        score = float(word)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise DataError(f"{path}, line {number}: {word!r} is no number", hint=_PAIR_HINT)
    return score


def _numbered(path: Path) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Lines that aren't blank, and their numbers."""
    try:
        whole = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is no text in UTF-8: byte {error.start}",
            hint="convert it: iconv -f latin1 -t utf-8 FILE",
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error
    found = [(line.strip("\r\n "), at) for at, line in enumerate(whole.split("\n"), 1)]
    kept = [(line, at) for line, at in found if line.strip()]
    return tuple(line for line, _ in kept), tuple(at for _, at in kept)
