"""A network ready to be traced: built from a seed, with weights, neck and head, fused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from edgekit.errors import ToolError, UsageError
from edgekit.models import FAMILIES, HEADS, Head, dense, loading, trained
from edgekit.models.catalog import RANDOM
from edgekit.models.fusion import fuse, outputs_of
from edgekit.models.tracing import example
from edgekit.records import ModelRequest, Preprocess, Weights
from edgekit.tasks import TASKS

# What networks raise where they can't take an input of some size.
MISFITS = (RuntimeError, ValueError, AssertionError, TypeError, IndexError)


@dataclass(frozen=True, slots=True)
class Network:
    """A network in eval mode.

    Attributes:
        module: The network and its head.
        preprocess: How a photo becomes its input.
        labels: Names of its classes in order; empty if they aren't known.
        weights: Where its weights came from.
        shapes: Shape of each output for one sample, without the batch.
        dtypes: NumPy's name of the element type of each output.
        names: Name of each output.
        classes: Number of its classes; 0 for none.
        neck: Name of its neck; empty if it has none.
        folded: Whether its norms are folded and its branches merged.
        new: Names of the parameters of neck and head; empty for a flat head.
    """

    module: nn.Module
    preprocess: Preprocess
    labels: tuple[str, ...]
    weights: Weights
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...]
    names: tuple[str, ...]
    classes: int
    neck: str = ""
    folded: bool = False
    new: tuple[str, ...] = ()

    @property
    def features(self) -> int:
        """Values of the first output for one sample, along its last axis."""
        return self.shapes[0][-1]

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return sum(parameter.numel() for parameter in self.module.parameters())


def build(request: ModelRequest, family: str, backbone: str) -> Network:
    """Build what `request` asks for.

    Args:
        request: The model, its weights, its neck and its head.
        family: Name of the family.
        backbone: The family's exact name.

    Raises:
        UsageError: The backbone can't be built as asked.
        DataError: Its weights can't be had, read, or made to fit.
        ToolError: Fusing changed what it computes.
    """
    made = unfused(request, family, backbone)
    size = made.preprocess.size
    module = made.module.requires_grad_(requires_grad=False)
    fused = fuse(module, example(size), TASKS.get(request.head).paired)
    if not request.nms:
        return replace(made, module=fused, folded=True)
    module, names = dense.finished(fused, request, size)
    shapes, dtypes = _specs(_run(module, example(size), backbone))
    return replace(made, module=module, names=names, shapes=shapes, dtypes=dtypes, folded=True)


def unfused(request: ModelRequest, family: str, backbone: str) -> Network:
    """The same before fusion, as it is trained: each norm and branch by itself.

    Arguments and errors are those of `build`.
    """
    request, known = trained.completed(request, family, backbone)
    head = HEADS.get(request.head)
    asked = replace(request, weights=RANDOM) if known and known.folded else request
    if dense.is_dense(request, head, family):
        made = _dense(asked, family, backbone)
    else:
        made = _flat(asked, head, family, backbone)
    if known is None:
        return made
    module, weights = made.module, made.weights
    if known.folded:
        pair = TASKS.get(request.head).paired
        module = fuse(module, example(made.preprocess.size), pair)
        weights = loading.exactly(module, Path(request.weights))
    return replace(
        made,
        module=module,
        weights=replace(weights, trained=known.origin),
        labels=known.names,
        folded=known.folded,
    )


def _flat(request: ModelRequest, head: Head, family: str, backbone: str) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(request.seed)
        net = FAMILIES.get(family).build(
            backbone, classes=request.classes, embed=head.embed, input_size=request.input_size
        )
    weights = loading.load(net.module, family, backbone, request)
    module = head.attach(net.module).eval()
    image = example(net.preprocess.size)
    outputs = _run(module, image, backbone)
    if len(outputs) != 1 or outputs[0].ndim != 2:  # noqa: PLR2004 -- samples, values
        message = f"{backbone} gives no single vector a sample"
        raise ToolError(message, hint="take a classification model: edgekit models")
    features = int(outputs[0].shape[1])
    # Only weights that were trained with those classes give scores those names.
    named = weights.source.startswith(loading.PRETRAINED_SOURCES) and features == len(net.labels)
    return Network(
        module,
        net.preprocess,
        net.labels if named else (),
        weights,
        *_specs(outputs),
        names=head.outputs,
        classes=0 if head.embed else features,
    )


def head_names(request: ModelRequest, family: str, backbone: str) -> tuple[str, ...]:
    """Names of the parameters of a classifier: those that its backbone has not without it."""
    heads = [
        FAMILIES.get(family).build(
            backbone, classes=request.classes, embed=embed, input_size=request.input_size
        )
        for embed in (True, False)
    ]
    body, whole = ([name for name, _ in net.module.named_parameters()] for net in heads)
    return tuple(name for name in whole if name not in set(body))


def _dense(request: ModelRequest, family: str, backbone: str) -> Network:
    built = dense.build(request, family, backbone)
    image = example(built.preprocess.size)
    return Network(
        built.module,
        built.preprocess,
        built.labels,
        built.weights,
        *_specs(_run(built.module, image, backbone)),
        names=built.names,
        classes=built.classes,
        neck=built.neck,
        new=built.new,
    )


def _specs(
    outputs: tuple[torch.Tensor, ...],
) -> tuple[tuple[tuple[int, ...], ...], tuple[str, ...]]:
    shapes = tuple(tuple(map(int, output.shape[1:])) for output in outputs)
    return shapes, tuple(str(output.dtype).removeprefix("torch.") for output in outputs)


def _run(module: nn.Module, image: torch.Tensor, backbone: str) -> tuple[torch.Tensor, ...]:
    """Outputs of one run, which shows whether the input fits."""
    try:
        with torch.no_grad():
            return outputs_of(module(image))
    except MISFITS as error:
        size = "x".join(map(str, image.shape[2:]))
        message = f"{backbone} can't take an input of {size} pixels: {error}"
        raise UsageError(message, hint="leave --input-size out for the model's own") from error
