"""How far a training is."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.records.training import Epoch


@dataclass(frozen=True, slots=True)
class Step:
    """A step, or the end of an epoch.

    Attributes:
        epoch: Which epoch, from 1.
        epochs: How many there are.
        step: Which step in it, from 1; 0 at the end of the epoch.
        steps: How many it has.
        loss: The loss: of the step, or the mean of the epoch.
        ended: What came of the epoch, at its end.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    ended: Epoch | None = None
