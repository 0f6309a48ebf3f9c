"""Learning masks: a class for each pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from edgekit import pixels
from edgekit.records import Preprocess
from edgekit.records.scores import Score
from edgekit.records.training import Settings
from edgekit.scoring import masks
from edgekit.tasks.masks import IGNORED
from edgekit.training import LossOf
from edgekit.training.augment import Change
from edgekit.training.views import Decode, Views, decoded


class MaskAim:
    """What a head of segmentation learns, by its own loss and its own decode.

    Args:
        losses: The head's, of a module, a batch and its masks (N, H, W).
        decode: The head's: from raw outputs as arrays and the input's (height, width) to a map
            of classes (H, W) for each image.
    """

    kind = "masks"

    def __init__(
        self,
        losses: LossOf,
        decode: Decode,
    ) -> None:
        self.losses = losses
        self._decode = decode

    def place(
        self, preprocess: Preprocess, picture: Image.Image, target: Any
    ) -> tuple[Any, torch.Tensor]:
        """The picture as the network sees it, and its mask at the same place."""
        mask = pixels.place_mask(preprocess, Image.fromarray(np.asarray(target)), IGNORED)
        return pixels.place(preprocess, picture), torch.tensor(mask)

    def augment(
        self, settings: Settings, size: tuple[int, int]
    ) -> Callable[[torch.Tensor, Any], tuple[torch.Tensor, Any]]:
        """Changes of the picture that its mask follows."""
        return Change(settings, size, turn=True).with_mask

    def collate(self, targets: Sequence[torch.Tensor]) -> torch.Tensor:
        """Class indices, (N, H, W), int64."""
        return torch.stack(list(targets)).long()

    def score(self, outputs: Iterable[Any], views: Views) -> Score:
        """Mean intersection over union, in pixels of the pictures."""
        return masks.scored(decoded(self._decode, outputs, views), views.dataset, views.preprocess)
