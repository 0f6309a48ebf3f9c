"""One training from a request to a plain network in a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from edgekit.datasets.items import Dataset
from edgekit.errors import UsageError
from edgekit.models import loading, network, trained
from edgekit.records import ModelRequest, Origin, Weights, digest
from edgekit.records.scores import Score
from edgekit.records.training import Epoch, Settings, TrainResult
from edgekit.storage import file_sha256, mark
from edgekit.training import AIMS, METHODS, Finished, LossOf, Task, machine, untrained
from edgekit.training.checkpoints import Checkpoint
from edgekit.training.loop import Loop
from edgekit.training.progress import Step
from edgekit.training.teacher import Distilled
from edgekit.training.views import Views

# Spread of the weights of a new classifier.
_SMALL = 0.01
WEIGHTS = f"model{trained.SUFFIX}"


@dataclass(frozen=True, slots=True)
class Job:
    """What to train, on what.

    Attributes:
        request: The network.
        family: Name of its family.
        backbone: The family's exact name.
        method: Name of the method.
        settings: How to train.
        train: Pictures to learn from.
        measured: Pictures to measure on.
        teacher: Weights that `edgekit train` wrote, to learn from too; None for none.
    """

    request: ModelRequest
    family: str
    backbone: str
    method: str
    settings: Settings
    train: Dataset
    measured: Dataset
    teacher: Path | None = None


class Session:
    """A network that is being trained.

    Args:
        job: What to train.

    Raises:
        UsageError: It can't be trained that way.
        DataError: Its weights can't be had.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._machine = machine.here()
        self._method = METHODS.get(job.method)
        make = network.build if self._method.folded else network.unfused
        self._net = make(job.request, job.family, job.backbone)
        if self._method.folded and loading.has_new(self._net.weights):
            raise untrained(self._net.weights.source)
        self._teacher: Weights | None = None
        # New weights of adapters follow from the seed as well.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(job.settings.seed)
            self._task = self._prepared()
            self._course = self._method.prepare(self._task)

    def _prepared(self) -> Task:
        job, net = self._job, self._net
        aim = AIMS.get(job.request.head)
        change = aim.augment(job.settings, net.preprocess.size)
        names = net.new or network.head_names(job.request, job.family, job.backbone)
        if job.request.head == "classify" and loading.has_new(net.weights):
            _calm(net.module, names)
        return Task(
            module=net.module.to(self._machine.device),
            head_names=names,
            losses=self._losses(aim.losses),
            aim=aim,
            train=Views(job.train, net.preprocess, aim, change),
            measured=Views(job.measured, net.preprocess, aim),
            settings=job.settings,
        )

    def _losses(self, own: LossOf) -> LossOf:
        if self._job.teacher is None:
            return own
        teacher, self._teacher = _learnt_from(self._job.teacher, self._job.train.names)
        module = teacher.module.to(self._machine.device)
        return Distilled(module, teacher.preprocess, self._net.preprocess).losses

    def train(
        self, folder: Path, on_step: Callable[[Step], None]
    ) -> tuple[nn.Module, list[Epoch], Score]:
        """The averaged module, every epoch, how good it is; a killed training goes on.

        Args:
            folder: Where the checkpoint lies.
            on_step: Told what goes on.

        Raises:
            ToolError: The loss is no number any more.
            UsageError: The folder holds the checkpoint of another training.
        """
        checkpoint = Checkpoint(folder, self._plan())
        loop = Loop(self._course, self._job.settings, self._machine, checkpoint)
        return loop.run(on_step)

    def _plan(self) -> str:
        """Digest of everything that decides what comes of the training."""
        job = self._job
        return digest(
            {
                "model": [job.family, job.backbone, job.request.head, self._net.preprocess],
                "weights": self._net.weights,
                "teacher": self._teacher,
                "method": job.method,
                "settings": job.settings,
                "data": [job.train.sha256, job.measured.sha256],
            }
        )

    def finish(
        self, averaged: nn.Module, epochs: list[Epoch], score: Score, folder: Path
    ) -> TrainResult:
        """Write the plain network into `folder`, beside its adapter where it had one.

        Raises:
            ToolError: The adapter can't be merged.
        """
        job = self._job
        done = self._method.finish(self._task, averaged, folder)
        weights = self._written(done, folder)
        return TrainResult(
            model=job.request.name,
            family=job.family,
            backbone=job.backbone,
            head=job.request.head,
            method=job.method,
            names=job.train.names,
            preprocess=self._net.preprocess,
            weights=weights,
            settings=job.settings,
            epochs=tuple(epochs),
            score=score,
            images=len(job.train),
            notes=(*job.train.notes, *job.measured.notes),
            parameters=_count(done.module),
            trained_parameters=_count(self._task.module, trained=True),
            device=self._machine.name,
            precision=self._machine.precision,
            teacher=self._teacher,
            merge_sqnr_db=done.merge_sqnr_db,
            file=WEIGHTS,
        )

    def _written(self, done: Finished, folder: Path) -> Weights:
        """The plain network's weights in a file that says what they are of."""
        job, net = self._job, self._net
        origin = Origin(
            method=job.method,
            start=net.weights.source,
            start_sha256=net.weights.sha256,
            data_sha256=job.train.sha256,
            adapter_sha256=file_sha256(done.adapter) if done.adapter else None,
            teacher_sha256=self._teacher.sha256 if self._teacher else None,
            weight_scale=job.settings.weight_scale,
        )
        before = set(trained.learnt(job.request.weights))
        if job.teacher:
            before.update(trained.learnt(str(job.teacher)))
        known = trained.Trained(
            family=job.family,
            backbone=job.backbone,
            head=job.request.head,
            names=job.train.names,
            input_size=net.preprocess.size[0],
            origin=origin,
            neck=net.neck if job.request.neck else "",
            folded=net.folded,
            learnt=tuple(sorted(before | set(map(mark, job.train.file_digests())))),
        )
        path = folder / WEIGHTS
        trained.write(path, done.module.state_dict(), known)
        return Weights(f"file:{WEIGHTS}", file_sha256(path), origin)


def _count(module: nn.Module, *, trained: bool = False) -> int:
    return sum(each.numel() for each in module.parameters() if each.requires_grad or not trained)


def _calm(module: nn.Module, names: tuple[str, ...]) -> None:
    """Begin with scores that are nearly equal, whatever the features are.

    Some libraries draw a classifier of few classes so large that the first steps, which bring
    its scores down, would undo what a backbone has learnt.
    """
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv2d) and f"{name}.weight" in names:
            nn.init.normal_(layer.weight, std=_SMALL)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _learnt_from(path: Path, names: tuple[str, ...]) -> tuple[network.Network, Weights]:
    """The network that `edgekit train` wrote, if it tells the same classes apart."""
    known = trained.describe(path)
    if known is None or known.head != "classify":
        raise UsageError(
            f"--teacher {path} is no classifier that `edgekit train` wrote",
            hint=f"train one: `edgekit train MODEL --data DIR`, then give its {WEIGHTS}",
        )
    if known.names != names:
        raise UsageError(
            f"--teacher {path} knows other classes than the data: {', '.join(known.names[:5])}",
            hint="train the teacher on the same classes",
        )
    request = ModelRequest(f"{known.family}:{known.backbone}", weights=str(path))
    net = network.unfused(request, known.family, known.backbone)
    return net, Weights(f"file:{path.name}", file_sha256(path))
