"""What a network is worth on a data set: for each head a metric, all by one shape.

A scorer says how its metric reads a data set, what it feeds a network with, what the network's
outputs predict, and how good that is. Who runs the network is not its business: `edgekit eval`,
the guard of `--max-drop` and `edgekit gate --data` do so with whatever a runtime gives, and
training scores its own network by the same functions.

To add a metric: a module here with an object that meets `Scorer`, its line in `SCORERS`, and the
line of the heads that it is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from edgekit.errors import UsageError
from edgekit.records import Artifact
from edgekit.records.scores import Score
from edgekit.registry import Entry, Registry
from edgekit.wire import DETECTIONS


@dataclass(frozen=True, slots=True)
class Exam:
    """What a network is asked, and what is right.

    Attributes:
        source: Where it comes from, for people.
        count: Number of images, or of pairs of texts.
        files: Name and SHA-256 of each image or text, as in `Calibration`.
        samples: What the scorer feeds the network with, of its own kind.
        right: What is right for each, of its own kind; None where nothing says.
        sha256: Digest of all this, wherever it lies.
        skipped: Files that could not be read.
        notes: What was passed over or mended, in a line each.
    """

    source: str
    count: int
    files: tuple[tuple[str, str], ...]
    samples: Any
    right: Any = None
    sha256: str = ""
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Scorer(Protocol):
    """One metric.

    Attributes:
        metric: Its name.
        noun: What it counts.
        is_share: Whether its value is a share of those, so that one of them is the finest step.
        closeness: What `agreement` is called: a metric's name.
        is_closeness_share: Whether `agreement` is a share of those.
        guards_closeness: Whether a guard holds a file against the float model even where it is
            known what is right.
    """

    metric: str
    noun: str
    is_share: bool
    closeness: str
    is_closeness_share: bool
    guards_closeness: bool

    def read(self, artifact: Artifact, root: Path, *, cut: bool) -> Exam:
        """The data set in `root`.

        Args:
            artifact: Whose classes, or whose tokens, it has to fit.
            root: Folder or file.
            cut: Whether texts that are too long are cut.

        Raises:
            DataError: It can't be read, contradicts itself, or doesn't fit.
        """
        ...

    def plain(self, samples: Any) -> Exam:
        """Photos or texts (as workflows calibrate on) of which nothing says what is right."""
        ...

    def feeds(self, artifact: Artifact, exam: Exam) -> Iterator[list[Any]]:
        """Inputs of `artifact`, chunk by chunk, each an array with samples first."""
        ...

    def predictions(
        self, artifact: Artifact, exam: Exam, outputs: Iterable[Sequence[Any]]
    ) -> list[Any]:
        """What the outputs for each chunk of `feeds` mean; raw ones aren't kept."""
        ...

    def agreement(
        self, artifact: Artifact, found: Sequence[Any], expected: Sequence[Any]
    ) -> float | None:
        """How near predictions are to the float model's, 1 for the same; None if it has none."""
        ...

    def score(self, artifact: Artifact, found: Sequence[Any], exam: Exam) -> Score | None:
        """How good predictions are; None where nothing says what is right."""
        ...


SCORERS: Registry[Scorer] = Registry(
    "metric of a task",
    {
        "top1": Entry("edgekit.scoring.classes:SCORER"),
        "recall1": Entry("edgekit.scoring.vectors:SCORER"),
        "map50": Entry("edgekit.scoring.boxes:SCORER", "train", ("faster_coco_eval",)),
        "miou": Entry("edgekit.scoring.masks:SCORER", "train", ("scipy",)),
        "spearman": Entry("edgekit.scoring.ranks:SCORER"),
    },
)
# By what a file's outputs mean, where photos go in.
_OF = {
    "classify": "top1",
    "embed": "recall1",
    **dict.fromkeys(("segment", "segment-fpn"), "miou"),
    **dict.fromkeys(("detect", "detect-ssd", "detect-rcnn", DETECTIONS), "map50"),
}
# The same where texts go in.
_OF_TEXT = {"embed": "spearman"}


def metric_of(artifact: Artifact) -> str:
    """Name of the metric that says how good an artifact is; empty if none does."""
    return (_OF_TEXT if artifact.tokens else _OF).get(artifact.spec.task, "")


def scorer_of(artifact: Artifact, metric: str = "") -> Scorer:
    """The scorer of an artifact.

    Args:
        artifact: What is to be scored.
        metric: The metric that was asked for; empty for what fits.

    Raises:
        UsageError: The artifact has no such metric, or none at all.
    """
    fitting = metric_of(artifact)
    ends = f"{artifact.name} ends in {artifact.spec.head!r}"
    if not fitting:
        heads = ", ".join(_OF_TEXT if artifact.tokens else _OF)
        raise UsageError(
            f"{ends}{' over text' * bool(artifact.tokens)}: no metric says how good that is",
            hint=f"there is one for: {heads}",
        )
    if metric not in {"", fitting}:
        SCORERS.entry(metric)
        raise UsageError(
            f"{ends}: it has no {metric}", hint=f"leave --metric out, or give --metric {fitting}"
        )
    return SCORERS.get(fitting)
