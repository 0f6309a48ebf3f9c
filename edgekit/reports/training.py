"""What came of a training, for people and for scripts."""

from pathlib import Path
from typing import Any

import msgspec

from edgekit.records.scores import Score
from edgekit.records.training import TrainResult
from edgekit.reports import table
from edgekit.reports.numbers import share

_SHOWN = 5


def as_json(result: TrainResult) -> dict[str, Any]:
    """The documented object of `edgekit train --json`."""
    record: dict[str, Any] = msgspec.to_builtins(result)
    return record


def render(result: TrainResult, folder: Path) -> str:
    """How good the weights are, by class and size too, and what to do with them.

    Args:
        result: What came of it.
        folder: Where its files lie.
    """
    part = result.trained_parameters / result.parameters
    head = (
        f"{result.model}, {result.method}: trained {result.trained_parameters:,} of "
        f"{result.parameters:,} parameters ({part:.1%}) on {result.device} in "
        f"{result.precision}, {sum(epoch.seconds for epoch in result.epochs):.0f} s"
    )
    lines = [head, *score_lines(result.score)]
    if result.weights.trained and result.weights.trained.adapter_sha256:
        lines.append(
            f"adapter {result.weights.trained.adapter_sha256[:12]} merged: "
            f"{result.merge_sqnr_db:.0f} dB to the one beside the weights"
        )
    size = result.preprocess.size[0]
    lines.append(f"next: edgekit export {result.model} --weights {folder / result.file} --int8 "
                 f"--calib DIR   (input {size}x{size})")  # fmt: skip
    return "\n".join(lines)


def score_lines(score: Score) -> list[str]:
    """A score in tables: the whole, each class, each size, the worst images."""
    whole = {score.metric: score.value, **score.others}
    parts = [table.render(("images", *whole), [(str(score.images), *map(share, whole.values()))])]
    for title, rows in (("class", score.classes), ("size", score.sizes)):
        cells = [(part.name, str(part.count), share(part.value)) for part in rows]
        if cells:
            parts.append(table.render((title, "count", score.metric), cells))
    if score.worst:
        worst = [f"{image.name} ({image.note})" if image.note else image.name
                 for image in score.worst[:_SHOWN]]  # fmt: skip
        parts.append(f"worst images: {', '.join(worst)}")
    return parts
