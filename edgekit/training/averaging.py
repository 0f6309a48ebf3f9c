"""A moving average of weights, which does better than the weights of the last step."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel


def averaged(module: nn.Module, most: float) -> AveragedModel:
    """A copy of `module` that follows its weights and the statistics of its norms.

    Args:
        module: What is trained.
        most: Highest decay. After n steps it is (1 + n) / (10 + n) at most, as TensorFlow's
            `ExponentialMovingAverage` has it: few steps leave nothing of the start.
    """

    def follow(mean: torch.Tensor, now: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        if not mean.is_floating_point():
            return now
        count = float(steps)
        return torch.lerp(now, mean, min(most, (1 + count) / (10 + count)))

    return AveragedModel(module, avg_fn=follow, use_buffers=True)
