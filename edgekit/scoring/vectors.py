"""Recall of vectors of photos, on class folders: which belong together the folders say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.datasets import READERS, roots
from edgekit.metrics import retrieval
from edgekit.records import Artifact
from edgekit.records.scores import Score
from edgekit.scoring import Exam
from edgekit.scoring.photos import PhotoScorer, exam_of


class VectorScorer(PhotoScorer):
    """Predictions are vectors of length 1. Their artifact has no classes of its own."""

    metric = "recall1"

    def read(self, artifact: Artifact, root: Path, *, cut: bool) -> Exam:  # noqa: ARG002
        """The images of class folders."""
        return exam_of(READERS.get("classes").read(roots.measured(root)))

    def score(
        self,
        artifact: Artifact,  # noqa: ARG002
        found: Sequence[Any],
        exam: Exam,
    ) -> Score | None:
        """Recall at 1, 5 and 10."""
        if exam.right is None:
            return None
        right = np.array([item.right for item in exam.right.items], np.int64)
        files = [name for name, _ in exam.files]
        return retrieval.score(np.stack(list(found)), right, exam.right.names, files)


SCORER = VectorScorer()
