"""Training low-rank adapters beside weights that stay as they are (Hu et al. 2021, "LoRA").

They stand beside the linear layers of attention and beside pointwise convolutions, which hold
nearly all weights of an edge network. The head is new, so it is trained whole.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import peft
import safetensors.torch
import torch
from peft.tuners.lora import LoraLayer
from torch import nn

from edgekit.errors import ToolError, UsageError
from edgekit.models.fusion import LEAST_SQNR_DB, sqnr
from edgekit.records.training import Settings
from edgekit.training import Course, Finished, Task

ADAPTER = "adapter.safetensors"
# Of all parameters, the new head's too.
MOST_TRAINED = 0.05
_HIGHEST_RANK = 16
_POINT = (1, 1)
# A merge is checked on a few inputs: it is the same sum for all.
_CHECKED = 2


class Lora:
    """Trains adapters and the head.

    Norms, which aren't trained, keep their statistics: an adapter is all that is new.
    """

    settings = Settings(epochs=10, batch=16, lr=3e-3, weight_decay=0.0)
    folded = False

    def prepare(self, task: Task) -> Course:
        """The network with adapters, as large as `MOST_TRAINED` leaves room for."""
        module = task.module
        layers = dict(_layers(module, task.head_names))
        rank = _rank(module, task.head_names, layers)
        peft.inject_adapter_in_model(
            peft.LoraConfig(
                r=rank,
                lora_alpha=2 * rank,
                target_modules="|".join(re.escape(name) for name in layers),
            ),
            module,
        )
        for name, parameter in module.named_parameters():
            if name in task.head_names:
                parameter.requires_grad_(requires_grad=True)
        return task.course()

    def finish(self, task: Task, averaged: nn.Module, folder: Path) -> Finished:
        """The network with its adapters merged into the weights."""
        module = copy.deepcopy(averaged).cpu().eval()
        _preflight(module)
        file = folder / ADAPTER
        learnt = {
            name: value.detach().contiguous()
            for name, value in module.named_parameters()
            if value.requires_grad
        }
        file.write_bytes(safetensors.torch.save(learnt))
        merged = _merged(module)
        found = _closeness(module, merged, task.measured[0][0].shape)
        if not found > LEAST_SQNR_DB:
            raise ToolError(
                f"the merged network gives other outputs than the adapter: {found:.0f} dB SQNR",
                hint="train again with a lower --lr, or take --method full",
            )
        return Finished(merged, file, found)


def _layers(module: nn.Module, head: tuple[str, ...]) -> Iterator[tuple[str, nn.Module]]:
    """Linear layers of attention, and pointwise convolutions, by name."""
    for name, layer in module.named_modules():
        if f"{name}.weight" in head:
            continue
        # A subclass may do more than the layer: an adapter beside it would be wrong.
        if type(layer) is nn.Linear and _is_attention(module, name):
            yield name, layer
        if type(layer) is nn.Conv2d and layer.kernel_size == _POINT and layer.groups == 1:
            yield name, layer


def _is_attention(module: nn.Module, name: str) -> bool:
    parts = name.split(".")
    above = [module.get_submodule(".".join(parts[:end])) for end in range(1, len(parts))]
    kinds = [type(part).__name__.lower() for part in above]
    return any("attention" in kind or "attn" in kind for kind in kinds)


def _rank(module: nn.Module, head: tuple[str, ...], layers: dict[str, nn.Module]) -> int:
    """The highest rank that trains no more than `MOST_TRAINED`."""
    total = sum(parameter.numel() for parameter in module.parameters())
    fixed = sum(value.numel() for name, value in module.named_parameters() if name in head)
    each = sum(_edges(layer) for layer in layers.values())
    if not each:
        raise UsageError(
            "this network has neither attention nor pointwise convolutions to adapt",
            hint="take --method probe or full",
        )
    rank = min(_HIGHEST_RANK, int((MOST_TRAINED * total - fixed) // each))
    if rank < 1:
        share = (fixed + each) / total
        raise UsageError(
            f"adapters of rank 1 and the head are {share:.0%} of this network's parameters; "
            f"LoRA trains {MOST_TRAINED:.0%} at most",
            hint="take --method full: the network is small",
        )
    return rank


def _edges(layer: nn.Module) -> int:
    """Parameters of an adapter of rank 1."""
    if isinstance(layer, nn.Linear):
        return int(layer.in_features + layer.out_features)
    return int(layer.in_channels + layer.out_channels)


def _adapted(module: nn.Module) -> list[tuple[str, LoraLayer]]:
    return [(name, part) for name, part in module.named_modules() if isinstance(part, LoraLayer)]


def _preflight(module: nn.Module) -> None:
    """Refuse to merge what would come out wrong."""
    adapted = _adapted(module)
    faults = {
        "there is no adapter": not adapted,
        "an adapter isn't finite": not all(
            bool(value.isfinite().all()) for value in module.parameters() if value.requires_grad
        ),
        "a weight isn't float32": any(
            part.get_base_layer().weight.dtype is not torch.float32 for _, part in adapted
        ),
        "an adapter is merged already": any(part.merged for _, part in adapted),
    }
    for fault, there in faults.items():
        if there:
            message = f"the adapters can't be merged: {fault}"
            raise ToolError(message, hint="train again, with a lower --lr if it isn't finite")


def _merged(module: nn.Module) -> nn.Module:
    """A copy of the network with each adapter added to the weight that it stands beside."""
    merged = copy.deepcopy(module)
    for name, part in _adapted(merged):
        part.merge(safe_merge=True)
        merged.set_submodule(name, part.get_base_layer())
    return merged


def _closeness(adapted: nn.Module, merged: nn.Module, shape: torch.Size) -> float:
    """Signal to noise of the merged network's outputs, in dB."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn((_CHECKED, *shape), generator=generator)
    with torch.no_grad():
        pairs = zip(_outputs(adapted(images)), _outputs(merged(images)), strict=True)
        return min(sqnr(before, after) for before, after in pairs)


def _outputs(given: Any) -> tuple[torch.Tensor, ...]:
    """Outputs of a network that gives one tensor, or several."""
    return given if isinstance(given, tuple) else (given,)


METHOD = Lora()
