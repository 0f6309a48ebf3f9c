"""What all scorers of photos share: how photos go in, and what the outputs mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from edgekit.datasets import READERS, labels, roots
from edgekit.datasets.aligning import aligned
from edgekit.datasets.images import Photos, Tensors
from edgekit.datasets.items import Dataset
from edgekit.errors import MissingDependency
from edgekit.records import Artifact
from edgekit.registry import install_command
from edgekit.scoring import SCORERS, Exam
from edgekit.storage import file_sha256
from edgekit.tasks import TASKS


class PhotoScorer:
    """A scorer of photos, but for how it reads and scores.

    Attributes:
        chunk: Photos in one call of a worker: what comes out shall be some hundred MB at most.
    """

    noun = "images"
    is_share = True
    closeness = "agreement"
    is_closeness_share = False
    guards_closeness = False
    chunk = 128

    def plain(self, samples: Any) -> Exam:
        """A set of photos, as workflows calibrate on."""
        photos = samples.photos
        return Exam(photos.source, len(photos.paths), files(photos), photos.paths)

    def feeds(self, artifact: Artifact, exam: Exam) -> Iterator[list[Any]]:
        """Photos as the artifact's preprocessing has them, (N, 3, H, W)."""
        tensors = Tensors(artifact.photos, exam.samples)
        for start in range(0, len(tensors), self.chunk):
            yield [tensors[start : start + self.chunk].stack()]

    def predictions(
        self,
        artifact: Artifact,
        exam: Exam,  # noqa: ARG002 -- the protocol's: photos come in their order
        outputs: Iterable[Sequence[Any]],
    ) -> list[Any]:
        """What the artifact's task makes of the outputs, one prediction a photo."""
        task = TASKS.get(artifact.spec.task)
        return [one for raw in outputs for one in task.decode(raw, artifact.photos.size)]

    def agreement(
        self, artifact: Artifact, found: Sequence[Any], expected: Sequence[Any]
    ) -> float | None:
        """How far predictions are the expected ones, as the task has it."""
        return TASKS.get(artifact.spec.task).agreement(found, expected)


def dataset(kind: str, metric: str, artifact: Artifact, root: Path) -> Dataset:
    """The part of `root` that is measured on, with its classes numbered as the artifact's.

    Args:
        kind: Which of `datasets.READERS` reads it.
        metric: What it is read for.
        artifact: Whose classes it has to fit.
        root: The folder.

    Raises:
        DataError: It can't be read, or has classes that the artifact doesn't know.
        MissingDependency: What counts the metric isn't installed: said before anything runs.
    """
    if absent := SCORERS.missing(metric):
        message = f"{metric} needs what isn't installed: {', '.join(absent)}"
        raise MissingDependency(message, hint=install_command(SCORERS.entry(metric).extra))
    found = READERS.get(kind).read(roots.measured(root))
    return aligned(found, labels.of(artifact), artifact.name)


def exam_of(found: Dataset) -> Exam:
    """The exam on a data set, which is what is right."""
    paths = tuple(item.path for item in found.items)
    return Exam(
        source=found.source,
        count=len(paths),
        files=tuple(zip(found.files, found.file_digests(), strict=True)),
        samples=paths,
        right=found,
        sha256=found.sha256,
        notes=found.notes,
    )


def files(photos: Photos) -> tuple[tuple[str, str], ...]:
    """Name and SHA-256 of each."""
    return tuple(zip(photos.names, map(file_sha256, photos.paths), strict=True))
