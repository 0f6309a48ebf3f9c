"""Running inputs through an artifact in a fresh worker: what parity and evaluation share."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.records import Artifact, Device, Precision
from edgekit.transports import TRANSPORTS
from edgekit.wire import Job, TensorSpec
from edgekit.workflows.jobs import run_job

_TIMEOUT_S = 3600.0


def infer(
    artifact: Artifact,
    images: npt.NDArray[np.float32],
    *,
    runtime: str,
    batch: int,
    threads: int,
    model: Path | None = None,
) -> npt.NDArray[np.float32]:
    """The first output of `artifact` for `images`.

    Args:
        artifact: What to run.
        images: Shape (N, 3, H, W); turned into the layout that the file takes.
        runtime: Name of the runtime.
        batch: Samples in one inference.
        threads: Threads that the runtime may use.
        model: Another file of the artifact's than the one that is deployed.

    Returns:
        Shape (N, ...).

    Raises:
        EdgekitError: The worker failed.
    """
    return infer_file(
        model or artifact.model,
        artifact.inputs[0],
        images,
        runtime=runtime,
        batch=batch,
        threads=threads,
        precision="fp16" if artifact.precision is Precision.FP16 else "fp32",
    )


def infer_file(
    model: Path,
    spec: TensorSpec,
    images: npt.NDArray[np.float32],
    *,
    runtime: str,
    batch: int,
    threads: int,
    precision: str = "fp32",
    size_is_free: bool = False,
) -> npt.NDArray[np.float32]:
    """The first output of the file `model` for `images`, as in `infer`.

    Args:
        model: What to run.
        spec: Its one input.
        images: Shape (N, 3, H, W); turned into the layout that the file takes.
        runtime: Name of the runtime.
        batch: Samples in one inference.
        threads: Threads that the runtime may use.
        precision: What its float operators may compute in.
        size_is_free: Whether the file leaves more than the batch free; it is run at `spec`'s size.

    Returns:
        Shape (N, ...).

    Raises:
        EdgekitError: The worker failed.
    """
    device = Device()
    sizes = [size for size in spec.shape[1:] if size is not None]
    with tempfile.TemporaryDirectory() as folder:
        feeds, outputs = Path(folder) / "feeds.npz", Path(folder) / "outputs.npz"
        _save(feeds, {f"input:{spec.name}": images})
        job = Job(
            kind="infer",
            runtime=runtime,
            model=str(model),
            precision=precision,
            threads=threads,
            batch=batch,
            layouts={spec.name: spec.layout},
            shapes={spec.name: [batch, *sizes]} if size_is_free else {},
            feeds=str(feeds),
            outputs=str(outputs),
        )
        run_job(TRANSPORTS.get(device.transport).open(device), job, timeout_s=_TIMEOUT_S)
        with np.load(outputs) as computed:
            found: npt.NDArray[np.float32] = computed["output:0"]
            return found


def _save(path: Path, arrays: Mapping[str, Any]) -> None:
    np.savez(path, **arrays)
