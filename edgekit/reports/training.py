"""What came of a training, for people and for scripts."""

import shlex
from pathlib import Path
from typing import Any

import msgspec

from edgekit.records.training import TrainResult
from edgekit.reports import scores

# What `edgekit export` takes a model to end in where nothing is said.
_USUAL = "classify"


def as_json(result: TrainResult) -> dict[str, Any]:
    """The documented object of `edgekit train --json`."""
    record: dict[str, Any] = msgspec.to_builtins(result)
    return record


def render(result: TrainResult, folder: Path, data: Path) -> str:
    """How good the weights are, by class and size too, and what to do with them.

    Args:
        result: What came of it.
        folder: Where its files lie.
        data: The images that it learnt from.
    """
    part = result.trained_parameters / result.parameters
    head = (
        f"{result.model}, {result.method}: trained {result.trained_parameters:,} of "
        f"{result.parameters:,} parameters ({part:.1%}) on {result.device} in "
        f"{result.precision}; its epochs took "
        f"{sum(epoch.seconds for epoch in result.epochs):.0f} s"
    )
    lines = [head, scores.whole(result.score), *scores.parts(result.score)]
    if result.weights.trained and result.weights.trained.adapter_sha256:
        lines.append(
            f"adapter {result.weights.trained.adapter_sha256[:12]} merged: "
            f"{result.merge_sqnr_db:.0f} dB to the one beside the weights"
        )
    end = "" if result.head == _USUAL else f"--head {result.head} "
    weights, photos = shlex.quote(str(folder / result.file)), shlex.quote(str(data))
    lines.append(
        f"next: edgekit export {result.model} {end}--weights {weights} --int8 --calib {photos}"
    )
    return "\n".join(lines)
