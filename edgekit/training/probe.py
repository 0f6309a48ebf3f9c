"""Training the head alone, on a backbone that stays as it is."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgekit.errors import UsageError
from edgekit.records.training import Settings
from edgekit.training import Course, Finished, Task
from edgekit.training.views import batches


class Probe:
    """Trains what is new to the task.

    What a frozen backbone gives for a picture is always the same, so where the head is the last
    layer it is computed once, and each epoch takes a moment. The pictures aren't augmented then.
    """

    settings = Settings(epochs=100, batch=64, lr=1e-2, weight_decay=1e-3)
    folded = False

    def prepare(self, task: Task) -> Course:
        """The head, on what the backbone gives for each picture; on pictures where it must be.

        Raises:
            UsageError: Pictures shall be mirrored, of which the head would see nothing.
        """
        task.module.requires_grad_(requires_grad=False).eval()
        for name, parameter in task.module.named_parameters():
            parameter.requires_grad_(requires_grad=name in task.head_names)
        head = _last(task)
        if head is None:
            return task.course()
        if task.settings.flip:
            raise UsageError(
                "a probe of one layer sees each picture once, as it is: --flip would do nothing",
                hint="leave --flip out, or take --method lora or full",
            )
        return replace(
            task.course(),
            module=head,
            train=_Features(task, head, task.train.plain()),
            measured=_Features(task, head, task.measured),
        )

    def finish(self, task: Task, averaged: nn.Module, folder: Path) -> Finished:
        """The network with the averaged head."""
        del folder
        if _last(task) is None:
            return Finished(copy.deepcopy(averaged).cpu())
        whole = copy.deepcopy(task.module)
        whole.set_submodule(_prefix(task), copy.deepcopy(averaged))
        return Finished(whole.cpu())


def _prefix(task: Task) -> str:
    """Name of the smallest module that holds every parameter of the head; empty for the whole."""
    parts = [name.split(".")[:-1] for name in task.head_names]
    common = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        common.append(level[0])
    return ".".join(common)


def _last(task: Task) -> nn.Module | None:
    """The one layer that is new; None where the head is more than that."""
    found: nn.Module = task.module.get_submodule(_prefix(task))
    return found if isinstance(found, nn.Linear) else None


class _Features(torch.utils.data.Dataset):
    """What the head is given for each picture."""

    def __init__(self, task: Task, head: nn.Module, views: Any) -> None:
        self._inputs: list[torch.Tensor] = []
        self._targets: list[Any] = []
        seen: list[torch.Tensor] = []
        hook = head.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        device = next(task.module.parameters()).device
        try:
            for images, targets in batches(views, task.settings.batch, list, device):
                with torch.no_grad():
                    task.module(images.to(device))
                self._inputs += seen.pop().float().cpu()
                self._targets += targets
        finally:
            hook.remove()

    def __len__(self) -> int:
        return len(self._targets)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, Any]:
        return self._inputs[index], self._targets[index]


METHOD = Probe()
