"""Texts to calibrate on, and those of the golden sample: by hash, never one in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np

from edgekit.datasets import texts
from edgekit.datasets.tokens import Row, encoder, filled
from edgekit.errors import DataError, UsageError
from edgekit.models.text.catalog import CACHED
from edgekit.quantizers import Feeds
from edgekit.records import Artifact, Calibration, Tokens
from edgekit.workflows.calibrate import LEAST_PHOTOS, MAX_PHOTOS, held_out, is_enough

_GOLDEN_TOKENS = 32
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class TextSet:
    """Texts, in the order of use.

    Attributes:
        texts: The texts.
        cut: Whether those that are too long for a network are cut.
    """

    texts: texts.Texts
    cut: bool

    @property
    def digests(self) -> tuple[str, ...]:
        """SHA-256 of each."""
        return self.texts.digests

    def words(self) -> str:
        """How many there are, and from where."""
        return f"{len(self.texts.lines)} texts: {self.texts.source}"

    def record(self, artifact: Artifact) -> Calibration:
        """What stands of them in an artifact made of `artifact`."""
        names = (f"line {number}" for number in self.texts.numbers)
        return Calibration(
            source=self.texts.source,
            files=tuple(zip(names, self.digests, strict=True)),
            skipped=(),
            preprocess_sha256=artifact.contract_sha256,
        )

    def feeds(self, artifact: Artifact) -> Feeds:
        """One text a feed, in its own length.

        Raises:
            DataError: A text is too long, and isn't to be cut.
            UsageError: The network takes more than texts.
        """
        if artifact.spec.head == CACHED:
            raise UsageError(
                f"{artifact.name} takes keys and values: texts alone give no ranges for it",
                hint="leave --recipe out, or give --recipe w8-dynamic",
            )
        return TextFeeds(encoder(artifact, cut=self.cut).rows(self.texts))

    def check_differ(self, artifact: Artifact) -> None:  # noqa: ARG002 -- the texts alone say it
        """Refuse texts that are all the same.

        Raises:
            DataError: They are.
        """
        if len(set(self.texts.lines)) == 1:
            raise DataError(
                f"{self.texts.source}: all texts are the same: ranges would be of one text",
                hint="give different texts like those to be expected, with --calib",
            )


class TextFeeds(Sequence[Mapping[str, Any]]):
    """Inputs of texts, each in its own length, made when asked for."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> TextFeeds: ...

    def __getitem__(self, index: int | slice) -> Mapping[str, Any] | TextFeeds:
        if isinstance(index, slice):
            return TextFeeds(self._rows[index])
        ids, mask = filled([self._rows[index]])
        return {"input_ids": ids, "attention_mask": mask}


def calibration_set(
    file: Path | None, seed: int, *, allow_few: bool, cut: bool, hold_out: bool = False
) -> TextSet:
    """The texts of `file`, or those that come with edgekit if it is None.

    Of too many, a seeded sample is taken.

    Args:
        file: One text a line.
        seed: Seed of the sample.
        allow_few: Whether fewer than ranges need are taken.
        cut: Whether those that are too long are cut.
        hold_out: Whether those of `held_out` are left for `held_out_set`, where enough remain.

    Raises:
        DataError: The file can't be read, or holds too few.
    """
    found = _read(file)
    count = len(set(found.lines))
    if count < LEAST_PHOTOS and not allow_few:
        raise DataError(
            f"{found.source} holds {count} texts; ranges need {LEAST_PHOTOS} at least",
            hint="give more texts, or --allow-few to calibrate on these all the same",
        )
    kept = list(range(len(found.lines)))
    if len(kept) > MAX_PHOTOS:
        chosen = np.random.default_rng(seed).choice(len(kept), MAX_PHOTOS, replace=False)
        kept = sorted(int(index) for index in chosen)
    if hold_out and is_enough(len(found.lines)):
        held = {found.lines[index] for index in held_out(len(found.lines))}
        kept = [index for index in kept if found.lines[index] not in held]
    return TextSet(_take(found, kept), cut or file is None)


def held_out_set(file: Path | None, *, cut: bool) -> TextSet:
    """The texts that `calibration_set` holds out; the golden ones if it can't."""
    found = _read(file)
    if not is_enough(len(found.lines)):
        return golden_set()
    chosen = held_out(len(found.lines))
    held = _take(found, chosen)
    source = f"{found.source}, one in {chosen.step}, not calibrated on"
    return TextSet(texts.Texts(source, held.lines, held.numbers), cut or file is None)


def check_apart(calibration: TextSet, data: Path) -> None:
    """Refuse texts that are both calibrated on and measured on.

    Raises:
        DataError: With the lines of the first of them.
    """
    pairs = texts.pairs(data)
    measured = {*pairs.first.digests, *pairs.second.digests}
    known = zip(calibration.texts.numbers, calibration.digests, strict=True)
    both = [f"line {number}" for number, digest in known if digest in measured]
    if both:
        raise DataError(
            f"{len(both)} texts are both calibrated on and measured on: {', '.join(both[:_SHOWN])}"
            f"{', ...' if len(both) > _SHOWN else ''} of {calibration.texts.source}",
            hint="give other texts to one of the two: the numbers would flatter the file",
        )


def _read(file: Path | None) -> texts.Texts:
    if file is None:
        return texts.calibration()
    if file.is_dir():
        raise DataError(
            f"{file} is a folder: a text network is calibrated on a file with one text a line",
            hint="give such a file with --calib, or leave it out",
        )
    return texts.read(file)


def _take(found: texts.Texts, kept: Sequence[int]) -> texts.Texts:
    lines = tuple(found.lines[index] for index in kept)
    return texts.Texts(found.source, lines, tuple(found.numbers[index] for index in kept))


def golden_tokens(tokens: Tokens) -> int:
    """Tokens of each of the golden sample's texts, which are filled up or cut to it.

    One less than the network takes at most: a cache also holds one that is hidden.
    """
    return min(_GOLDEN_TOKENS, tokens.max_tokens - 1)


def golden_set() -> TextSet:
    """The texts of the golden sample."""
    return TextSet(texts.golden(), cut=True)
