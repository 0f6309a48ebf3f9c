"""What heads learn: pictures and their truth change together, and come back in the picture."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from edgekit.datasets import READERS, shapes
from edgekit.datasets.items import Boxes
from edgekit.records import Preprocess
from edgekit.records.training import Settings
from edgekit.training import Task
from edgekit.training.boxes import BoxAim
from edgekit.training.checkpoints import Checkpoint
from edgekit.training.classes import AIM
from edgekit.training.loop import Loop
from edgekit.training.machine import here
from edgekit.training.masks import MaskAim
from edgekit.training.views import Views, batches
from tests.unit.datasets.pictures import box, coco

SIZE = (64, 64)
SQUASH = Preprocess(SIZE, SIZE, "squash", "bilinear", (0.5,) * 3, (0.5,) * 3)
CROP = Preprocess(SIZE, (80, 80), "center", "bilinear", (0.5,) * 3, (0.5,) * 3)
STRONG = Settings(shift=0.2, zoom=0.3, turn_degrees=20.0, light=0.2, flip=True)


def decode(outputs, size):
    return [
        SimpleNamespace(boxes=b, classes=c, scores=s) for b, c, s in zip(*outputs, strict=True)
    ]


def box_aim():
    return BoxAim(lambda module, images, targets: {"boxes": module(images).sum()}, decode)


def mask_aim():
    return MaskAim(
        lambda module, images, targets: {
            "masks": torch.nn.functional.cross_entropy(
                module(images)[0], targets, ignore_index=255
            )
        },
        lambda outputs, size: list(outputs[0].argmax(axis=1)),
    )


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    root = tmp_path_factory.mktemp("shapes")
    shapes.GENERATOR.write(root, count=16, size=96, seed=5)
    return root / "train"


@pytest.mark.parametrize("preprocess", [SQUASH, CROP])
def test_masks_follow_their_picture_through_every_change(drawn, preprocess):
    # Pictures that are their own masks: what a change does to one it must do to the other.
    dataset = READERS.get("masks").read(drawn)
    aim = mask_aim()
    change = aim.augment(STRONG, SIZE)
    torch.manual_seed(0)
    for index in range(len(dataset)):
        _, mask = dataset[index]
        picture = Image.fromarray(np.repeat((mask * 60)[..., None], 3, axis=2))
        placed, target = aim.place(preprocess, picture, mask)
        image, moved = change(torch.tensor(placed).permute(2, 0, 1), target)
        assert image.shape == (3, *SIZE)
        assert moved.shape == SIZE
        flat = image[0].float()
        for kind in range(4):
            inside = _eroded(moved == kind)
            if inside.sum() > 20:
                values = flat[inside]
                assert float(values.std()) < 0.12 * 60 + 1, (index, kind)


def test_what_a_turn_brings_in_from_nowhere_is_of_no_class():
    change = mask_aim().augment(STRONG, SIZE)
    image, mask = torch.full((3, *SIZE), 200, dtype=torch.uint8), torch.full(SIZE, 3)
    torch.manual_seed(0)
    for _ in range(40):
        changed, moved = change(image, mask.to(torch.uint8))
        assert set(moved.unique().tolist()) <= {3, 255}
        assert bool((moved[changed[0] == 0] == 255).all())


def _eroded(mask):
    """What is far enough from the mask's edge for no filter to reach."""
    field = mask[None, None].float()
    return (1 - torch.nn.functional.max_pool2d(1 - field, 7, stride=1, padding=3))[0, 0] > 0


@pytest.mark.parametrize("preprocess", [SQUASH, CROP])
def test_boxes_follow_their_picture_through_every_change(preprocess):
    aim = box_aim()
    change = aim.augment(STRONG, SIZE)
    torch.manual_seed(1)
    random = np.random.default_rng(0)
    checked = 0
    for _ in range(40):
        corner = random.integers(20, 50, 2)
        picture = np.zeros((100, 120, 3), np.uint8)
        picture[corner[1] : corner[1] + 30, corner[0] : corner[0] + 30] = 200
        boxes = Boxes(np.array([[*corner, *(corner + 30)]], np.float32), np.array([1]))
        placed, target = aim.place(preprocess, Image.fromarray(picture), boxes)
        image, moved = change(torch.tensor(placed).permute(2, 0, 1), target)
        if not len(moved["boxes"]):
            continue
        rows, columns = torch.nonzero(image[0] > 90, as_tuple=True)
        found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert moved["boxes"][0].tolist() == pytest.approx(
            [float(value) for value in found], abs=2.0
        )
        checked += 1
    assert checked > 30


def test_objects_that_leave_the_picture_are_no_objects_any_more(tmp_path):
    dataset = READERS.get("boxes").read(
        coco(tmp_path, [box(1, 1, 0, 0, 1, 2), box(2, 2, 0, 0, 6, 5)])
    )
    narrow = Preprocess(SIZE, (128, 128), "center", "bilinear", (0.5,) * 3, (0.5,) * 3)
    _, target = Views(dataset, narrow, box_aim())[0]
    assert target["boxes"].shape == (0, 4)
    assert target["labels"].shape == (0,)


