"""Top-1 of class scores, on class folders or a folder with labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.datasets import labels, roots
from edgekit.metrics import classification
from edgekit.records import Artifact, digest
from edgekit.records.scores import Score
from edgekit.scoring import Exam
from edgekit.scoring.photos import PhotoScorer, files


class ClassScorer(PhotoScorer):
    """Predictions are rows of class scores: the right class' place among them counts."""

    metric = "top1"
    is_closeness_share = True

    def read(self, artifact: Artifact, root: Path, *, cut: bool) -> Exam:  # noqa: ARG002
        """The images, with the classes that count as right for each."""
        data = labels.read(roots.measured(root), labels.of(artifact))
        named = files(data.photos)
        rows = [(sha, sorted(right)) for (_, sha), right in zip(named, data.right, strict=True)]
        return Exam(
            source=data.photos.source,
            count=len(named),
            files=named,
            samples=data.photos.paths,
            right=data.right if all(data.right) else None,
            sha256=digest(rows),
            skipped=data.photos.skipped,
            notes=data.notes,
        )

    def predictions(
        self,
        artifact: Artifact,  # noqa: ARG002
        exam: Exam,  # noqa: ARG002
        outputs: Iterable[Sequence[Any]],
    ) -> list[Any]:
        """Class scores of each image."""
        return list(np.concatenate([raw[0] for raw in outputs]))

    def agreement(
        self,
        artifact: Artifact,  # noqa: ARG002
        found: Sequence[Any],
        expected: Sequence[Any],
    ) -> float | None:
        """Share of images with the same best class; what is no number has none."""
        ours, theirs = np.stack(list(found)), np.stack(list(expected))
        known = ~(np.isnan(ours) | np.isnan(theirs)).any(axis=1)
        return float(np.mean(known & (ours.argmax(axis=1) == theirs.argmax(axis=1))))

    def score(self, artifact: Artifact, found: Sequence[Any], exam: Exam) -> Score | None:
        """Top-1 and top-5; by class where each image has one right class."""
        if exam.right is None:
            return None
        outputs = np.stack(list(found))
        if all(len(right) == 1 for right in exam.right):
            names = labels.of(artifact).shown
            right = np.array([next(iter(each)) for each in exam.right], np.int64)
            return classification.score(outputs, right, names, [name for name, _ in exam.files])
        top1, top5 = (
            classification.share_right(outputs, exam.right, top) for top in (1, classification.TOP)
        )
        return Score("top1", top1, {"top5": top5}, images=exam.count)


SCORER = ClassScorer()
