"""Records of training: how, and what came of it."""

from dataclasses import dataclass
from typing import Literal

from edgekit.records.model import Preprocess, Weights
from edgekit.records.scores import Score

# History of the schema:
# 1  2026-11  the first
TRAINING_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train.

    Attributes:
        epochs: How often each picture is seen.
        batch: Pictures in one step.
        lr: Highest learning rate of AdamW, reached after the warm-up.
        seed: Seed of the order, of augmentation and of new weights.
        weight_decay: Of matrices and kernels; biases and norms have none.
        warmup: Share of all steps in which the learning rate rises.
        shift: Share of the edge that a picture is moved by at most.
        zoom: Share that it is made larger or smaller by at most.
        turn_degrees: What it is turned by at most; boxes are never turned.
        light: Share that brightness and contrast are changed by at most.
        flip: Whether it is mirrored half of the time: not for what reads differently then.
        average: Highest decay of the moving average of weights.
        weight_scale: Rule of scales that weights are rounded by, as in `Recipe`; empty where
            nothing is rounded.
    """

    epochs: int = 20
    batch: int = 32
    lr: float = 1e-3
    seed: int = 0
    weight_decay: float = 0.02
    warmup: float = 0.1
    shift: float = 0.1
    zoom: float = 0.15
    turn_degrees: float = 10.0
    light: float = 0.2
    flip: bool = False
    average: float = 0.99
    weight_scale: Literal["", "max", "pairs"] = ""


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the pictures.

    Attributes:
        number: Which, from 1.
        losses: Mean of each loss over its steps.
        lr: Learning rate of its last step.
        metrics: How good the averaged weights were after it, by name.
        seconds: How long it took, measuring too.
    """

    number: int
    losses: dict[str, float]
    lr: float
    metrics: dict[str, float | None]
    seconds: float

    @property
    def loss(self) -> float:
        """The sum of its losses."""
        return sum(self.losses.values())


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What came of a training.

    Attributes:
        model: The name that was asked for.
        family: Name of the family.
        backbone: The family's exact name.
        head: Name of the head.
        method: `probe`, `lora` or `full`.
        names: Names of the classes.
        preprocess: How a photo becomes its input.
        weights: The weights that were written: where from, digest.
        settings: How it was trained.
        epochs: Every epoch.
        score: How good the weights are that were written.
        images: Number of images that it learnt from.
        notes: What was passed over in the data.
        parameters: Number of parameters of the network that was written.
        trained_parameters: How many were trained, those of adapters before they were merged.
        device: What trained: `cpu`, or the name of a GPU.
        precision: What it computed in: `float32`, `bfloat16` or `float16`.
        teacher: The teacher's weights; None if there was none.
        merge_sqnr_db: Closeness of the merged network to the one with its adapter; None where
            nothing was merged.
        file: Name of the weights' file.
        schema_version: Version of this record.
    """

    model: str
    family: str
    backbone: str
    head: str
    method: str
    names: tuple[str, ...]
    preprocess: Preprocess
    weights: Weights
    settings: Settings
    epochs: tuple[Epoch, ...]
    score: Score
    images: int
    notes: tuple[str, ...]
    parameters: int
    trained_parameters: int
    device: str
    precision: str
    teacher: Weights | None = None
    merge_sqnr_db: float | None = None
    file: str = ""
    schema_version: int = TRAINING_SCHEMA
