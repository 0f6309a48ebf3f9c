import pytest
import timm
import torch
from timm.layers import BatchNormAct2d
from torch import nn

from edgekit.errors import ToolError
from edgekit.models import FAMILIES, catalog, fusion
from edgekit.models.fusion import fuse
from edgekit.models.tracing import example

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
# The last norm of EfficientFormerV2 follows a sum.
LEFT = {"efficientformer": 1}
QUICK = {"toy", "mobilenet"}
cases = [
    pytest.param(model, id=model.name, marks=() if model.name in QUICK else pytest.mark.slow)
    for model in catalog.MODELS
]


def spread(module: nn.Module) -> nn.Module:
    """Statistics as after training, so that a norm that is dropped or misplaced shows."""
    generator = torch.Generator().manual_seed(0)
    for norm in module.modules():
        if isinstance(norm, NORMS):
            norm.running_mean.normal_(0, 0.1, generator=generator)
            norm.running_var.uniform_(0.5, 1.5, generator=generator)
            nn.init.uniform_(norm.weight, 0.5, 1.5, generator=generator)
    return module.eval()


def norms(module: nn.Module) -> int:
    return sum(isinstance(part, NORMS) for part in module.modules())


def equal(module: nn.Module, fused: nn.Module, image: torch.Tensor) -> bool:
    with torch.no_grad():
        before, after = module(image), fused(image)
    return bool((after - before).norm() <= 1e-4 * before.norm())


@pytest.mark.parametrize("model", cases)
def test_no_norm_remains_and_outputs_are_equal(model):
    net = FAMILIES.get(model.family).build(
        model.backbone, classes=None, embed=False, input_size=None
    )
    module = spread(net.module)
    fused = fuse(module, example(net.preprocess.size))
    assert norms(fused) == LEFT.get(model.name, 0)
    assert equal(module, fused, example(net.preprocess.size, seed=1))


def test_the_given_network_stays_as_it_was():
    module = timm.create_model("mobilenetv3_small_050").eval()
    count = norms(module)
    fuse(module, example((64, 64)))
    assert norms(module) == count > 0


def test_branches_become_one_convolution():
    net = FAMILIES.get("toy").build("toy-rep", classes=None, embed=False, input_size=None)
    module = net.module.eval()
    fused = fuse(module, example((32, 32)))
    assert len([m for m in fused.modules() if isinstance(m, nn.Conv2d)]) == (
        len([m for m in module.modules() if isinstance(m, nn.Conv2d)]) - 1
    )
    assert equal(module, fused, example((32, 32), seed=1))


def test_activation_inside_a_norm_stays():
    module = spread(nn.Sequential(nn.Conv2d(3, 4, 3), BatchNormAct2d(4)))
    fused = fuse(module, example((8, 8)))
    assert norms(fused) == 0
    assert any(isinstance(part, nn.ReLU) for part in fused.modules())
    assert equal(module, fused, example((8, 8), seed=1))


def test_a_linear_layer_takes_its_norm():
    module = spread(nn.Sequential(nn.Flatten(), nn.Linear(48, 5), nn.BatchNorm1d(5)))
    fused = fuse(module, example((4, 4)))
    assert norms(fused) == 0
    assert equal(module, fused, example((4, 4), seed=1))


class Shared(nn.Module):
    """One norm behind two convolutions: it can go into neither."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.norm = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, image):
        return self.norm(self.one(image)) + self.norm(self.two(image))


class Reused(nn.Module):
    """The convolution's output is used beside the norm, as in MaxViT."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, image):
        plain = self.conv(image)
        return plain + self.norm(plain)


class Standardized(nn.Conv2d):
    """Changes its weights on the way in, as timm's StdConv2d does."""

    def forward(self, image):
        return nn.functional.conv2d(image, self.weight / self.weight.std(), self.bias)


@pytest.mark.parametrize(
    "build",
    [
        Shared,
        Reused,
        lambda: nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(inplace=True), nn.BatchNorm2d(4)),
        lambda: nn.Sequential(Standardized(3, 4, 1), nn.BatchNorm2d(4)),
        lambda: nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 1)),
        lambda: nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.BatchNorm2d(4)),
    ],
)
def test_what_can_not_be_folded_is_left(build):
    module = spread(build())
    fused = fuse(module, example((8, 8)))
    assert norms(fused) == 1
    assert equal(module, fused, example((8, 8), seed=1))


def test_a_wrong_fold_is_noticed(monkeypatch):
    monkeypatch.setattr(
        fusion, "_fold", lambda module, _, norm: module.set_submodule(norm, nn.Identity())
    )
    with pytest.raises(ToolError, match="dB SQNR"):
        fuse(spread(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))), example((8, 8)))
