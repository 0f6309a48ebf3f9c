"""What segmentation is trained by: each pixel's class, and each class's overlap."""

from __future__ import annotations

import torch

from edgekit.tasks.masks import IGNORED


def losses(logits: torch.Tensor, masks: torch.Tensor) -> dict[str, torch.Tensor]:
    """Cross entropy over pixels, and one less the Dice coefficient, mean over classes.

    A class of few pixels counts in the second as much as any (Milletari et al. 2016,
    arXiv:1606.04797).

    Args:
        logits: Shape (N, classes, H, W).
        masks: Class of each pixel, (N, H, W), int64; `IGNORED` where it isn't known.
    """
    known = masks != IGNORED
    classes = torch.where(known, masks, 0)
    logs = logits.log_softmax(dim=1)
    own = logs.gather(1, classes[:, None])[:, 0] * known
    count = logits.shape[1]
    given = (logs.exp() * known[:, None]).sum(dim=(0, 2, 3))
    truth = masks[known].bincount(minlength=count)
    both = own.new_zeros(count).index_add(0, classes.flatten(), (own.exp() * known).flatten())
    dice = 1 - 2 * both / (given + truth).clamp(min=1.0)
    there = truth > 0
    return {
        "pixels": -own.sum() / known.sum().clamp(min=1),
        "overlap": (dice * there).sum() / there.sum().clamp(min=1),
    }
