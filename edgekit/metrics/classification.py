"""Top-1 and top-5 of class scores, by class."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgekit.metrics.worst import worst
from edgekit.records.scores import Image, Part, Score

TOP = 5


def score(
    outputs: npt.NDArray[np.float32],
    right: npt.NDArray[np.int64],
    names: Sequence[str],
    files: Sequence[str],
) -> Score:
    """How often the largest output is that of the right class.

    An image whose outputs are no numbers is given no class, so it counts as wrong.

    Args:
        outputs: Class scores before softmax, shape (N, classes).
        right: The right class of each image, shape (N,).
        names: Names of the classes.
        files: Names of the images.
    """
    # As `edgekit eval` ranks them: of equal outputs the first class wins.
    order = _best(outputs, TOP)
    hits = order[:, 0] == right
    among = (order == right[:, None]).any(axis=1)
    each = [np.flatnonzero(right == index) for index in range(len(names))]
    return Score(
        metric="top1",
        value=_mean(hits),
        others={
            "top5": _mean(among),
            # Each class counts the same, however many images it has.
            "mean_class_top1": _mean(np.array([hits[rows].mean() for rows in each if rows.size])),
        },
        classes=tuple(
            Part(name, len(rows), _mean(hits[rows]))
            for name, rows in zip(names, each, strict=True)
        ),
        worst=worst(_images(outputs, right, names, files)),
        images=len(right),
    )


def share_right(
    outputs: npt.NDArray[np.float32], right: Sequence[frozenset[int]], top: int
) -> float | None:
    """Share of labelled images with a right class among the `top` largest outputs.

    Args:
        outputs: Class scores, shape (N, classes).
        right: The classes that count as right for each image; none where it has no label.
        top: How many outputs count.

    Returns:
        None if no image has a label.
    """
    best = _best(outputs, top)
    pairs = zip(best, right, strict=True)
    return _mean(np.array([bool(known & set(map(int, row))) for row, known in pairs if known]))


def _are_numbers(outputs: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Whether an image's outputs can be ranked: NaN can't, and infinity is an overflow."""
    fine: npt.NDArray[np.bool_] = np.isfinite(outputs.max(axis=1))
    return fine


def _best(outputs: npt.NDArray[np.float32], top: int) -> npt.NDArray[np.int64]:
    """The classes of the `top` largest outputs of each image, in order; -1 where there is none."""
    best = np.argsort(-outputs, axis=1, kind="stable")[:, :top]
    return np.where(_are_numbers(outputs)[:, None], best, -1)


def _mean(values: npt.NDArray[np.bool_ | np.float64]) -> float | None:
    return float(np.mean(values)) if values.size else None


def _images(
    outputs: npt.NDArray[np.float32],
    right: npt.NDArray[np.int64],
    names: Sequence[str],
    files: Sequence[str],
) -> list[Image]:
    """Each image that isn't given its right class, with that one's probability."""
    fine = _are_numbers(outputs)
    plain = np.where(fine[:, None], outputs, 0).astype(np.float64)
    shares = np.exp(plain - plain.max(axis=1, keepdims=True, initial=-np.inf))
    shares /= shares.sum(axis=1, keepdims=True)
    found = []
    for file, row, truth, is_fine in zip(files, shares, right, fine, strict=True):
        given = int(row.argmax())
        if not is_fine:
            found.append(Image(file, 0.0, f"{names[truth]}: its outputs are no numbers"))
        elif given != truth:
            note = f"{names[truth]} taken for {names[given]}"
            found.append(Image(file, float(row[truth]), note))
    return found
