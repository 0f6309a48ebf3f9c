"""Mean average precision of boxes, in pixels of the photos, on COCO's files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from edgekit import pixels
from edgekit.datasets.items import Boxes, Dataset
from edgekit.metrics import detection
from edgekit.records import Artifact, Preprocess
from edgekit.records.scores import Score
from edgekit.scoring import Exam
from edgekit.scoring.photos import PhotoScorer, dataset, exam_of


class BoxScorer(PhotoScorer):
    """Predictions are `tasks.boxes.Detections`, in pixels of the input."""

    metric = "map50"
    is_share = False
    chunk = 32

    def read(self, artifact: Artifact, root: Path, *, cut: bool) -> Exam:  # noqa: ARG002
        """The images that COCO's file lists, with their boxes."""
        return exam_of(dataset("boxes", self.metric, artifact, root))

    def score(self, artifact: Artifact, found: Sequence[Any], exam: Exam) -> Score | None:
        """Mean average precision at an overlap of 0.5, and over 0.5 to 0.95."""
        return scored(found, exam.right, artifact.photos) if exam.right else None


def scored(found: Iterable[Any], dataset: Dataset, preprocess: Preprocess) -> Score:
    """How good boxes are.

    Args:
        found: `boxes` (n, 4) in pixels of the input, `classes` and `scores` of each image.
        dataset: The images, with their boxes.
        preprocess: How an image became the input.
    """
    right = [item.right for item in dataset.items if isinstance(item.right, Boxes)]
    return detection.score(
        [
            _lifted(each, preprocess, item.path)
            for each, item in zip(found, dataset.items, strict=True)
        ],
        [detection.Objects(each.corners, each.classes) for each in right],
        dataset.names,
        dataset.files,
    )


def _lifted(found: Any, preprocess: Preprocess, path: Path) -> detection.Objects:
    with Image.open(path) as picture:
        corners = pixels.lift_boxes(preprocess, picture.size, found.boxes)
    return detection.Objects(corners, np.asarray(found.classes), np.asarray(found.scores))


SCORER = BoxScorer()
