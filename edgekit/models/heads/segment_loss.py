"""What segmentation is trained by: each pixel's class, and each class's overlap."""

from __future__ import annotations

import torch
from torch import nn

# Pixels that nobody labelled.
IGNORED = 255


def losses(logits: torch.Tensor, masks: torch.Tensor) -> dict[str, torch.Tensor]:
    """Cross entropy over pixels, and one less the Dice coefficient, mean over classes.

    A class of few pixels counts in the second as much as any (Milletari et al. 2016,
    arXiv:1606.04797).

    Args:
        logits: Shape (N, classes, H, W).
        masks: Class of each pixel, (N, H, W), int64; `IGNORED` where it isn't known.
    """
    known = masks != IGNORED
    pixels = nn.functional.cross_entropy(logits, masks, ignore_index=IGNORED, reduction="sum")
    shares = logits.softmax(dim=1) * known[:, None]
    classes = torch.where(known, masks, 0)
    truth = nn.functional.one_hot(classes, logits.shape[1]).movedim(-1, 1) * known[:, None]
    both = (shares * truth).sum(dim=(0, 2, 3))
    sizes = (shares + truth).sum(dim=(0, 2, 3))
    there = truth.sum(dim=(0, 2, 3)) > 0
    dice = 1 - 2 * both / sizes.clamp(min=1.0)
    return {
        "pixels": pixels / known.sum().clamp(min=1),
        "overlap": (dice * there).sum() / there.sum().clamp(min=1),
    }
