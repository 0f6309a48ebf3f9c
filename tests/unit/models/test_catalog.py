import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.errors import UsageError
from edgekit.models import HEADS, catalog, macs, network
from edgekit.records import ModelRequest

QUICK = {"toy", "mobilenet"}
cases = [
    pytest.param(model, id=model.name, marks=() if model.name in QUICK else pytest.mark.slow)
    for model in catalog.MODELS
]


@pytest.mark.parametrize("model", cases)
def test_the_table_holds_what_is_measured(model):
    cost = macs.measure(model.family, model.backbone)
    assert (cost.parameters, cost.macs) == (model.parameters, model.macs)
    assert cost.input_size == (model.input_size, model.input_size)


@pytest.mark.parametrize("name", ["toy", "resnet18", "torchvision:resnet18"])
def test_the_heads_that_are_listed_are_those_that_can_be_had(name):
    family, backbone = catalog.resolve(name)
    listed = catalog.heads_of(family, backbone)
    assert set(listed) <= set(HEADS.names())
    for head in HEADS.names():
        classes = None if head == "embed" else 3
        asked = ModelRequest(name, head, classes, "random", input_size=64)
        if head in listed:
            assert network.unfused(asked, family, backbone).names
        else:
            with pytest.raises(UsageError):
                network.unfused(asked, family, backbone)


@pytest.mark.parametrize("name", ["ssdlite320_mobilenet_v3_large"])
def test_a_whole_detector_has_one_head(name):
    assert catalog.heads_of("detectors", name) == (catalog.own_head(name),)


def test_known_numbers_of_a_known_network():
    # torchvision's own table says 1.81 GFLOPS (multiply-adds) for ResNet-18.
    cost = macs.measure("torchvision", "resnet18")
    assert cost.macs == pytest.approx(1.81e9, rel=0.005)
    # 11,689,512 as trained; each of its 20 norms then loses a scale for each of 4800 channels.
    assert cost.parameters == 11_689_512 - 4800


def test_short_names_resolve_without_any_framework():
    program = (
        "import sys; from edgekit.models import catalog, weights, assemble;"
        "from edgekit.records import ModelRequest;"
        "[catalog.resolve(name) for name in catalog.short_names()];"
        "weights.weights_key(ModelRequest('efficientnet'));"
        "print({'torch', 'timm', 'torchvision', 'onnx'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("name", "family", "backbone"),
    [
        ("efficientnet", "timm", "tf_efficientnet_lite0"),
        ("resnet50", "timm", "resnet50"),
        ("timm:resnet18.a1_in1k", "timm", "resnet18.a1_in1k"),
        ("torchvision:resnet18", "torchvision", "resnet18"),
        ("mobilenet_v3_small", "torchvision", "mobilenet_v3_small"),
        ("toy-rep", "toy", "toy-rep"),
    ],
)
def test_resolves(name, family, backbone):
    assert catalog.resolve(name) == (family, backbone)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("mobilnet", "mobilenet"),
        ("resnet51", "resnet50"),
        ("torchvision:resnet19", "resnet18"),
        ("zzz", "one of: mobilenet, efficientnet"),
        ("", "one of: mobilenet, efficientnet"),
        ("foo:resnet18", "one of: toy, timm, torchvision"),
        ("*", "one of: mobilenet"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(name, hint):
    with pytest.raises(UsageError) as caught:
        catalog.resolve(name)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        (ModelRequest("toy", classes=0), "--classes 0"),
        (ModelRequest("toy", classes=-3), "--classes -3"),
        (ModelRequest("toy", batch=0), "--batch 0"),
        (ModelRequest("toy", input_size=-1), "--input-size -1"),
        (ModelRequest("toy", seed=-1), "--seed -1"),
        (ModelRequest("toy", head="embd"), "'embd'"),
        (ModelRequest("toy", head="embed", classes=3), "has no classes"),
        (ModelRequest("toy", weights="/no/such/file.pth"), "no such file"),
        (ModelRequest("toy", weights="/tmp"), "no such file"),
        (ModelRequest("toy", weights=""), "no such file"),
    ],
)
def test_impossible_requests_are_refused(request_, word):
    with pytest.raises(UsageError, match=word):
        catalog.check(request_)


def test_possible_requests_pass(tmp_path: Path):
    checkpoint = tmp_path / "w.pth"
    checkpoint.touch()
    catalog.check(ModelRequest("toy", classes=1, input_size=64, weights=str(checkpoint)))
    catalog.check(ModelRequest("toy", head="embed", weights="random"))
