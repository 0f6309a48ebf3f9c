"""Backbones with necks and dense heads: what is built, what is refused, and their checkpoints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from edgekit.errors import DataError, UsageError
from edgekit.measure.closeness import closeness
from edgekit.models import FAMILIES, HEADS, assemble, catalog, dense, network
from edgekit.models.features import STRIDES, Pyramid
from edgekit.records import ModelRequest

SIZE = 64
PLACES = 8 * 8 + 4 * 4 + 2 * 2
SHAPES = {
    "segment": [("logits", (None, 3, SIZE, SIZE))],
    "segment-fpn": [("logits", (None, 3, SIZE, SIZE))],
    "detect": [("boxes", (None, PLACES, 4)), ("scores", (None, PLACES, 3))],
}


def request(head: str, name: str = "toy", **more) -> ModelRequest:
    settings = {"weights": "random", "input_size": SIZE, "classes": 3, **more}
    return ModelRequest(name, head=head, **settings)


@pytest.mark.parametrize("head", SHAPES)
def test_the_trace_gives_what_the_network_gives_in_every_output(tmp_path: Path, head: str):
    spec = assemble.load(request(head), tmp_path).spec
    assert [(one.name, one.shape) for one in spec.outputs] == SHAPES[head]
    assert (spec.classes, spec.head, spec.task) == (3, head, head)
    assert spec.neck == {"segment": "", "segment-fpn": "fpn", "detect": "pan"}[head]
    images = np.random.default_rng(0).normal(size=(3, 3, SIZE, SIZE)).astype(np.float32)
    with torch.no_grad():
        expected = dense.build(request(head), "toy", "toy").module(torch.from_numpy(images))
    for found, wanted in zip(
        assemble.reference(tmp_path / "model.pt2", images), expected, strict=True
    ):
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("head", SHAPES)
def test_every_parameter_is_read(head: str):
    module = dense.build(request(head), "toy", "toy").module.train().requires_grad_()
    outputs = module(torch.randn(2, 3, SIZE, SIZE))
    sum(output.square().mean() for output in outputs).backward()
    assert [name for name, one in module.named_parameters() if one.grad is None] == []


@pytest.mark.parametrize(
    ("asked", "shapes"),
    [
        (request("detect", nms=True), [(84, 4), (84,), (84,)]),
        (request("detect-rcnn"), [(100, 3, 4), (100, 3)]),
    ],
)
def test_a_trace_with_nms_in_it_takes_any_batch(tmp_path: Path, asked, shapes):
    spec = assemble.load(asked, tmp_path).spec
    most = min(100, PLACES * 3) if asked.nms else 100
    assert [one.shape[1:] for one in spec.outputs] == [(most, *one[1:]) for one in shapes]
    assert spec.task == ("detections" if asked.nms else "detect-rcnn")
    images = np.random.default_rng(0).normal(size=(3, 3, SIZE, SIZE)).astype(np.float32)
    module = network.build(asked, "toy", "toy").module
    with torch.no_grad():
        expected = [output.numpy() for output in module(torch.from_numpy(images))]
    found = assemble.reference(tmp_path / "model.pt2", images)
    near = closeness(found, expected, spec.task, (SIZE, SIZE))
    assert near.sqnr_db is None or near.sqnr_db > 60
    assert near.agreement > 0.9


@pytest.mark.parametrize(
    ("family", "backbone"),
    [
        ("toy", "toy"),
        ("timm", "mobilenetv3_small_050"),
        ("timm", "test_vit"),
        ("timm", "levit_128s"),
    ],
)
def test_any_backbone_gives_maps_at_the_three_strides(family: str, backbone: str):
    maps = FAMILIES.get(family).maps(backbone, input_size=96)
    pyramid = Pyramid(maps).eval()
    with torch.no_grad():
        found = pyramid(torch.zeros(1, 3, 96, 96))
    assert [tuple(one.shape[1:]) for one in found] == [
        (channels, 96 // stride, 96 // stride)
        for channels, stride in zip(pyramid.channels, STRIDES, strict=True)
    ]


def test_maps_keep_the_names_of_the_whole_backbone():
    family = FAMILIES.get("timm")
    whole = family.build("mobilenetv3_small_050", classes=None, embed=False, input_size=None)
    maps = family.maps("mobilenetv3_small_050", input_size=None)
    assert maps.module.net.state_dict().keys() < whole.module.state_dict().keys()


def test_the_whole_photo_is_looked_at():
    preprocess = network.build(request("detect"), "toy", "toy").preprocess
    assert (preprocess.mode, preprocess.resize, preprocess.size) == ("squash", *[(SIZE, SIZE)] * 2)


@pytest.mark.parametrize(
    ("asked", "words", "mend"),
    [
        (request("segment-fpn", neck="none"), "can't stand on the neck 'none'", "fpn, pan"),
        (request("classify", neck="pan"), "can't stand on the neck 'pan'", "heads that can"),
        (request("detect", input_size=100), "100x100", "--input-size 96"),
        (request("segment", classes=1), "2 classes", "background"),
        (request("detect", name="resnet18"), "gives no maps", "timm"),
        (request("detect-ssd"), "torchvision's own SSD", "--head detect"),
    ],
)
def test_what_a_backbone_cannot_serve_is_refused_with_what_it_can(asked, words: str, mend: str):
    family = {"resnet18": "torchvision"}.get(asked.name, "toy")
    with pytest.raises(UsageError) as caught:
        network.build(asked, family, asked.name)
    assert words in str(caught.value)
    assert mend in caught.value.hint


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (request("segment", nms=True), "gives none"),
        (request("embed"), "has no classes"),
        (request("detect", neck="bifpn"), "no neck named"),
        (request("detect", name="ssdlite320_mobilenet_v3_large"), "its own head 'detect-ssd'"),
    ],
)
def test_what_no_backbone_can_serve_is_refused_before_anything_is_built(asked, words: str):
    with pytest.raises(UsageError, match=words):
        catalog.check(asked)


def test_a_model_says_its_own_head():
    assert catalog.own_head("mobilenet") == "classify"
    assert catalog.own_head("detectors:ssdlite320_mobilenet_v3_large") == "detect-ssd"
    assert set(catalog.DETECTORS) == set(FAMILIES.get("detectors").names("*"))


def test_a_checkpoint_of_the_whole_network_is_taken(tmp_path: Path):
    trained = dense.build(request("detect", seed=7), "toy", "toy").module
    torch.save(trained.state_dict(), tmp_path / "trained.pth")
    asked = request("detect", weights=str(tmp_path / "trained.pth"))
    found = dense.build(asked, "toy", "toy")
    assert found.weights.source == "file:trained.pth"
    image = torch.ones(1, 3, SIZE, SIZE)
    with torch.no_grad():
        for ours, theirs in zip(found.module(image), trained(image), strict=True):
            torch.testing.assert_close(ours, theirs)


def test_a_checkpoint_of_the_backbone_alone_is_taken(tmp_path: Path):
    whole = FAMILIES.get("toy").build("toy", classes=None, embed=False, input_size=None).module
    torch.save(whole.state_dict(), tmp_path / "backbone.pth")
    asked = request("segment", weights=str(tmp_path / "backbone.pth"))
    found = dense.build(asked, "toy", "toy")
    assert found.weights.source == "file:backbone.pth + random neck and head"
    own = found.module.body.features.backbone.net.state_dict()
    for name, value in own.items():
        torch.testing.assert_close(value, whole.state_dict()[name])


@pytest.mark.parametrize("other", [request("segment"), request("detect", classes=4)])
def test_a_checkpoint_of_another_architecture_is_refused(tmp_path: Path, other: ModelRequest):
    torch.save(dense.build(other, "toy", "toy").module.state_dict(), tmp_path / "other.pth")
    asked = request("detect", weights=str(tmp_path / "other.pth"))
    with pytest.raises(DataError, match=r"does not fit toy with detect") as caught:
        dense.build(asked, "toy", "toy")
    assert "--head" in caught.value.hint


@pytest.mark.parametrize("head", [*SHAPES, "detect-rcnn"])
def test_losses_reach_every_parameter(head: str):
    asked = request(head)
    module = dense.build(asked, "toy", "toy").module.train().requires_grad_()
    images = torch.randn(2, 3, SIZE, SIZE)
    masks = torch.randint(0, 3, (2, SIZE, SIZE))
    boxes = [
        {"boxes": torch.tensor([[4.0, 4.0, 40.0, 40.0]]), "labels": torch.tensor([1])},
        {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)},
    ]
    targets = masks if head.startswith("segment") else boxes
    found = HEADS.get(head).losses(module, images, targets)
    total = sum(found.values())
    assert torch.isfinite(total)
    total.backward()
    without = [name for name, one in module.named_parameters() if one.grad is None]
    # LR-ASPP leaves the middle map out.
    unread = "body.features.resize.1" if head == "segment" else "-"
    assert [name for name in without if not name.startswith(unread)] == []
