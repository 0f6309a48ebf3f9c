"""How far a training is: a bar on a terminal, a line an epoch elsewhere. On standard error."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from edgekit.cli import output

if TYPE_CHECKING:
    from edgekit.records.training import Epoch
    from edgekit.training.progress import Step


@contextlib.contextmanager
def shown() -> Iterator[Callable[[Step], None]]:
    """What to call with each step; the bar is gone at the end, whatever happens."""
    if not sys.stderr.isatty():
        yield _line
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("beginning", total=None)

        def on_step(step: Step) -> None:
            if step.ended:
                bar.console.print(_words(step.ended, step.epochs), markup=False, highlight=False)
                return
            done = (step.epoch - 1) * step.steps + step.step
            words = f"epoch {step.epoch} of {step.epochs}, loss {step.loss:.3f}"
            bar.update(task, description=words, completed=done, total=step.epochs * step.steps)

        yield on_step


def _line(step: Step) -> None:
    if step.ended:
        output.say(_words(step.ended, step.epochs))


def _words(epoch: Epoch, epochs: int) -> str:
    metrics = [
        f"{name} {'-' if value is None else f'{value:.4f}'}"
        for name, value in epoch.metrics.items()
    ]
    return (
        f"epoch {epoch.number} of {epochs}: loss {epoch.loss:.4f}, {', '.join(metrics)} "
        f"({epoch.seconds:.1f} s)"
    )
