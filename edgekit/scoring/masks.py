"""Mean intersection over union of class maps, in pixels of the photos, on folders of masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgekit import pixels
from edgekit.datasets.items import Dataset
from edgekit.metrics import segmentation
from edgekit.records import Artifact, Preprocess
from edgekit.records.scores import Score
from edgekit.scoring import Exam
from edgekit.scoring.photos import PhotoScorer, dataset, exam_of


class MaskScorer(PhotoScorer):
    """Predictions are maps of classes, in pixels of the input."""

    metric = "miou"
    is_share = False
    chunk = 32

    def read(self, artifact: Artifact, root: Path, *, cut: bool) -> Exam:  # noqa: ARG002
        """The pairs of image and mask."""
        return exam_of(dataset("masks", self.metric, artifact, root))

    def predictions(
        self, artifact: Artifact, exam: Exam, outputs: Iterable[Sequence[Any]]
    ) -> list[Any]:
        """The class of each pixel, in the least type that holds it: maps of all are kept."""
        narrow = np.min_scalar_type(max(artifact.spec.classes - 1, 0))
        decoded = super().predictions
        return [one.astype(narrow) for raw in outputs for one in decoded(artifact, exam, [raw])]

    def score(self, artifact: Artifact, found: Sequence[Any], exam: Exam) -> Score | None:
        """Mean intersection over union."""
        return scored(found, exam.right, artifact.photos) if exam.right else None


def scored(found: Iterable[Any], dataset: Dataset, preprocess: Preprocess) -> Score:
    """How good maps of classes are.

    Args:
        found: Class of each pixel of the input, shape (H, W), for each image.
        dataset: The images, with their masks.
        preprocess: How an image became the input.
    """
    tally, files = segmentation.Tally(dataset.names), dataset.files
    for index, given in enumerate(found):
        right = dataset.right(index)
        lifted = pixels.lift_mask(preprocess, right.shape[::-1], given)
        tally.add(lifted, right, files[index])
    return tally.score()


SCORER = MaskScorer()
