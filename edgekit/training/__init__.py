"""Training: what a head learns, which weights are trained, and the one loop for all.

To add a method: a module here with an object that meets `Method`, and its line in `METHODS`. To
have a head trained: a module with an object that meets `Aim`, and its line in `AIMS`. The loop
knows neither: it sees a `Course`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from edgekit.errors import UsageError
from edgekit.records import Preprocess
from edgekit.records.scores import Score
from edgekit.records.training import Settings
from edgekit.registry import Entry, Registry

# What a network is wrong by, by name; `torch.Tensor`s of one value. Their sum is made smaller.
Losses = Mapping[str, Any]
# From inputs and targets of a batch, and the module that is trained, to losses.
LossOf = Callable[[Any, Any, Any], Losses]


class Aim(Protocol):
    """What a head learns.

    Attributes:
        kind: Which of `datasets.READERS` reads its sets.
    """

    kind: str

    def place(self, preprocess: Preprocess, picture: Any, target: Any) -> tuple[Any, Any]:
        """A picture (Pillow) as the network sees it, uint8 (H, W, 3), and its target there."""
        ...

    def augment(
        self, settings: Settings, size: tuple[int, int]
    ) -> Callable[[Any, Any], tuple[Any, Any]]:
        """What changes a picture, `torch.Tensor` uint8 (3, H, W), and its target together.

        Args:
            settings: How much.
            size: Height and width of pictures, in pixels.
        """
        ...

    def collate(self, targets: Sequence[Any]) -> Any:
        """The targets of a batch, as the loss takes them."""
        ...

    def losses(self, module: Any, images: Any, targets: Any) -> Losses:
        """What `module` is wrong by on a batch.

        Args:
            module: The network, in training mode.
            images: The batch, (N, 3, H, W), float32.
            targets: Its targets, collated.
        """
        ...

    def score(self, outputs: Iterable[Any], views: Any) -> Score:
        """How good a network is.

        Args:
            outputs: Its outputs for each batch, float32, on the CPU, made as they are asked for.
            views: The pictures, as it saw them: `Views`.
        """
        ...


def untrained(weights: str) -> UsageError:
    """The error of rounding weights of which some have not learnt anything yet."""
    return UsageError(
        f"--qat finds the best rounding of weights that have learnt; these have not: {weights}",
        hint="train first, then give --weights DIR/model.safetensors beside --qat",
    )


@dataclass(slots=True)
class Course:
    """What the loop is given.

    Attributes:
        module: What is trained: its parameters with `requires_grad`.
        train: `torch.utils.data.Dataset` of (input, target).
        measured: The same of what it is measured on.
        collate: From targets of a batch to what the loss takes.
        losses: From module, inputs and targets to losses.
        score: From outputs of the batches of `measured` to how good that is.
    """

    module: Any
    train: Any
    measured: Any
    collate: Callable[[Sequence[Any]], Any]
    losses: LossOf
    score: Callable[[Iterable[Any]], Score]


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be learnt, before a method decides on the weights.

    Attributes:
        module: The network, in eval mode, on the device that trains.
        head_names: Names of the parameters that are new to this task.
        losses: From module, inputs and targets to losses.
        aim: What its head learns.
        train: Pictures to learn from: `Views`.
        measured: Pictures to measure on: `Views`.
        settings: How to train.
    """

    module: Any
    head_names: tuple[str, ...]
    losses: LossOf
    aim: Aim
    train: Any
    measured: Any
    settings: Settings

    def course(self) -> Course:
        """All of the network, on the pictures."""
        return Course(
            self.module,
            self.train,
            self.measured,
            self.aim.collate,
            self.losses,
            lambda outputs: self.aim.score(outputs, self.measured),
        )


@dataclass(frozen=True, slots=True)
class Finished:
    """What a method makes of the trained module.

    Attributes:
        module: The plain network with the trained weights, float32, on the CPU.
        adapter: File of the adapter that was merged; None if there was none.
        merge_sqnr_db: Closeness of the merged network to the one with the adapter.
    """

    module: Any
    adapter: Path | None = None
    merge_sqnr_db: float | None = None


class Method(Protocol):
    """Which weights are trained.

    Attributes:
        settings: What is good for it where nothing else is asked for.
        folded: Whether it trains the network as it is deployed: norms folded, branches merged.
    """

    settings: Settings
    folded: bool

    def prepare(self, task: Task) -> Course:
        """What the loop is to train; the network is changed in place.

        Raises:
            UsageError: The network has nothing to train that way.
        """
        ...

    def finish(self, task: Task, averaged: Any, folder: Path) -> Finished:
        """The plain network.

        Args:
            task: As it was prepared.
            averaged: The trained module, averaged over the last steps.
            folder: Where files of its own are written.

        Raises:
            ToolError: The plain network would compute something else.
        """
        ...


METHODS: Registry[Method] = Registry(
    "training method",
    {
        "probe": Entry("edgekit.training.probe:METHOD", "train", ("torch", "torchvision")),
        "lora": Entry("edgekit.training.lora:METHOD", "train", ("torch", "torchvision", "peft")),
        "full": Entry("edgekit.training.full:METHOD", "train", ("torch", "torchvision")),
        "qat": Entry("edgekit.training.qat:METHOD", "train", ("torch", "torchvision")),
    },
)

_VISION = ("torch", "torchvision")
AIMS: Registry[Aim] = Registry(
    "head that can be trained",
    {
        "classify": Entry("edgekit.training.classes:AIM", "train", _VISION),
        "segment": Entry("edgekit.training.dense:SEGMENT", "train", _VISION),
        "segment-fpn": Entry("edgekit.training.dense:SEGMENT_FPN", "train", _VISION),
        "detect": Entry("edgekit.training.dense:DETECT", "train", _VISION),
        "detect-rcnn": Entry("edgekit.training.dense:DETECT_RCNN", "train", _VISION),
    },
)
