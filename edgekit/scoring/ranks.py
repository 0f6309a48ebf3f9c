"""Spearman of the cosines of pairs of texts, on a file of pairs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.datasets import texts
from edgekit.datasets.tokens import encoder, filled
from edgekit.metrics.ranking import spearman
from edgekit.records import Artifact, digest
from edgekit.records.scores import Score
from edgekit.scoring import Exam

# Texts are filled up to a multiple of this, as applications do it: what is beyond a text takes
# part in ranges that are taken at each inference, so it shall be little.
_BUCKET = 16


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Texts, and which of them are compared.

    Attributes:
        parts: The texts, in one or two lists.
        pairs: Indices of both texts of each pair among all, shape (pairs, 2).
        cut: Whether those that are too long are cut.
    """

    parts: tuple[texts.Texts, ...]
    pairs: npt.NDArray[np.int64]
    cut: bool


class RankScorer:
    """Predictions are the cosines of the pairs."""

    metric = "spearman"
    noun = "pairs"
    is_share = False
    closeness = "spearman"
    is_closeness_share = False
    guards_closeness = True

    def read(self, artifact: Artifact, root: Path, *, cut: bool) -> Exam:
        """Pairs of texts, with or without how alike they are."""
        pairs = texts.pairs(root)
        parts = (pairs.first, pairs.second)
        count = len(pairs.first.lines)
        return Exam(
            source=str(root),
            count=count,
            files=_files(parts),
            samples=Ranked(parts, np.arange(2 * count).reshape(2, count).T, cut),
            right=np.array(pairs.scores) if pairs.scores else None,
            sha256=digest([pairs.first.digests, pairs.second.digests, pairs.scores]),
            notes=_cuts(artifact, parts) if cut else (),
        )

    def plain(self, samples: Any) -> Exam:
        """A set of texts, as workflows calibrate on: each is paired with each."""
        found = samples.texts
        pairs = np.stack(np.triu_indices(len(found.lines), 1), axis=1)
        ranked = Ranked((found,), pairs, samples.cut)
        return Exam(found.source, len(pairs), _files((found,)), ranked)

    def feeds(self, artifact: Artifact, exam: Exam) -> Iterator[list[Any]]:
        """Ids and mask of texts of like length, (N, length)."""
        rows = _rows(artifact, exam)
        for length, chosen in _by_length(artifact, rows):
            yield list(filled([rows[index] for index in chosen], length))

    def predictions(
        self, artifact: Artifact, exam: Exam, outputs: Iterable[Sequence[Any]]
    ) -> list[Any]:
        """The cosine of each pair."""
        groups = _by_length(artifact, _rows(artifact, exam))
        found: dict[int, Any] = {}
        for (_, chosen), raw in zip(groups, outputs, strict=True):
            found.update(zip(chosen, raw[0], strict=True))
        vectors = np.stack([found[index] for index in range(len(found))])
        units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
        first, second = exam.samples.pairs.T
        return list((units[first] * units[second]).sum(axis=1))

    def agreement(
        self,
        artifact: Artifact,  # noqa: ARG002
        found: Sequence[Any],
        expected: Sequence[Any],
    ) -> float | None:
        """Spearman of both lists of cosines."""
        return spearman(np.array(found), np.array(expected))

    def score(
        self,
        artifact: Artifact,  # noqa: ARG002
        found: Sequence[Any],
        exam: Exam,
    ) -> Score | None:
        """Spearman of the cosines with the numbers that are given."""
        if exam.right is None:
            return None
        return Score("spearman", spearman(np.array(found), exam.right), {}, images=exam.count)


def _files(parts: Iterable[texts.Texts]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"line {number}", known)
        for part in parts
        for number, known in zip(part.numbers, part.digests, strict=True)
    )


def _cuts(artifact: Artifact, parts: Sequence[texts.Texts]) -> tuple[str, ...]:
    """What is lost of texts that are too long, in a line; nothing where none is."""
    read = encoder(artifact, cut=True)
    count, total = sum(map(read.cuts, parts)), sum(len(part.lines) for part in parts)
    most = artifact.tokens.max_tokens if artifact.tokens else 0
    return (f"{count} of {total} texts were cut to {most} tokens",) if count else ()


def _rows(artifact: Artifact, exam: Exam) -> list[Any]:
    read = encoder(artifact, cut=exam.samples.cut)
    return [row for part in exam.samples.parts for row in read.rows(part)]


def _by_length(artifact: Artifact, rows: Sequence[Any]) -> list[tuple[int, list[int]]]:
    """Lengths that texts are filled up to, and the indices of those of each."""
    most = artifact.tokens.max_tokens if artifact.tokens else _BUCKET
    lengths = np.array([min(most, -(-len(row) // _BUCKET) * _BUCKET) for row in rows])
    return [
        (int(length), [int(index) for index in np.flatnonzero(lengths == length)])
        for length in np.unique(lengths)
    ]


SCORER = RankScorer()
