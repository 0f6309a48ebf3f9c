"""Making a trained network smaller without changing what it computes, before it is traced.

Parallel branches become one convolution where a block knows how (RepVGG, RepViT, FastViT, ...),
and each batch norm is folded into the convolution or linear layer before it. Which layer is
before which is seen in one real forward pass: tracing the code symbolically fails on timm's
padding, and names or the order of definition prove nothing.
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from edgekit.errors import ToolError

# Float rounding alone leaves 100 dB and more; a wrong fold leaves less than 40.
LEAST_SQNR_DB = 80.0
# Layers whose output is their weight times the input. A subclass may do more: weights that are
# standardized on the way in can't be folded into.
CONVOLUTIONS = ("Conv1d", "Conv2d", "Conv2dSame")
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


# Puts outputs beside those they are compared with: `edgekit.tasks.Task.paired`.
Pair = Callable[[Sequence[Any], Sequence[Any]], tuple[Sequence[Any], Sequence[Any]]]


def fuse(module: nn.Module, example: torch.Tensor, pair: Pair | None = None) -> nn.Module:
    """A fused copy of `module`, which is in eval mode.

    Args:
        module: The network.
        example: An input batch that it takes.
        pair: What brings outputs without a fixed order into one.

    Raises:
        ToolError: The fused copy computes something else.
    """
    fused = copy.deepcopy(module)
    with torch.inference_mode(mode=False), torch.no_grad():
        _reparameterize(fused)
        for layer, norm in _pairs(fused, example):
            _fold(fused, layer, norm)
        _verify(outputs_of(module(example)), outputs_of(fused(example)), pair)
    return fused


def outputs_of(given: Any) -> tuple[torch.Tensor, ...]:
    """What a network gives, as a tuple also where it is one tensor."""
    return (given,) if isinstance(given, torch.Tensor) else tuple(given)


def _reparameterize(module: nn.Module) -> None:
    """Ask each block that knows how to merge its branches to do so (timm's three words for it)."""
    for name, child in list(module.named_children()):
        if hasattr(child, "fuse"):
            setattr(module, name, child.fuse())
        elif hasattr(child, "reparameterize"):
            child.reparameterize()
        elif hasattr(child, "switch_to_deploy"):
            child.switch_to_deploy()
        _reparameterize(module.get_submodule(name))


class _Uses(TorchDispatchMode):
    """Counts the operations that read each tensor, by the tensor's id."""

    def __init__(self) -> None:
        super().__init__()
        self.count: Counter[int] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run `func` and count what it reads."""
        for leaf in tree_leaves((args, kwargs)):
            self.count[id(leaf)] += isinstance(leaf, torch.Tensor)
        return func(*args, **(kwargs or {}))


def _pairs(module: nn.Module, example: torch.Tensor) -> list[tuple[str, str]]:
    """Names of each layer and the norm that alone takes its output, each run exactly once."""
    runs: list[tuple[str, Any, Any]] = []  # name, input, output, in order; keeps tensors alive
    uses = _Uses()

    def record(name: str) -> Any:
        def hook(_: nn.Module, inputs: Any, output: Any) -> None:
            runs.append((name, inputs[0], output))
            if _is_layer(watched[name]):
                uses.count[id(output)] = 0  # an id may have been another tensor's before

        return hook

    watched = {n: m for n, m in module.named_modules() if _is_layer(m) or _is_norm(m)}
    hooks = [child.register_forward_hook(record(name)) for name, child in watched.items()]
    try:
        with uses:
            module(example)
    finally:
        for hook in hooks:
            hook.remove()
    runs_of = Counter(name for name, _, _ in runs)
    once = [run for run in runs if runs_of[run[0]] == 1]
    makers = {
        id(output): name
        for name, _, output in once
        if _is_layer(watched[name]) and uses.count[id(output)] == 1
    }
    return [
        (makers[id(given)], name)
        for name, given, _ in once
        if _is_norm(watched[name]) and id(given) in makers
    ]


def _is_layer(module: nn.Module) -> bool:
    return type(module).__name__ in CONVOLUTIONS or type(module) is nn.Linear


def _is_norm(module: nn.Module) -> bool:
    return isinstance(module, NORMS) and module.running_mean is not None


def _fold(module: nn.Module, layer_name: str, norm_name: str) -> None:
    layer: Any = module.get_submodule(layer_name)
    norm: Any = module.get_submodule(norm_name)
    merge = fuse_linear_bn_weights if isinstance(layer, nn.Linear) else fuse_conv_bn_weights
    layer.weight, layer.bias = merge(
        layer.weight,
        layer.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
    )
    # timm's norms drop and activate too: that part stays.
    rest = [part for part in norm.children() if not isinstance(part, nn.Identity)]
    module.set_submodule(norm_name, nn.Sequential(*rest) if rest else nn.Identity())


def sqnr(
    before: Sequence[torch.Tensor], after: Sequence[torch.Tensor], pair: Pair | None = None
) -> float:
    """Signal to noise of `after` against `before`, in dB; infinite if they are equal.

    Of several outputs, the worst counts.
    """
    ours: Sequence[Any] = [one.detach().numpy() for one in after]
    theirs: Sequence[Any] = [one.detach().numpy() for one in before]
    if pair:
        ours, theirs = pair(ours, theirs)
    return min(_decibel(np.asarray(y), np.asarray(r)) for y, r in zip(ours, theirs, strict=True))


def _decibel(found: np.ndarray, reference: np.ndarray) -> float:
    noise = float(np.square(found.astype(np.float64) - reference).sum())
    signal = float(np.square(reference.astype(np.float64)).sum())
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf


def _verify(
    before: Sequence[torch.Tensor], after: Sequence[torch.Tensor], pair: Pair | None
) -> None:
    if before[0].is_meta:  # no numbers to compare: somebody counts operations
        return
    sqnr_db = sqnr(before, after, pair)
    if not sqnr_db > LEAST_SQNR_DB:
        message = f"folding batch norms changed the outputs: {sqnr_db:.0f} dB SQNR"
        raise ToolError(
            message, hint="report it with the model's name: its layers do more than edgekit knows"
        )
