"""How good outputs are for labelled images, by what the artifact's head gives."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgekit.datasets import READERS, images, labels
from edgekit.datasets.items import Dataset
from edgekit.errors import UsageError
from edgekit.metrics import classification, retrieval
from edgekit.records import Artifact
from edgekit.records.scores import Score
from edgekit.workflows import accuracy

CLASSIFY, EMBED = "classify", "embed"
METRICS = {CLASSIFY: "top1", EMBED: "recall1"}


def check(artifact: Artifact, metric: str) -> None:
    """Refuse what gives neither scores of classes nor vectors of photos, or not that metric.

    Raises:
        UsageError: With what does.
    """
    if artifact.tokens or artifact.spec.head != EMBED:
        accuracy.check_head(artifact)
    fitting = METRICS[artifact.spec.head]
    if metric not in {"", fitting}:
        raise UsageError(
            f"{artifact.name} ends in {artifact.spec.head!r}: it has no {metric}",
            hint=f"leave --metric out, or give --metric {fitting}",
        )


def labelled(artifact: Artifact, root: Path) -> labels.Labelled:
    """The images below `root` with what is right for each.

    Vectors have no classes of their own: which belong together is said by the folders alone.

    Raises:
        DataError: There is no image, or labels, classes and images don't fit.
    """
    if artifact.spec.head != EMBED:
        return labels.read(root, accuracy.classes(artifact))
    dataset = _folders(root)
    paths = tuple(item.path for item in dataset.items)
    right = tuple(frozenset({index}) for index in _classes(dataset))
    return labels.Labelled(images.Photos(str(root), paths), right)


def score(
    artifact: Artifact, outputs: npt.NDArray[np.float32], data: labels.Labelled
) -> Score | None:
    """The score by class, with the worst images; None where an image has not one right class.

    Args:
        artifact: What gave the outputs.
        outputs: Class scores or vectors, shape (N, values).
        data: The images.
    """
    if any(len(right) != 1 for right in data.right):
        return None
    right = np.array([next(iter(each)) for each in data.right], np.int64)
    files = [path.name for path in data.photos.paths]
    if artifact.spec.head == EMBED:
        names = _folders(Path(data.photos.source)).names
        return retrieval.score(outputs, right, names, files)
    known = accuracy.classes(artifact)
    names = known.names or tuple(map(str, range(known.count)))
    return classification.score(outputs, right, names, files)


def _folders(root: Path) -> Dataset:
    return READERS.get("classes").read(root)


def _classes(dataset: Dataset) -> list[int]:
    return [item.right for item in dataset.items if isinstance(item.right, int)]
