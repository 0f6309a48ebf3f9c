"""Learning classes: one a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from edgekit import pixels
from edgekit.metrics import classification
from edgekit.records import Preprocess
from edgekit.records.scores import Score
from edgekit.records.training import Settings
from edgekit.training import Losses
from edgekit.training.augment import Change
from edgekit.training.views import Views


class ClassAim:
    """Cross entropy of class scores."""

    kind = "classes"

    def place(self, preprocess: Preprocess, picture: Image.Image, target: Any) -> tuple[Any, Any]:
        """The picture as the network sees it; its class stays."""
        return pixels.place(preprocess, picture), target

    def augment(
        self, settings: Settings, size: tuple[int, int]
    ) -> Callable[[torch.Tensor, Any], tuple[torch.Tensor, Any]]:
        """Changes of the picture alone."""
        return Change(settings, size, turn=True).alone

    def collate(self, targets: Sequence[int]) -> torch.Tensor:
        """Class indices, shape (N,)."""
        return torch.tensor(targets)

    def losses(self, module: nn.Module, images: torch.Tensor, targets: torch.Tensor) -> Losses:
        """Cross entropy, the mean over the batch."""
        return {"cross_entropy": nn.functional.cross_entropy(module(images), targets)}

    def score(self, outputs: Iterable[torch.Tensor], views: Views) -> Score:
        """Top-1 and top-5."""
        dataset = views.dataset
        right = np.array([item.right for item in dataset.items], np.int64)
        return classification.score(
            torch.cat(list(outputs)).numpy(), right, dataset.names, dataset.files
        )


AIM = ClassAim()
