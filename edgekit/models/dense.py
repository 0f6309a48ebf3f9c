"""Networks with a dense head: a backbone's maps, a neck, a head; or a whole detector."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import nn

from edgekit.errors import UsageError
from edgekit.models import FAMILIES, HEADS, NECKS, NO_NECK, Head, Setting, loading
from edgekit.models.catalog import DETECTORS
from edgekit.models.features import STRIDES, Pyramid
from edgekit.models.heads.dense import Body
from edgekit.models.heads.finished import OUTPUTS, Finished
from edgekit.records import ModelRequest, Preprocess, Weights

# What a head is built for that nothing was said to: as many kinds as Pascal VOC has.
CLASSES = 20
LEAST_CLASSES = {"segment": 2, "segment-fpn": 2}


@dataclass(frozen=True, slots=True)
class Built:
    """A network with weights, in eval mode, not fused.

    Attributes:
        module: The network.
        preprocess: How a photo becomes its input.
        labels: Names of its classes in order; empty if they aren't known.
        weights: Where its weights came from.
        names: Name of each raw output.
        classes: Number of classes.
        neck: Name of its neck; empty if it has none.
        new: Names of the parameters of neck and head.
    """

    module: nn.Module
    preprocess: Preprocess
    labels: tuple[str, ...]
    weights: Weights
    names: tuple[str, ...]
    classes: int
    neck: str
    new: tuple[str, ...] = ()


def is_dense(request: ModelRequest, head: Head, family: str) -> bool:
    """Whether `request` is for maps, or for a whole detector."""
    _check_neck(request, head)
    return bool(head.necks) or family == "detectors" or request.head == "detect-ssd"


def build(request: ModelRequest, family: str, backbone: str) -> Built:
    """Build what `request` asks for, and put weights in.

    Raises:
        UsageError: The backbone can't serve the head, or not at that size.
        DataError: Its weights can't be had, read, or made to fit.
    """
    head = HEADS.get(request.head)
    if backbone in DETECTORS:
        return _whole(request, head, family, backbone)
    neck = request.neck or (head.necks[0] if head.necks else "")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(request.seed)
        maps = FAMILIES.get(family).maps(backbone, input_size=request.input_size)
        size = maps.preprocess.size
        _check_size(size)
        pyramid = Pyramid(maps)
        classes = CLASSES if request.classes is None else request.classes
        _check_classes(request.head, classes)
        channels = pyramid.channels
        joined: nn.Module = nn.Identity()
        if neck != NO_NECK and neck:
            joined = NECKS.get(neck).build(channels)
            channels = (NECKS.get(neck).width,) * len(STRIDES)
        setting = Setting(channels, STRIDES, classes, size)
        module = head.attach(Body(pyramid, joined), setting)
    weights = loading.load_dense(module, maps.module.net, family, backbone, request)
    module.eval().requires_grad_(requires_grad=False)
    # The whole image, to its very edges: what stands there is looked for too.
    preprocess = replace(maps.preprocess, resize=size, mode="squash")
    named = "" if neck == NO_NECK else neck
    own = {id(each) for each in maps.module.net.parameters()}
    new = tuple(name for name, each in module.named_parameters() if id(each) not in own)
    return Built(module, preprocess, (), weights, head.outputs, classes, named, new)


def finished(
    module: nn.Module, request: ModelRequest, size: tuple[int, int]
) -> tuple[nn.Module, tuple[str, ...]]:
    """`module` with decode and suppression of duplicates behind it, and its outputs' names."""
    in_strides = request.head == "detect"
    return Finished(module, size, in_strides=in_strides).eval(), OUTPUTS


def _whole(request: ModelRequest, head: Head, family: str, backbone: str) -> Built:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(request.seed)
        net = FAMILIES.get(family).build(
            backbone, classes=request.classes, embed=False, input_size=request.input_size
        )
    classes = len(net.labels) if request.classes is None else request.classes
    module = head.attach(net.module, Setting((), (), classes, net.preprocess.size))
    # As it was trained here, or as torchvision saves it.
    weights = loading.load_exact(module, request)
    weights = weights or loading.load(net.module, family, backbone, request)
    labels = net.labels if weights.source.startswith(loading.PRETRAINED_SOURCES) else ()
    module.eval().requires_grad_(requires_grad=False)
    return Built(module, net.preprocess, labels, weights, head.outputs, classes, "")


def _check_neck(request: ModelRequest, head: Head) -> None:
    if request.neck and request.neck not in head.necks:
        fitting = [name for name in HEADS.names() if request.neck in HEADS.get(name).necks]
        message = f"the head {request.head!r} can't stand on the neck {request.neck!r}"
        necks = ", ".join(head.necks)
        hint = f"its necks: {necks}" if necks else f"heads that can: {', '.join(fitting)}"
        raise UsageError(message, hint=hint)


def _check_size(size: tuple[int, int]) -> None:
    coarsest = STRIDES[-1]
    if any(edge % coarsest or not edge for edge in size):
        near = max(coarsest, round(size[0] / coarsest) * coarsest)
        raise UsageError(
            f"an input of {size[0]}x{size[1]} pixels doesn't divide into maps of strides 8 to 32",
            hint=f"give a multiple of {coarsest}: --input-size {near}",
        )


def _check_classes(head: str, classes: int) -> None:
    least = LEAST_CLASSES.get(head, 1)
    if classes < least:
        raise UsageError(
            f"{head} tells {least} classes apart at least, not {classes}",
            hint="count the background as a class of its own: --classes 2",
        )
