"""Two-stage detection and torchvision's own detectors, against torchvision's own code."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import batched_nms, box_iou

from edgekit.models import FAMILIES, HEADS, Setting, dense
from edgekit.models.heads.finished import Finished
from edgekit.models.heads.rcnn import staying
from edgekit.records import ModelRequest
from edgekit.tasks import TASKS
from edgekit.tasks.distances import places

SIZE = 96


@pytest.fixture(scope="module")
def two_stage():
    request = ModelRequest("toy", "detect-rcnn", 3, "random", SIZE)
    module = dense.build(request, "toy", "toy").module
    with torch.no_grad():  # offsets that move boxes, scores that differ
        module.detector.rpn.head.bbox_pred.weight.mul_(30)
        module.detector.rpn.head.cls_logits.weight.mul_(30)
        module.detector.roi_heads.box_predictor.cls_score.weight.mul_(10)
    return module


@pytest.fixture(scope="module")
def images():
    return torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("edge", [11, 16, 20, 30, 45, 64, 80, 110, 150, 192, 280])
@pytest.mark.parametrize("shape", [0.5, 1.0, 2.0])
def test_an_anchor_covers_half_of_an_object_of_any_size(edge, shape):
    request = ModelRequest("toy", "detect-rcnn", 3, "random", 320)
    anchors = dense.build(request, "toy", "toy").module.anchors
    height = edge * shape**0.5
    width = edge / shape**0.5
    middle = torch.tensor([160.0, 160.0]).repeat(2)
    box = middle + torch.tensor([-width, -height, width, height]) / 2
    assert box_iou(anchors, box[None]).max() >= 0.45


def test_the_second_stage_learns_from_few_boxes_of_an_image(two_stage, images):
    seen = []
    module = copy.deepcopy(two_stage).train()
    head = module.detector.roi_heads.box_head
    head.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    target = {"boxes": torch.tensor([[8.0, 8.0, 40.0, 40.0]]), "labels": torch.tensor([1])}
    HEADS.get("detect-rcnn").losses(module, images, [target] * 2)
    assert 0 < seen[0] <= 2 * 64


def test_two_stages_find_what_torchvision_finds(two_stage, images):
    with torch.no_grad():
        expected = two_stage.detector(list(images))
        raw = [output.numpy() for output in two_stage(images)]
    found = TASKS.get("detect-rcnn").decode(raw, (SIZE, SIZE))
    for ours, theirs in zip(found, expected, strict=True):
        assert len(ours) == len(theirs["scores"]) > 0
        np.testing.assert_allclose(ours.scores, theirs["scores"].numpy(), atol=1e-5)
        np.testing.assert_array_equal(ours.classes, theirs["labels"].numpy() - 1)
        np.testing.assert_allclose(ours.boxes, theirs["boxes"].numpy(), atol=1e-3)


@pytest.mark.filterwarnings("ignore:`create_unbacked_symint`:FutureWarning")
def test_two_stages_run_where_their_weights_are():
    """On a GPU, whose tensors have shapes alone here: all must be made on the same device."""
    request = ModelRequest("toy", "detect-rcnn", 3, "random", SIZE)
    module = dense.build(request, "toy", "toy").module
    with FakeTensorMode(allow_non_fake_inputs=True, shape_env=ShapeEnv()):
        for part in module.modules():
            for name, value in part.named_parameters(recurse=False):
                fake = torch.empty(value.shape, device="cuda")
                part.register_parameter(name, torch.nn.Parameter(fake, requires_grad=False))
            for name, value in part.named_buffers(recurse=False):
                part.register_buffer(name, torch.empty(value.shape, device="cuda"))
        boxes, scores = module(torch.empty(2, 3, SIZE, SIZE, device="cuda"))
    assert (boxes.device.type, scores.device.type) == ("cuda", "cuda")


def test_an_image_gives_the_same_alone_and_beside_others(two_stage, images):
    with torch.no_grad():
        together, alone = two_stage(images), two_stage(images[1:])
    for both, one in zip(together, alone, strict=True):
        torch.testing.assert_close(both[1:], one, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_one_suppression_for_all_images_is_one_for_each(seed: int):
    generator = torch.Generator().manual_seed(seed)
    starts = torch.randint(0, 40, (3, 50, 2), generator=generator).float()
    ends = starts + torch.randint(1, 30, (3, 50, 2), generator=generator)
    boxes, scores = torch.cat([starts, ends], dim=-1), torch.rand(3, 50, generator=generator)
    groups = torch.randint(0, 4, (3, 50), generator=generator)
    found = staying(boxes, scores, groups.float(), 0.5)
    for index in range(3):
        kept = batched_nms(boxes[index], scores[index], groups[index], 0.5)
        assert sorted(kept.tolist()) == torch.nonzero(found[index]).flatten().tolist()


class Given(torch.nn.Module):
    """A detector that finds what it was told."""

    def __init__(self, *outputs: torch.Tensor) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.outputs


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["distances", "a box for all", "a box a class"])
def test_boxes_are_the_same_in_the_file_and_behind_it(seed: int, kind: str):
    rng = np.random.default_rng(seed)
    count = len(places((SIZE, SIZE))[0])
    in_strides = kind == "distances"
    if in_strides:
        boxes, scores = rng.uniform(0, 3, (2, count, 4)), rng.normal(-2, 2, (2, count, 3))
    else:
        own = (3,) if kind == "a box a class" else ()
        starts = rng.uniform(0, SIZE - 9, (2, count, *own, 2))
        boxes = np.concatenate([starts, starts + rng.uniform(1, 40, starts.shape)], axis=-1)
        scores = rng.uniform(0, 1, (2, count, 3))
    raw = [boxes.astype(np.float32), scores.astype(np.float32)]
    task = TASKS.get("detect" if in_strides else "detect-rcnn")
    module = Finished(Given(*map(torch.from_numpy, raw)), (SIZE, SIZE), in_strides=in_strides)
    outputs = [output.numpy() for output in module(torch.zeros(2, 3, SIZE, SIZE))]
    inside = TASKS.get("detections").decode(outputs, (SIZE, SIZE))
    for ours, theirs in zip(inside, task.decode(raw, (SIZE, SIZE)), strict=True):
        np.testing.assert_array_equal(ours.classes, theirs.classes)
        np.testing.assert_allclose(ours.scores, theirs.scores, rtol=1e-5)
        np.testing.assert_allclose(ours.boxes, theirs.boxes, atol=1e-3)


def test_ssdlite_gives_torchvisions_boxes_and_scores():
    net = FAMILIES.get("detectors").build(
        "ssdlite320_mobilenet_v3_large", classes=5, embed=False, input_size=160
    )
    assert (net.preprocess.size, net.preprocess.mean) == ((160, 160), (0.5, 0.5, 0.5))
    module = HEADS.get("detect-ssd").attach(net.module, Setting((), (), 5, (160, 160))).eval()
    image = torch.randn(1, 3, 160, 160)
    with torch.no_grad():
        boxes, scores = module(image)
        maps = list(net.module.backbone(image).values())
        raw = net.module.head(maps)
        (anchors,) = net.module.anchor_generator(ImageList(image, [(160, 160)]), maps)
        expected = net.module.box_coder.decode_single(raw["bbox_regression"][0], anchors)
    torch.testing.assert_close(boxes[0], expected, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(scores, raw["cls_logits"].softmax(-1)[..., 1:])


def test_a_checkpoint_of_a_whole_detector_is_taken_as_trained_here_or_by_torchvision(tmp_path):
    name = "ssdlite320_mobilenet_v3_large"
    asked = ModelRequest(name, "detect-ssd", 5, "random", 96)
    trained = dense.build(asked, "detectors", name).module
    states = {"here.pth": trained.state_dict(), "there.pth": trained.detector.state_dict()}
    for file, state in states.items():
        torch.save(state, tmp_path / file)
        found = dense.build(
            replace(asked, weights=str(tmp_path / file), seed=1), "detectors", name
        )
        assert found.weights.source == f"file:{file}"
        for key, value in found.module.state_dict().items():
            torch.testing.assert_close(value, trained.state_dict()[key])


def test_faster_rcnn_by_name_finds_what_torchvision_finds():
    torch.manual_seed(0)
    net = FAMILIES.get("detectors").build(
        "fasterrcnn_mobilenet_v3_large_320_fpn", classes=4, embed=False, input_size=128
    )
    module = HEADS.get("detect-rcnn").attach(net.module, Setting((), (), 4, (128, 128))).eval()
    image = torch.rand(1, 3, 128, 128)
    # Without trained weights nothing of an image is left in its maps.
    maps = {name: torch.randn_like(one) for name, one in net.module.backbone(image).items()}
    with torch.no_grad():
        for layer in (net.module.rpn.head.bbox_pred, net.module.rpn.head.cls_logits):
            layer.weight.mul_(5)
        found, _ = module.propose(list(maps.values()))
        (expected,), _ = net.module.rpn(ImageList(image, [(128, 128)]), maps)
        pooled = module.pool(maps, found)
        wanted = net.module.roi_heads.box_roi_pool(maps, [found[0]], [(128, 128)])
    torch.testing.assert_close(found[0, : len(expected)], expected, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(pooled, wanted, rtol=1e-4, atol=1e-4)
