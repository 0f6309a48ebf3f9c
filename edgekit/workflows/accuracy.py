"""What evaluation, guard and gate share: predictions of artifacts, and what may be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from edgekit import storage
from edgekit.datasets import roots
from edgekit.errors import DataError, UsageError
from edgekit.records import Artifact, Device, Format, Precision
from edgekit.runtimes import RUNTIMES
from edgekit.scoring import SCORERS, Exam, Scorer
from edgekit.transports import linked
from edgekit.workflows import machines, routes
from edgekit.workflows.infer import HERE, infer
from edgekit.workflows.parity import REFERENCE

_SHOWN = 3
_ROUNDING = 1e-9  # points


@dataclass(frozen=True, slots=True)
class Way:
    """By what predictions come.

    Attributes:
        runtime: Name of the runtime.
        threads: Threads that it may use.
        device: The machine that it runs on.
    """

    runtime: str
    threads: int
    device: Device = HERE


def find_way(
    artifact: Artifact,
    runtime: str | None = None,
    threads: int | None = None,
    device: Device = HERE,
) -> Way:
    """By what `artifact` is run where little is said of it.

    Args:
        artifact: What is to be run.
        runtime: Name of the runtime; None for the format's own.
        threads: Threads that it may use; None for as many as there are usable cores.
        device: The machine.

    Raises:
        UsageError: The runtime can't read it.
    """
    chosen = runtime or routes.RUNTIME_OF[artifact.format][0]
    # The reference reads the ONNX file that an engine is built from.
    gpu = (REFERENCE,) if artifact.format is Format.TENSORRT else ()
    if chosen not in (readers := (*routes.readers(artifact.format), *gpu)):
        RUNTIMES.entry(chosen)
        raise UsageError(
            f"{chosen} can't read {artifact.name}, which is {artifact.format}",
            hint=f"these can: {', '.join(readers)}",
        )
    return Way(chosen, threads or machines.cpus(device)[1], device)


def predicted(artifact: Artifact, scorer: Scorer, exam: Exam, way: Way) -> list[Any]:
    """What `artifact` makes of an exam, in the scorer's own kind.

    Raises:
        EdgekitError: It can't be run.
    """
    found = outputs(artifact, scorer.feeds(artifact, exam), way)
    return scorer.predictions(artifact, exam, found)


def outputs(
    artifact: Artifact, feeds: Iterable[list[Any]], way: Way
) -> Iterator[tuple[npt.NDArray[Any], ...]]:
    """Raw outputs of `artifact` for each chunk of inputs, samples first.

    Raises:
        EdgekitError: It can't be run.
    """
    source = artifact.file("source") if way.runtime == REFERENCE else None
    with linked(way.device) as link:
        for inputs in feeds:
            yield infer(
                link,
                artifact,
                inputs,
                runtime=way.runtime,
                batch=artifact.inputs[0].shape[0] or 1,
                threads=way.threads,
                model=source,
            )


def check_apart(artifact: Artifact, exam: Exam) -> None:
    """Refuse samples that the artifact learnt from, or was calibrated on: they would flatter it.

    Raises:
        DataError: With the first of them.
    """
    _check_unseen(artifact, exam)
    calibrated = (
        {digest for _, digest in artifact.calibration.files} if artifact.calibration else ()
    )
    both = [name for name, digest in exam.files if digest in calibrated]
    if both:
        kind = "texts" if artifact.tokens else "images"
        raise DataError(
            f"{artifact.name} was calibrated on {len(both)} of these {kind}: "
            f"{', '.join(both[:_SHOWN])}{', ...' if len(both) > _SHOWN else ''}",
            hint=f"evaluate on other {kind}: on these the numbers would flatter the artifact",
        )


def _check_unseen(artifact: Artifact, exam: Exam) -> None:
    """Refuse images that the weights learnt from, and say which others there are."""
    learnt = storage.learnt(artifact)
    seen = [name for name, sha256 in exam.files if storage.mark(sha256) in learnt]
    if not seen:
        return
    rest = exam.count - len(seen)
    beside = roots.others(Path(exam.source))
    divide = (
        f"put {f'the {rest} others' if rest else 'others'} into a folder of their own, or train "
        "again on DIR/train with what is held out in DIR/test"
    )
    raise DataError(
        f"{artifact.name} learnt from {len(seen)} of these {exam.count} images: "
        f"{', '.join(seen[:_SHOWN])}{', ...' if len(seen) > _SHOWN else ''}",
        hint=f"give --data {beside[0]}" if beside else divide,
    )


def float_sibling(artifact: Artifact) -> Artifact | None:
    """The float32 artifact beside `artifact`, of its own format where there is one; None if none.

    A float32 artifact has one of another format for a sibling.
    """
    formats = (artifact.format, Format.ONNX, Format.OPENVINO, Format.LITERT, Format.TORCH)
    for format in dict.fromkeys(formats):
        path = artifact.path.parent / f"{format}-{Precision.FP32}"
        if format is Format.TENSORRT or not storage.is_artifact(path):
            continue
        reference = storage.load(path)
        same = (reference.spec, reference.contract_sha256) == (
            artifact.spec,
            artifact.contract_sha256,
        )
        if same and reference.sha256 != artifact.sha256:
            return reference
    return None


def is_share(scorer: Scorer, metric: str) -> bool:
    """Whether a metric of `scorer`, or its closeness, is a share of images: one is a step."""
    return scorer.is_share if metric == scorer.metric else scorer.is_closeness_share


def noun(metric: str) -> str:
    """What a metric counts."""
    return SCORERS.get(metric).noun if metric in SCORERS.names() else "images"


def allowed_points(scorer: Scorer, metric: str, max_drop: float, count: int) -> float:
    """Points that may be lost: of a budget finer than one image, one image; of none, none.

    On a dozen photos each is worth eight points, and one near tie would decide. What is no share
    of images has finer steps, and is held to the budget.

    Args:
        scorer: Whose metric it is.
        metric: What is measured.
        max_drop: The budget, in points.
        count: Number of images that it is measured on.
    """
    if not max_drop:
        return 0.0
    return (max(max_drop, 100.0 / count) if is_share(scorer, metric) else max_drop) + _ROUNDING
