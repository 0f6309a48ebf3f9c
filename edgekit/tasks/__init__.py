"""Tasks: what the raw outputs of each head mean. NumPy alone, so that a device can use it too.

A network's file ends in raw tensors: that is what is quantized and compared. What is made of them
(boxes without duplicates, a class a pixel) is done here, behind the file.

To add one: write a module here with an object that meets `Task`, and add a line to the table for
each head that ends that way.
"""

from __future__ import annotations

from typing import Any, List, Protocol, Sequence, Tuple

from edgekit.registry import Entry, Registry
from edgekit.wire import DETECTIONS


class Task(Protocol):
    """What raw outputs mean.

    Attributes:
        float_end: Whether what comes behind the last layers stays in float when a file is
            quantized: it computes coordinates, or puts together what has scales of its own.
    """

    float_end: bool

    def decode(self, outputs: Sequence[Any], size: Tuple[int, int]) -> List[Any]:
        """One prediction an image.

        Args:
            outputs: The file's outputs, samples first.
            size: Height and width of the input, in pixels.
        """
        ...

    def agreement(self, found: Sequence[Any], expected: Sequence[Any]) -> float:
        """How far predictions are those that are expected, from 0 to 1.

        No image and no class can hide behind the others' size: each counts as one.

        Args:
            found: Predictions of a file, one an image.
            expected: Those of the float model.
        """
        ...

    def paired(
        self, outputs: Sequence[Any], references: Sequence[Any]
    ) -> Tuple[List[Any], List[Any]]:
        """Outputs and references so that equal places mean the same, for noise to be measured.

        Where outputs are lists in an order of their own, rows without a partner are left out:
        `agreement` counts those.
        """
        ...


TASKS: Registry[Task] = Registry(
    "task",
    {
        "classify": Entry("edgekit.tasks.classes:TASK"),
        "embed": Entry("edgekit.tasks.vectors:TASK"),
        "segment": Entry("edgekit.tasks.masks:TASK"),
        "segment-fpn": Entry("edgekit.tasks.masks:TASK"),
        "detect": Entry("edgekit.tasks.distances:TASK"),
        "detect-ssd": Entry("edgekit.tasks.candidates:FIXED"),
        "detect-rcnn": Entry("edgekit.tasks.candidates:LISTED"),
        DETECTIONS: Entry("edgekit.tasks.detections:TASK"),
    },
)
