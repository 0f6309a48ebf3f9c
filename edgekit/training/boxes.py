"""Learning boxes: the objects of a picture, each with its class."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from edgekit import pixels
from edgekit.datasets.items import Boxes
from edgekit.records import Preprocess
from edgekit.records.scores import Score
from edgekit.records.training import Settings
from edgekit.scoring import boxes
from edgekit.training import LossOf
from edgekit.training.augment import Change
from edgekit.training.views import Decode, Views, decoded


class BoxAim:
    """What a head of detection learns, by its own loss and its own decode.

    Args:
        losses: The head's, of a module, a batch and its targets.
        decode: The head's: from raw outputs to `boxes`, `classes`, `scores` of each image, in
            pixels of the input.
    """

    kind = "boxes"

    def __init__(self, losses: LossOf, decode: Decode) -> None:
        self.losses = losses
        self._decode = decode

    def place(
        self, preprocess: Preprocess, picture: Image.Image, target: Any
    ) -> tuple[Any, dict[str, torch.Tensor]]:
        """The picture as the network sees it, and its boxes in pixels of that."""
        objects = _placed(preprocess, picture.size, target)
        placed = torch.from_numpy(objects.corners)
        labels = torch.from_numpy(objects.classes)
        return pixels.place(preprocess, picture), {"boxes": placed, "labels": labels}

    def augment(
        self, settings: Settings, size: tuple[int, int]
    ) -> Callable[[torch.Tensor, Any], tuple[torch.Tensor, Any]]:
        """Changes of the picture that its boxes follow."""
        return Change(settings, size, turn=False).with_boxes

    def collate(self, targets: Sequence[dict[str, torch.Tensor]]) -> list[dict[str, torch.Tensor]]:
        """A dict an image, as torchvision's detectors take them: `boxes` (n, 4), `labels` (n,)."""
        return list(targets)

    def score(self, outputs: Iterable[Any], views: Views) -> Score:
        """Mean average precision, in pixels of the pictures."""
        return boxes.scored(decoded(self._decode, outputs, views), views.dataset, views.preprocess)


def _placed(preprocess: Preprocess, size: tuple[int, int], right: Boxes) -> Boxes:
    """The boxes of a picture of `size` (width, height), in pixels of the input."""
    scale, offset = (np.tile(pair, 2) for pair in pixels.placement(preprocess, *size))
    moved = (right.corners * scale + offset).astype(np.float32)
    height, width = preprocess.size
    cut = np.clip(moved, 0, np.array([width, height, width, height], np.float32))
    inside = (cut[:, 2:] > cut[:, :2]).all(axis=1)
    return Boxes(cut[inside], right.classes[inside])
