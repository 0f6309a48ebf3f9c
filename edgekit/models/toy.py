"""Tiny networks with the shapes of real ones, to try every step in seconds.

They have no pretrained weights: their scores mean nothing.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable

import torch
from torch import nn

from edgekit.errors import UsageError
from edgekit.models import Hub, Maps, Net
from edgekit.records import Preprocess

INPUT_SIZE = 32
CLASSES = 10
# Two convolutions with stride 2 leave one value of each 4 x 4 pixels.
LEAST_INPUT = 4
STEM, WIDTH, FEATURES = 16, 24, 48
BALANCED = 64  # images


def _conv(inputs: int, outputs: int, size: int, *, stride: int = 1, groups: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(),
    )


class Inverted(nn.Module):
    """MobileNetV2's block: expand, depthwise convolution, project, add."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.expand = _conv(width, 2 * width, 1)
        self.depthwise = _conv(2 * width, 2 * width, 3, groups=2 * width)
        self.project = nn.Conv2d(2 * width, width, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """The block's output, as wide and as large as its input."""
        out: torch.Tensor = self.norm(self.project(self.depthwise(self.expand(image))))
        return image + out


class Branches(nn.Module):
    """RepVGG's block: parallel convolutions in training, one convolution afterwards."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.wide: nn.Module = nn.Conv2d(width, width, 3, padding=1)
        self.point: nn.Conv2d | None = nn.Conv2d(width, width, 1)
        self.act = nn.ReLU6()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """The block's output, as wide and as large as its input."""
        out = self.wide(image)
        if self.point is not None:
            out = out + self.point(image) + image
        activated: torch.Tensor = self.act(out)
        return activated

    def reparameterize(self) -> None:
        """Turn the three branches into one convolution with the same result."""
        if self.point is None or not isinstance(self.wide, nn.Conv2d):
            return
        with torch.no_grad():
            centre = self.wide.weight[:, :, 1, 1]
            centre += self.point.weight[:, :, 0, 0] + torch.eye(len(centre), device=centre.device)
            self.wide.bias += self.point.bias
        self.point = None


class Toy(nn.Module):
    """Stem, depthwise separable convolution, a block, pooling and a classifier."""

    def __init__(self, block: Callable[[int], nn.Module], classes: int, *, embed: bool) -> None:
        super().__init__()
        self.stem = _conv(3, STEM, 3, stride=2)
        self.depthwise = _conv(STEM, STEM, 3, stride=2, groups=STEM)
        self.pointwise = _conv(STEM, WIDTH, 1)
        self.block = block(WIDTH)
        self.last = _conv(WIDTH, FEATURES, 1)
        self.classifier = nn.Identity() if embed else nn.Linear(FEATURES, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Scores of the classes, or pooled features."""
        out: torch.Tensor = self.classifier(self.map(image).mean((2, 3)))
        return out

    def map(self, image: torch.Tensor) -> torch.Tensor:
        """The last map, at stride `LEAST_INPUT`."""
        image = self.pointwise(self.depthwise(self.stem(image)))
        out: torch.Tensor = self.last(self.block(image))
        return out


class ToyMap(nn.Module):
    """A toy network for its last map alone.

    Args:
        net: The network.
    """

    def __init__(self, net: Toy) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """The one map."""
        return [self.net.map(image)]


def _spread(module: nn.Module) -> None:
    """Draw weights that keep the signal's size, and norm statistics as training leaves them."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight)
        elif isinstance(part, nn.Linear):
            nn.init.normal_(part.weight)
        elif isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean, std=0.1)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
            nn.init.uniform_(part.weight, 0.5, 1.5)


def _balance(module: Toy) -> None:
    """Set the classifier's bias so that no class wins for every image, as training would."""
    colours = torch.randn(BALANCED, 3, 1, 1)
    images = colours + 0.3 * torch.randn(BALANCED, 3, INPUT_SIZE, INPUT_SIZE)
    with torch.no_grad():
        # Rounded, since the last bits of a mean depend on the machine.
        module.classifier.bias -= module.eval()(images).mean(0).round(decimals=2)


def _preprocess(size: int) -> Preprocess:
    half, edges = (0.5, 0.5, 0.5), (size, size)
    return Preprocess(edges, edges, "center", "bilinear", half, half)


class ToyFamily:
    """The toy networks."""

    blocks: dict[str, Callable[[int], nn.Module]] = {"toy": Inverted, "toy-rep": Branches}  # noqa: RUF012 -- never changed

    def names(self, pattern: str) -> list[str]:
        """Exact names that match a shell pattern, sorted."""
        return sorted(fnmatch.filter(self.blocks, pattern))

    def build(
        self, backbone: str, *, classes: int | None, embed: bool, input_size: int | None
    ) -> Net:
        """Build `backbone` with random weights."""
        size = input_size or INPUT_SIZE
        if size < LEAST_INPUT:
            message = f"{backbone} needs an input of {LEAST_INPUT} pixels or more, not {size}"
            raise UsageError(message, hint=f"leave --input-size out: its own is {INPUT_SIZE}")
        module = Toy(self.blocks[backbone], classes or CLASSES, embed=embed)
        _spread(module)
        if not embed:
            _balance(module)
        return Net(module, _preprocess(size), ())

    def maps(self, backbone: str, *, input_size: int | None) -> Maps:
        """Build `backbone` with random weights, for its one map."""
        net = self.build(backbone, classes=None, embed=True, input_size=input_size)
        return Maps(ToyMap(net.module), (LEAST_INPUT,), (FEATURES,), net.preprocess)

    def hub(self, backbone: str) -> Hub | None:  # noqa: ARG002 -- the protocol's signature
        """None: nobody trained them."""
        return None


FAMILY = ToyFamily()