@pytest.mark.parametrize("preprocess", [SQUASH, CROP])
def test_boxes_of_the_input_come_back_to_the_picture(drawn, preprocess):
    dataset = READERS.get("boxes").read(drawn)
    aim = box_aim()
    views = Views(dataset, preprocess, aim)
    outputs = []
    for _, targets in batches(views, 5, aim.collate, torch.device("cpu")):
        outputs.append(
            [
                [t["boxes"] for t in targets],
                [t["labels"] for t in targets],
                [torch.ones(len(t["labels"])) for t in targets],
            ]
        )
    aim._decode = lambda output, size: decode(
        [[t.numpy() for t in part] for part in raw(output)], size
    )
    store = iter(outputs)

    def raw(_):
        return next(store)

    found = aim.score([[] for _ in outputs], views)
    # What is cut off at the sides is missed, and that is counted.
    assert found.value == pytest.approx(1.0) if preprocess is SQUASH else 0.2 < found.value < 1.0
    assert sum(part.count for part in found.classes) == sum(
        len(dataset[index][1].classes) for index in range(len(dataset))
    )


@pytest.mark.parametrize(("edge", "least"), [(96, 1.0), (192, 1.0), (48, 0.85)])
def test_masks_are_scored_in_pixels_of_the_picture(drawn, edge, least):
    # What the input is too small to show is lost, as for whoever uses the network.
    dataset = READERS.get("masks").read(drawn)
    aim = mask_aim()
    size = (edge, edge)
    views = Views(dataset, replace(SQUASH, size=size, resize=size), aim)
    outputs = [
        [torch.nn.functional.one_hot(targets, 4).permute(0, 3, 1, 2).float()]
        for _, targets in batches(views, 5, aim.collate, torch.device("cpu"))
    ]
    assert least <= aim.score(outputs, views).value <= (1.0 if edge >= 96 else 0.97)
    outputs[0][0][0] = 0
    assert aim.score(outputs, views).worst[0].name == dataset.files[0]


def test_batches_are_what_losses_take(drawn):
    views = Views(
        READERS.get("boxes").read(drawn), SQUASH, box_aim(), box_aim().augment(STRONG, SIZE)
    )
    images, targets = next(iter(batches(views, 4, box_aim().collate, torch.device("cpu"), seed=0)))
    assert images.shape == (4, 3, *SIZE)
    assert [set(each) for each in targets] == [{"boxes", "labels"}] * 4
    losses = box_aim().losses(torch.nn.Flatten(), images, targets)
    assert set(losses) == {"boxes"}


def test_a_picture_that_is_not_augmented_is_the_input_of_evaluation(colours):
    from edgekit import pixels
    from edgekit.datasets import images

    dataset = colours[0]
    view = Views(dataset, CROP, AIM)[0][0]
    expected = pixels.apply(CROP, images.read(dataset.items[0].path))
    np.testing.assert_allclose(view.numpy(), expected, atol=1e-6)


def test_the_order_follows_from_the_seed(colours):
    def order(seed):
        torch.manual_seed(0)
        return [
            int(t)
            for _, targets in batches(
                Views(colours[0], SQUASH, AIM), 4, AIM.collate, torch.device("cpu"), seed
            )
            for t in targets
        ]

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert order(None) == sorted(order(None))


def test_a_last_batch_of_one_is_left_out_of_training_alone(colours):
    views = Views(colours[0].take(range(7)), SQUASH, AIM)
    assert [len(t) for _, t in batches(views, 3, AIM.collate, torch.device("cpu"), seed=0)] == [
        3,
        3,
    ]
    assert [len(t) for _, t in batches(views, 3, AIM.collate, torch.device("cpu"))] == [3, 3, 1]
    assert [len(t) for _, t in batches(views, 30, AIM.collate, torch.device("cpu"), seed=0)] == [7]


class Pixels(torch.nn.Module):
    """Scores of classes of each pixel, from its neighbours: a tuple of one, as dense heads give."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(3, 16, 5, padding=2),
            torch.nn.BatchNorm2d(16),
            torch.nn.ReLU(),
            torch.nn.Conv2d(16, 2, 5, padding=2),
        )

    def forward(self, images):
        return (self.layers(images),)


def test_a_head_of_masks_learns_by_its_own_loss_and_decode(tmp_path):
    for index in range(12):
        random = np.random.default_rng(index)
        mask = np.zeros((32, 32), np.uint8)
        top, left = random.integers(2, 16, 2)
        mask[top : top + 12, left : left + 12] = 1
        picture = random.integers(0, 90, (32, 32, 3)) + mask[..., None] * 150
        for name, values in (("images", picture), ("masks", mask)):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(values.astype(np.uint8)).save(tmp_path / name / f"{index}.png")
    dataset = READERS.get("masks").read(tmp_path)
    small = Preprocess((32, 32), (32, 32), "squash", "bilinear", (0.5,) * 3, (0.5,) * 3)
    aim = mask_aim()
    settings = Settings(epochs=8, batch=4, lr=1e-2, average=0.9)
    train = Views(dataset, small, aim, aim.augment(settings, (32, 32)))
    task = Task(Pixels(), (), aim.losses, aim, train, Views(dataset, small, aim), settings)
    out = tmp_path / "out"
    out.mkdir()
    loop = Loop(task.course(), settings, here(), Checkpoint(out, "plan"))
    _, epochs, score = loop.run(lambda _: None)
    assert score.metric == "miou"
    assert score.value
    assert score.value > 0.8
    assert epochs[-1].loss < epochs[0].loss
    assert {part.name for part in score.sizes} == {
        "small, recall",
        "medium, recall",
        "large, recall",
    }
