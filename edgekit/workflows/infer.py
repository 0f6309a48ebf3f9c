"""Running inputs through a file in a fresh worker: what parity, evaluation and gate share."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.records import Artifact, Device, Precision
from edgekit.transports import Link, linked
from edgekit.wire import Job, TensorSpec
from edgekit.workflows.jobs import run_job

_TIMEOUT_S = 3600.0
HERE = Device()


def infer(
    link: Link,
    artifact: Artifact,
    inputs: Sequence[npt.NDArray[Any]],
    *,
    runtime: str,
    batch: int,
    threads: int,
    model: Path | None = None,
) -> tuple[npt.NDArray[Any], ...]:
    """Every output of `artifact` for samples.

    Args:
        link: The way to the machine that runs it.
        artifact: What to run.
        inputs: Samples of each of its inputs, in its own order, shape (N, ...); images,
            (N, 3, H, W), are turned into the layout that the file takes.
        runtime: Name of the runtime.
        batch: Samples in one inference.
        threads: Threads that the runtime may use.
        model: Another file of the artifact's than the one that is deployed.

    Returns:
        Each of shape (N, ...), in the order of the file's outputs.

    Raises:
        EdgekitError: The worker failed.
    """
    named = {spec.name: array for spec, array in zip(artifact.inputs, inputs, strict=True)}
    free = [spec for spec in artifact.inputs if None in spec.shape[1:]]
    job = Job(
        kind="infer",
        runtime=runtime,
        model=str(model or artifact.model),
        precision="fp16" if artifact.precision is Precision.FP16 else "fp32",
        threads=threads,
        batch=batch,
        shapes={spec.name: [batch, *named[spec.name].shape[1:]] for spec in free},
        layouts={spec.name: spec.layout for spec in artifact.inputs},
    )
    found = run(link, job, {f"input:{name}": array for name, array in named.items()})
    return tuple(found[f"output:{index}"] for index in range(len(found)))


def infer_file(
    model: Path,
    spec: TensorSpec,
    images: npt.NDArray[np.float32],
    *,
    runtime: str,
    batch: int,
    threads: int,
    size_is_free: bool = False,
) -> npt.NDArray[np.float32]:
    """The first output of the file `model` for `images`, as in `infer`, on this machine.

    Args:
        model: What to run.
        spec: Its one input.
        images: Shape (N, 3, H, W); turned into the layout that the file takes.
        runtime: Name of the runtime.
        batch: Samples in one inference.
        threads: Threads that the runtime may use.
        size_is_free: Whether the file leaves more than the batch free; it is run at `spec`'s size.

    Returns:
        Shape (N, ...).

    Raises:
        EdgekitError: The worker failed.
    """
    sizes = [size for size in spec.shape[1:] if size is not None]
    job = Job(
        kind="infer",
        runtime=runtime,
        model=str(model),
        precision="fp32",
        threads=threads,
        batch=batch,
        layouts={spec.name: spec.layout},
        shapes={spec.name: [batch, *sizes]} if size_is_free else {},
    )
    with linked(HERE) as link:
        found: npt.NDArray[np.float32] = run(link, job, {f"input:{spec.name}": images})["output:0"]
    return found


def run(link: Link, job: Job, inputs: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """Every output of an `infer` job, by the name that `Job.outputs` tells.

    Args:
        link: The way to the machine that runs it.
        job: What to run, without files.
        inputs: Samples as in `Job.golden`; none for inputs that the worker makes up.

    Raises:
        EdgekitError: The worker failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        feeds, outputs = Path(folder) / "feeds.npz", Path(folder) / "outputs.npz"
        _save(feeds, inputs)
        filed = replace(job, feeds=str(feeds) if inputs else None, outputs=str(outputs))
        run_job(link, filed, timeout_s=_TIMEOUT_S)
        with np.load(outputs) as computed:
            return {name: computed[name] for name in computed.files}


def _save(path: Path, arrays: Mapping[str, Any]) -> None:
    np.savez(path, **arrays)
