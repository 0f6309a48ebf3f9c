"""A network ready to be traced: built from a seed, with weights and a head, fused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from edgekit.errors import ToolError, UsageError
from edgekit.models import FAMILIES, HEADS, loading, trained
from edgekit.models.fusion import fuse
from edgekit.models.tracing import example
from edgekit.records import ModelRequest, Preprocess, Weights

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
        features: Values in its output for one sample.
        folded: Whether its norms are folded and its branches merged.
    """

    module: nn.Module
    preprocess: Preprocess
    labels: tuple[str, ...]
    weights: Weights
    features: int
    folded: bool = False

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return sum(parameter.numel() for parameter in self.module.parameters())


def build(request: ModelRequest, family: str, backbone: str) -> Network:
    """Build what `request` asks for.

    Args:
        request: The model, its weights and its head.
        family: Name of the family.
        backbone: The family's exact name.

    Raises:
        UsageError: The backbone can't be built as asked.
        DataError: Its weights can't be had, read, or made to fit.
        ToolError: Fusing changed what it computes.
    """
    made = unfused(request, family, backbone)
    module = made.module.requires_grad_(requires_grad=False)
    return replace(made, module=fuse(module, example(made.preprocess.size)), folded=True)


def unfused(request: ModelRequest, family: str, backbone: str) -> Network:
    """The same before fusion, as it is trained: each norm and branch by itself.

    Arguments and errors are those of `build`.
    """
    request, known = trained.completed(request, family, backbone)
    head = HEADS.get(request.head)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(request.seed)
        net = FAMILIES.get(family).build(
            backbone, classes=request.classes, embed=head.embed, input_size=request.input_size
        )
    image = example(net.preprocess.size)
    if known and known.folded:
        module = fuse(head.attach(net.module).eval(), image)
        weights = loading.exactly(module, Path(request.weights))
    else:
        weights = loading.load(net.module, family, backbone, request)
        module = head.attach(net.module).eval()
    features = _features(module, image, backbone)
    if known:
        weights = replace(weights, trained=known.origin)
        return Network(module, net.preprocess, known.names, weights, features, known.folded)
    # Only weights that were trained with those classes give scores those names.
    named = weights.source.startswith(loading.PRETRAINED_SOURCES) and features == len(net.labels)
    labels = net.labels if named else ()
    return Network(module, net.preprocess, labels, weights, features)


def _features(module: nn.Module, image: torch.Tensor, backbone: str) -> int:
    """Length of the output for one sample, from one run that shows whether the input fits."""
    try:
        with torch.no_grad():
            output = module(image)
    except MISFITS as error:
        size = "x".join(map(str, image.shape[2:]))
        message = f"{backbone} can't take an input of {size} pixels: {error}"
        raise UsageError(message, hint="leave --input-size out for the model's own") from error
    if not isinstance(output, torch.Tensor) or output.ndim != 2:  # noqa: PLR2004 -- samples, values
        message = f"{backbone} gives no single vector a sample"
        raise ToolError(message, hint="take a classification model: edgekit models")
    return int(output.shape[1])


def head_names(request: ModelRequest, family: str, backbone: str) -> tuple[str, ...]:
    """Names of the parameters that the backbone doesn't have: those that are new to a task."""
    heads = [
        FAMILIES.get(family).build(
            backbone, classes=request.classes, embed=embed, input_size=request.input_size
        )
        for embed in (True, False)
    ]
    body, whole = ([name for name, _ in net.module.named_parameters()] for net in heads)
    return tuple(name for name in whole if name not in set(body))
