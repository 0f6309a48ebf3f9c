"""How an artifact that gives vectors of texts ranks pairs of them, run by its runtime."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgekit.datasets import texts
from edgekit.datasets.tokens import Row, filled
from edgekit.errors import DataError, UsageError
from edgekit.metrics.ranking import spearman
from edgekit.models.text.catalog import EMBED
from edgekit.records import Artifact, Device, EvalResult, digest
from edgekit.transports import linked
from edgekit.workflows import accuracy, routes
from edgekit.workflows.infer import HERE, infer
from edgekit.workflows.textsets import encoder

METRIC = "spearman"
# Texts are filled up to a multiple of this, as applications do it: what is beyond a text takes
# part in ranges that are taken at each inference, so it shall be little.
_BUCKET = 16
_SHOWN = 3

Array = npt.NDArray[np.float32]


def check(artifact: Artifact) -> None:
    """Refuse an artifact that gives no vector of a text.

    Raises:
        UsageError: With what it gives.
    """
    if artifact.tokens is None or artifact.spec.head != EMBED:
        raise UsageError(
            f"{artifact.name} ends in {artifact.spec.head!r} and gives no vectors of texts: "
            f"--metric {METRIC} ranks pairs by those",
            hint="evaluate a text encoder: `edgekit export bert`",
        )


def evaluate(
    artifact: Artifact,
    pairs: texts.Pairs,
    *,
    cut: bool,
    runtime: str,
    threads: int,
    device: Device,
) -> EvalResult:
    """Rank pairs by the cosine of their vectors, and compare that with who knows better.

    Args:
        artifact: The text encoder.
        pairs: Pairs of texts, with or without how alike they are.
        cut: Whether texts that are too long are cut.
        runtime: Name of the runtime.
        threads: Threads that it may use.
        device: Where to run it; the float model is run here.

    Raises:
        UsageError: The artifact gives no vectors.
        DataError: It was calibrated on these texts, or one is too long.
    """
    check(artifact)
    check_apart(artifact, pairs)
    own = _cosines(artifact, pairs, runtime, threads, device, cut=cut)
    reference = accuracy.float_sibling(artifact)
    if reference is not None:
        theirs = routes.RUNTIME_OF[reference.format][0]
        expected = _cosines(reference, pairs, theirs, threads, HERE, cut=cut)
        to_float = spearman(own, expected)
    else:
        to_float = 1.0 if artifact.recipe is None else None
    return EvalResult(
        artifact=artifact.name,
        sha256=artifact.sha256,
        runtime=runtime,
        images=len(own),
        top1=None,
        top5=None,
        agreement=None,
        data_sha256=data_sha256(pairs),
        device=device.name,
        metric=METRIC,
        spearman=spearman(own, np.array(pairs.scores)) if pairs.scores else None,
        spearman_to_float=to_float,
    )


def data_sha256(pairs: texts.Pairs) -> str:
    """Digest of the texts and of how alike they are."""
    return digest([pairs.first.digests, pairs.second.digests, pairs.scores])


def check_apart(artifact: Artifact, pairs: texts.Pairs) -> None:
    """Refuse texts that the artifact was calibrated on: they would flatter it.

    Raises:
        DataError: With the lines of the first of them.
    """
    calibrated = {known for _, known in artifact.calibration.files} if artifact.calibration else {}
    both = [
        str(side.numbers[at])
        for side in (pairs.first, pairs.second)
        for at, known in enumerate(side.digests)
        if known in calibrated
    ]
    if both:
        raise DataError(
            f"{artifact.name} was calibrated on {len(both)} of these texts, in lines "
            f"{', '.join(both[:_SHOWN])}{', ...' if len(both) > _SHOWN else ''}",
            hint="evaluate on other texts: on these the numbers would flatter the artifact",
        )


def _cosines(
    artifact: Artifact,
    pairs: texts.Pairs,
    runtime: str,
    threads: int,
    device: Device,
    *,
    cut: bool,
) -> Array:
    read = encoder(artifact, cut=cut)
    rows = [*read.rows(pairs.first), *read.rows(pairs.second)]
    found = vectors(artifact, rows, runtime=runtime, threads=threads, device=device)
    found = found / np.linalg.norm(found, axis=1, keepdims=True).clip(1e-12)
    cosines: Array = (found[: len(rows) // 2] * found[len(rows) // 2 :]).sum(axis=1)
    return cosines


def vectors(
    artifact: Artifact, rows: Sequence[Row], *, runtime: str, threads: int, device: Device
) -> Array:
    """What `artifact` gives for texts, each by itself, shape (N, features).

    Args:
        artifact: The text encoder.
        rows: Ids of each text.
        runtime: Name of the runtime.
        threads: Threads that it may use.
        device: Where to run it.
    """
    most = artifact.tokens.max_tokens if artifact.tokens else _BUCKET
    lengths = np.array([min(most, -(-len(row) // _BUCKET) * _BUCKET) for row in rows])
    found: dict[int, Array] = {}
    with linked(device) as link:
        for length in np.unique(lengths):
            chosen = [int(index) for index in np.flatnonzero(lengths == length)]
            inputs = filled([rows[index] for index in chosen], int(length))
            (own,) = infer(link, artifact, inputs, runtime=runtime, batch=1, threads=threads)
            found.update(zip(chosen, own, strict=True))
    return np.stack([found[index] for index in range(len(rows))])
