"""What a network costs: counted on tensors without data, so that nothing is computed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from edgekit.models import FAMILIES, HEADS, Net, Setting
from edgekit.models.catalog import DETECTORS
from edgekit.models.fusion import fuse

FLOPS_PER_MAC = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """Size and work of a network as deployed: branches merged, norms folded.

    Attributes:
        parameters: Number of parameters.
        macs: Multiply-accumulate operations of convolutions and matrix products for one sample.
        input_size: Height and width of the input, in pixels.
    """

    parameters: int
    macs: int
    input_size: tuple[int, int]


def measure(family: str, backbone: str) -> Cost:
    """Count `backbone` with its own classifier, at its own input size.

    Raises:
        UsageError: The family can't build it.
    """
    if backbone in DETECTORS:
        return _whole(family, backbone)
    net = _build(family, backbone)
    size = net.preprocess.size
    image = torch.empty((1, 3, *size), device="meta")
    with torch.device("meta"):  # blocks make new layers where they merge their branches
        module: nn.Module = fuse(net.module.eval(), image)
    return _counted(module, image)


def _whole(family: str, backbone: str) -> Cost:
    """A detector with its own head, on real numbers: which boxes it looks at depends on them."""
    net = FAMILIES.get(family).build(backbone, classes=None, embed=False, input_size=None)
    setting = Setting((), (), len(net.labels), net.preprocess.size)
    module = HEADS.get(DETECTORS[backbone].head).attach(net.module, setting).eval()
    return _counted(module, torch.zeros((1, 3, *net.preprocess.size)))


def _counted(module: nn.Module, image: torch.Tensor) -> Cost:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(image)
    parameters = sum(parameter.numel() for parameter in module.parameters())
    height, width = image.shape[2:]
    return Cost(parameters, counter.get_total_flops() // FLOPS_PER_MAC, (height, width))


def _build(family: str, backbone: str) -> Net:
    def build() -> Net:
        return FAMILIES.get(family).build(backbone, classes=None, embed=False, input_size=None)

    try:
        with torch.device("meta"):
            return build()
    except NotImplementedError:  # it reads values while it is built, so give it some
        net = build()
        net.module.to("meta")
        return net
