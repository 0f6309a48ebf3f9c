"""From a request to the traced network: the same steps for every family.

Importing this imports no framework; calling it does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.models import FAMILIES, catalog
from edgekit.records import ModelRequest, ModelSpec, Preprocess
from edgekit.tasks import TASKS
from edgekit.wire import DETECTIONS, TensorSpec

if TYPE_CHECKING:
    from edgekit.models.network import Network

TRACE = "model.pt2"
INPUT = "input"


@dataclass(frozen=True, slots=True)
class Source:
    """A traced network, float32: what every format starts from.

    Attributes:
        spec: The model as it was built.
        preprocess: How a photo becomes its input.
        labels: Names of its classes in order; empty if they aren't known.
        files: Names of the files written.
    """

    spec: ModelSpec
    preprocess: Preprocess
    labels: tuple[str, ...]
    files: tuple[str, ...]


def load(request: ModelRequest, workdir: Path) -> Source:
    """Build the model, give it weights and a head, fuse it and trace it into `workdir`.

    Raises:
        UsageError: There is no such model, or it can't be built as asked.
        MissingDependency: Its library is not installed.
        DataError: Its weights can't be had, read, or made to fit.
        ToolError: torch can't trace it, or the trace computes something else.
    """
    catalog.check(request)
    family, backbone = catalog.resolve(request.name)
    FAMILIES.get(family)  # where its library is missing, this says how to install it
    from edgekit.models import network, tracing

    net = network.build(request, family, backbone)
    path = workdir / TRACE
    task = DETECTIONS if request.nms else request.head
    pair = TASKS.get(task).paired
    batch = tracing.trace(net.module, net.preprocess.size, request.batch, path, pair)
    spec = _spec(request, (family, backbone), net, batch)
    return Source(spec, net.preprocess, net.labels, (TRACE,))


def learnt(weights: str) -> tuple[str, ...]:
    """What `trained.learnt` gives, for who imports no framework.

    Raises:
        DataError: The file can't be read.
    """
    FAMILIES.get("toy")  # needs torch and nothing else
    from edgekit.models import trained

    return trained.learnt(weights)


def reference(path: Path, images: Any) -> tuple[Any, ...]:
    """What the traced network at `path` gives for `images`.

    Args:
        path: The `.pt2` file.
        images: Array of inputs, (N, 3, H, W), float32.

    Returns:
        An array for each output, (N, ...).

    Raises:
        MissingDependency: torch is not installed.
        DataError: The file can't be read.
    """
    FAMILIES.get("toy")  # needs torch and nothing else
    from edgekit.models import tracing

    return tracing.run(path, images)


def _spec(
    request: ModelRequest, chosen: tuple[str, str], net: Network, batch: int | None
) -> ModelSpec:
    height, width = net.preprocess.size
    outputs = zip(net.names, net.shapes, net.dtypes, strict=True)
    return ModelSpec(
        name=request.name,
        family=chosen[0],
        backbone=chosen[1],
        head=request.head,
        classes=net.classes,
        inputs=(TensorSpec(INPUT, (batch, 3, height, width), "float32", "NCHW"),),
        outputs=tuple(
            TensorSpec(name, (batch, *shape), dtype, "NC" if len(shape) == 1 else "")
            for name, shape, dtype in outputs
        ),
        weights=net.weights,
        seed=request.seed,
        parameters=net.parameters,
        neck=net.neck,
        nms=request.nms,
    )
