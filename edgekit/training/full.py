"""Training all weights."""

from __future__ import annotations

import copy
from pathlib import Path

from torch import nn

from edgekit.records.training import Settings
from edgekit.training import Course, Finished, Task


class Full:
    """Trains every parameter, from random weights too."""

    settings = Settings(epochs=30, batch=32, lr=2e-3)
    folded = False

    def prepare(self, task: Task) -> Course:
        """All of the network."""
        task.module.requires_grad_(requires_grad=True)
        return task.course()

    def finish(self, task: Task, averaged: nn.Module, folder: Path) -> Finished:
        """The averaged network as it is."""
        del task, folder
        return Finished(copy.deepcopy(averaged).cpu())


METHOD = Full()
