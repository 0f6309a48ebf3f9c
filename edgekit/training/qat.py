"""Training with 8-bit weights and inputs in the loop.

The network is trained as it is deployed: norms folded, branches merged. Each forward pass sees
weights that are rounded by edgekit's own rule for scales, and inputs that are rounded to ranges
that were seen; gradients go through as if nothing was rounded (Jacob et al. 2017, "Quantization
and Training of Neural Networks", with a straight-through estimator). What comes out is a plain
float network whose weights lie on their steps, so every format's quantizer finds them again.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from edgekit.quantization.scales import LARGEST, PAIR
from edgekit.records.training import Settings
from edgekit.training import Course, Finished, Task

# Steps of an input: uint8.
_STEPS = 255
# Share of a new batch in the range of an input.
_NEW = 0.05
# A row of zeros has any scale.
_LEAST = 1e-12


class Rounding:
    """Trains every parameter of the folded network under rounding."""

    settings = Settings(
        epochs=5, batch=32, lr=1e-4, weight_decay=0.0, warmup=0.2, weight_scale="max"
    )
    folded = True

    def prepare(self, task: Task) -> Course:
        """The network with rounded weights and inputs."""
        task.module.requires_grad_(requires_grad=True)
        for _, layer in list(_layers(task.module)):
            pairs = task.settings.weight_scale == "pairs" and _adds_pairs(layer)
            rounded = Rounded(pairs=pairs)
            parametrize.register_parametrization(layer, "weight", rounded, unsafe=True)
            seen = Seen()
            layer.add_module("seen", seen.to(layer.weight.device))
            layer.register_forward_pre_hook(seen.before)
        return task.course()

    def finish(self, task: Task, averaged: nn.Module, folder: Path) -> Finished:
        """The network with its weights on their steps."""
        del task, folder
        module = copy.deepcopy(averaged).cpu().eval()
        for _, layer in list(_layers(module)):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
            del layer.seen
            layer._forward_pre_hooks.clear()  # noqa: SLF001 -- handles don't survive a copy
        return Finished(module)


def _layers(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    return (
        (name, layer)
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    )


def _adds_pairs(layer: nn.Module) -> bool:
    """Whether kernels may add products of the layer in pairs: those of depthwise ones don't."""
    depthwise = getattr(layer, "groups", 1) > 1 and layer.weight.shape[1] == 1
    return bool(layer.weight[0].numel() > 1 and not depthwise)


class Rounded(nn.Module):
    """Weights rounded to 8 bits, one scale for each output.

    Args:
        pairs: Whether the two largest of a sign must stay below the bound together.
    """

    def __init__(self, *, pairs: bool) -> None:
        super().__init__()
        self._pairs = pairs

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """The weights that the steps stand for, in the shape of `weight`."""
        scale = weight_scale(weight.detach(), pairs=self._pairs)
        zeros = torch.zeros_like(scale, dtype=torch.int32)
        rounded: torch.Tensor = torch.fake_quantize_per_channel_affine(
            weight, scale, zeros, 0, -LARGEST, LARGEST
        )
        return rounded


def weight_scale(weight: torch.Tensor, *, pairs: bool) -> torch.Tensor:
    """Scale of each output, as `quantization.scales` has it: rounded weights have the same one.

    Args:
        weight: Shape (outputs, ...).
        pairs: Whether the two largest of a sign must stay below the bound together.
    """
    rows = weight.flatten(1)
    scale = rows.abs().amax(dim=1) / LARGEST
    if pairs:
        largest = torch.maximum(_two_largest(rows), _two_largest(-rows))
        scale = torch.maximum(scale, largest / PAIR)
    return scale.clamp_min(_LEAST)


def _two_largest(rows: torch.Tensor) -> torch.Tensor:
    return rows.topk(2, dim=1).values.clamp_min(0).sum(dim=1)


class Seen(nn.Module):
    """The range of a layer's input, and the input rounded to it."""

    low: torch.Tensor
    high: torch.Tensor
    count: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("low", "high", "count"):
            self.register_buffer(name, torch.zeros(()))

    def before(self, layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[Any, ...]:
        """What a layer is given in place of its inputs."""
        del layer
        if self.training:
            self._follow(inputs[0].detach())
        scale = ((self.high - self.low) / _STEPS).clamp_min(_LEAST)
        zero = (-self.low / scale).round().clamp(0, _STEPS).to(torch.int32)
        rounded = torch.fake_quantize_per_tensor_affine(inputs[0], scale, zero, 0, _STEPS)
        return (rounded, *inputs[1:])

    def _follow(self, values: torch.Tensor) -> None:
        """Widen or narrow the range towards that of `values`; zero is always in it."""
        low, high = values.amin().clamp(max=0), values.amax().clamp(min=0)
        share = _NEW if self.count else 1.0
        self.low.lerp_(low.to(self.low.dtype), share)
        self.high.lerp_(high.to(self.high.dtype), share)
        self.count += 1


METHOD = Rounding()
