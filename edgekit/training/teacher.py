"""Learning from a larger network too (Hinton et al. 2015, "Distilling the Knowledge")."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from edgekit.records import Preprocess
from edgekit.training import Losses

# How far the teacher's scores are evened out, and its share of the loss.
TEMPERATURE = 2.0
SHARE = 0.5


class Distilled:
    """Losses of class scores against the right class and against a teacher's scores.

    Args:
        teacher: The teacher, in eval mode.
        sees: How a photo becomes the teacher's input.
        shown: How it becomes the student's, which is what there is.
    """

    def __init__(self, teacher: nn.Module, sees: Preprocess, shown: Preprocess) -> None:
        self._teacher = teacher.eval().requires_grad_(requires_grad=False)
        self._sees = sees
        self._shown = shown

    def losses(self, module: nn.Module, images: torch.Tensor, targets: torch.Tensor) -> Losses:
        """Cross entropy and the divergence from the teacher, both in their shares."""
        outputs = module(images)
        with torch.no_grad():
            wanted = self._teacher(self._translated(images))
        return {
            "cross_entropy": (1 - SHARE) * nn.functional.cross_entropy(outputs, targets),
            "teacher": SHARE * divergence(outputs, wanted, TEMPERATURE),
        }

    def _translated(self, images: torch.Tensor) -> torch.Tensor:
        """The student's inputs as the teacher wants them: its own size and normalization."""
        plain = images * _column(self._shown.std, images) + _column(self._shown.mean, images)
        sized = nn.functional.interpolate(
            plain, list(self._sees.size), mode="bilinear", antialias=True
        )
        return (sized - _column(self._sees.mean, images)) / _column(self._sees.std, images)


def divergence(outputs: torch.Tensor, wanted: torch.Tensor, temperature: float) -> torch.Tensor:
    """Kullback-Leibler divergence of evened class scores, as large as without evening.

    Args:
        outputs: The student's scores, (N, classes).
        wanted: The teacher's, (N, classes).
        temperature: What both are divided by.
    """
    found: torch.Tensor = nn.functional.kl_div(
        nn.functional.log_softmax(outputs / temperature, dim=1),
        nn.functional.log_softmax(wanted / temperature, dim=1),
        reduction="batchmean",
        log_target=True,
    )
    return found * temperature**2


def _column(values: Any, like: torch.Tensor) -> torch.Tensor:
    return torch.tensor(values, dtype=like.dtype, device=like.device)[:, None, None]
