"""The loop: the same for each method and each head."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from edgekit.errors import ToolError
from edgekit.records.scores import Score
from edgekit.records.training import Epoch, Settings
from edgekit.training import Course
from edgekit.training.averaging import averaged
from edgekit.training.checkpoints import Checkpoint
from edgekit.training.machine import Machine
from edgekit.training.progress import Step
from edgekit.training.views import batches

# Longest gradient that is followed: the first steps from random weights are far too long.
_LONGEST = 5.0
_NORMS = (nn.modules.batchnorm._BatchNorm,)  # noqa: SLF001 -- the class that all of them share


class Loop:
    """Trains a module and measures the average of its weights after each epoch.

    What an epoch does follows from seed and number alone, so that a training that was killed
    and goes on gives what it would have given.

    Args:
        course: What is trained, on what.
        settings: How.
        machine: What computes.
        checkpoint: Where its state is kept.
    """

    def __init__(
        self, course: Course, settings: Settings, machine: Machine, checkpoint: Checkpoint
    ) -> None:
        course.module.to(memory_format=torch.channels_last)
        self._course = course
        self._settings = settings
        self._machine = machine
        self._checkpoint = checkpoint
        self._average = averaged(course.module, settings.average)
        self._optimizer = torch.optim.AdamW(_groups(course.module, settings.weight_decay))
        self._scaler = machine.scaler()
        self._score: Score | None = None

    def run(self, on_step: Callable[[Step], None]) -> tuple[nn.Module, list[Epoch], Score]:
        """Train, from where an earlier run was killed.

        Args:
            on_step: Told what goes on.

        Returns:
            The averaged module, every epoch, and how good it is.

        Raises:
            ToolError: The loss is no number any more; the last good checkpoint is kept.
        """
        epochs = self._resume()
        for number in range(len(epochs) + 1, self._settings.epochs + 1):
            start_s = time.perf_counter()
            losses, lr = self._epoch(number, on_step)
            score = self._measure()
            seconds = time.perf_counter() - start_s
            metrics = {score.metric: score.value, **score.others}
            epochs.append(Epoch(number, losses, lr, metrics, seconds))
            self._checkpoint.save(self._state(), epochs)
            on_step(Step(number, self._settings.epochs, 0, 0, epochs[-1].loss, epochs[-1]))
        score = self._score or self._measure()
        # Files of weights want plain layout.
        return self._average.module.to(memory_format=torch.contiguous_format), epochs, score

    def _epoch(
        self, number: int, on_step: Callable[[Step], None]
    ) -> tuple[dict[str, float], float]:
        """One pass over the pictures: mean losses, and the last learning rate."""
        settings = self._settings
        seed = _mixed(settings.seed, number)
        loader = self._batches(seed)
        sums: Counter[str] = Counter()
        lr = 0.0
        with torch.random.fork_rng(self._machine.rng_devices):
            torch.manual_seed(seed)
            self._set_mode()
            for step, (inputs, targets) in enumerate(loader, 1):
                done = (number - 1) * len(loader) + step - 1
                lr = settings.lr * rate(done, settings.epochs * len(loader), settings.warmup)
                losses = self._step(inputs, targets, lr)
                loss = sum(losses.values())
                if not math.isfinite(loss):
                    raise self._diverged(number, f"the loss became {loss} in step {step}")
                sums.update(losses)
                on_step(Step(number, settings.epochs, step, len(loader), loss))
        if not all(bool(value.isfinite().all()) for value in _floats(self._course.module)):
            raise self._diverged(number, "a weight became infinite")
        return {name: value / len(loader) for name, value in sums.items()}, lr

    def _batches(self, seed: int | None) -> Any:
        course = self._course
        data = course.measured if seed is None else course.train
        return batches(data, self._settings.batch, course.collate, self._machine.device, seed)

    def _step(self, inputs: torch.Tensor, targets: Any, lr: float) -> dict[str, float]:
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        self._optimizer.zero_grad()
        with self._machine.mixed():
            moved = self._machine.moved((inputs, targets))
            losses = self._course.losses(self._course.module, *moved)
        self._scaler.scale(sum(losses.values())).backward()
        self._scaler.unscale_(self._optimizer)
        trained = [each for group in self._optimizer.param_groups for each in group["params"]]
        nn.utils.clip_grad_norm_(trained, _LONGEST)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._average.update_parameters(self._course.module)
        return {name: float(value.detach()) for name, value in losses.items()}

    def _set_mode(self) -> None:
        self._course.module.train()
        for part in self._course.module.modules():
            # A norm that isn't trained keeps its statistics too.
            own = [each.requires_grad for each in part.parameters(recurse=False)]
            if isinstance(part, _NORMS) and own and not any(own):
                part.eval()

    def _measure(self) -> Score:
        self._average.eval()
        self._score = self._course.score(self._outputs())
        return self._score

    def _outputs(self) -> Iterator[Any]:
        for inputs, _ in self._batches(None):
            with torch.no_grad():
                yield self._machine.home(self._average.module(self._machine.moved(inputs)))

    def _diverged(self, number: int, what: str) -> ToolError:
        kept = (
            f"what epoch {number - 1} gave is kept in {self._checkpoint.path}"
            if number > 1
            else "there is no good checkpoint yet"
        )
        lower = f"--lr {self._settings.lr / 4:.2g}"
        return ToolError(
            f"epoch {number}: {what}; {kept}",
            hint=f"train again with a lower rate into another folder: {lower} --out DIR",
        )

    def _state(self) -> dict[str, Any]:
        return {
            "state_dict": self._course.module.state_dict(),
            "state_dict_ema": self._average.module.state_dict(),
            "averaged": int(self._average.n_averaged),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
        }

    def _resume(self) -> list[Epoch]:
        found = self._checkpoint.load(self._machine.device)
        if found is None:
            return []
        state, epochs = found
        self._course.module.load_state_dict(state["state_dict"])
        self._average.module.load_state_dict(state["state_dict_ema"])
        self._average.n_averaged.fill_(state["averaged"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        return epochs


def rate(done: int, steps: int, warmup: float) -> float:
    """Share of the highest learning rate: rises in a line, then falls as half a cosine.

    Loshchilov and Hutter 2017, "SGDR", without restarts.

    Args:
        done: Steps that are done.
        steps: All of them.
        warmup: Share of them in which it rises.
    """
    rising = max(1, round(warmup * steps))
    if done < rising:
        return (done + 1) / rising
    return (1 + math.cos(math.pi * (done - rising) / max(1, steps - rising))) / 2


def _mixed(seed: int, number: int) -> int:
    """A seed of 32 bits for an epoch: torch's generator takes no more of them."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0])


def _groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    trained = [each for each in module.parameters() if each.requires_grad]
    return [
        {"params": [each for each in trained if each.ndim > 1], "weight_decay": weight_decay},
        {"params": [each for each in trained if each.ndim <= 1], "weight_decay": 0.0},
    ]


def _floats(module: nn.Module) -> Iterator[torch.Tensor]:
    return (value for value in module.state_dict().values() if value.is_floating_point())
