"""What head lost of base's accuracy, by real workers on a small network."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgekit import storage
from edgekit.datasets.images import Tensors
from edgekit.errors import DataError, UsageError
from edgekit.records import Artifact, Calibration, Limits
from edgekit.transports import linked
from edgekit.workflows.drops import accuracy_checks
from edgekit.workflows.infer import HERE, infer
from tests import foreign_files, gate_files, task_files

COUNT = 8


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return foreign_files.photos(tmp_path_factory.mktemp("photos") / "all", COUNT)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Artifact:
    return gate_files.artifact(tmp_path_factory.mktemp("base") / "net")


@pytest.fixture(scope="module")
def best(base, photos) -> list[int]:
    images = Tensors(base.preprocess, sorted(photos.glob("*.png"))).stack()
    with linked(HERE) as link:
        (found,) = infer(link, base, [images], runtime="onnxruntime", batch=1, threads=1)
    return [int(index) for index in found.argmax(axis=1)]


def shifted(tmp_path: Path) -> Artifact:
    """A network that says the next class of each."""
    net = foreign_files.net()
    weights = {t.name: onnx.numpy_helper.to_array(t) for t in net.graph.initializer}
    for name in ("fw", "fb"):
        net = foreign_files.with_constant(net, name, np.roll(weights[name], 1, axis=0))
    return gate_files.artifact(tmp_path / "shifted", net)


def labelled(folder: Path, photos: Path, right: list[list[int]]) -> Path:
    folder.mkdir()
    names = sorted(path.name for path in photos.glob("*.png"))
    for name in names:
        (folder / name).symlink_to(photos / name)
    (folder / "labels.json").write_text(json.dumps(dict(zip(names, right, strict=True))))
    return folder


def test_without_labels_head_has_to_agree_with_base(tmp_path, base, photos):
    said: list[str] = []
    same = gate_files.plan(base.path, base.path, data=photos)
    (check,) = accuracy_checks(same, said.append)
    assert (check.metric, check.base, check.head, check.outcome) == ("agreement", 1.0, 1.0, "pass")
    assert said == [f"net: running {COUNT} images through both files"]
    (check,) = accuracy_checks(
        gate_files.plan(base.path, shifted(tmp_path).path, data=photos), said.append
    )
    assert (check.head, check.outcome) == (0.0, "fail")
    assert "0 % of 8 images without labels; 1 points less may be, or one image" in check.reason


@pytest.mark.parametrize(
    ("wrong", "drop", "outcome"),
    [(0, 0.0, "pass"), (1, 0.01, "pass"), (1, 0.0, "fail"), (2, 0.01, "fail"), (2, 0.25, "pass")],
)
def test_with_labels_top1_may_fall_as_allowed_or_by_one_image(
    tmp_path, base, photos, best, wrong, drop, outcome
):
    # Head says the class after base's: right where that one is a label too.
    head = shifted(tmp_path)
    right = [[index, (index + 1) % foreign_files.CLASSES] for index in best]
    right[:wrong] = [both[:1] for both in right[:wrong]]
    data = labelled(tmp_path / "data", photos, right)
    plan = gate_files.plan(base.path, head.path, data=data, limits=Limits(accuracy_drop=drop))
    (check,) = accuracy_checks(plan, lambda _: None)
    assert (check.metric, check.unit, check.better) == ("top1", "share", "higher")
    assert (check.base, check.head) == (1.0, (COUNT - wrong) / COUNT)
    assert check.outcome == outcome


def test_what_accuracy_cannot_be_compared_on(tmp_path, base, photos):
    def refused(head: Path, error: type[Exception], match: str) -> None:
        with pytest.raises(error, match=match):
            accuracy_checks(gate_files.plan(base.path, head, data=photos), lambda _: None)

    foreign = foreign_files.saved(tmp_path / "foreign.onnx")
    refused(foreign, UsageError, "nothing says how a photo becomes")
    spec = replace(base.spec, classes=7)
    more = gate_files.artifact(tmp_path / "more", spec=spec)
    refused(more.path, UsageError, "tells 7 classes apart, base 5")
    spec = replace(base.spec, head="tensor")
    headless = gate_files.artifact(tmp_path / "headless", spec=spec)
    refused(headless.path, UsageError, "no metric says how good")
    digest = storage.file_sha256(photos / "003.png")
    seen = Calibration("photos", (("003.png", digest),), (), base.preprocess.sha256)
    flattered = gate_files.artifact(tmp_path / "flattered", calibration=seen)
    refused(flattered.path, DataError, "calibrated on 1 of these images: 003.png")
    assert accuracy_checks(gate_files.plan(base.path, foreign), lambda _: None) == ()


def test_boxes_and_masks_may_fall_as_allowed_by_their_own_metric(tmp_path):
    data = task_files.drawn(tmp_path / "data")
    for metric, models in (
        ("map50", (task_files.detector(), task_files.detector(0.38))),
        ("miou", (task_files.segmenter(), task_files.segmenter(0.61))),
    ):
        base, head = (
            task_files.artifact(tmp_path / metric / name, model)
            for name, model in zip(("base", "head"), models, strict=True)
        )
        found = {}
        for drop in (0.0001, 0.5):
            plan = gate_files.plan(
                base.path, head.path, data=data, limits=Limits(accuracy_drop=drop)
            )
            (found[drop],) = accuracy_checks(plan, lambda _: None)
        assert {check.metric for check in found.values()} == {metric}
        assert found[0.5].base > found[0.5].head > 0
        # Less than one image: what is no share of images is held to its budget.
        assert [found[drop].outcome for drop in (0.0001, 0.5)] == ["fail", "pass"]
        assert "image," not in found[0.5].reason
        assert "50 points less may be" in found[0.5].reason


def test_heads_of_two_kinds_are_not_compared(tmp_path):
    data = task_files.drawn(tmp_path / "data")
    base = task_files.artifact(tmp_path / "base", task_files.detector())
    spec = replace(base.spec, head="segment")
    storage.write_record(
        replace(base, path=shutil.copytree(base.path, tmp_path / "head"), spec=spec)
    )
    with pytest.raises(UsageError, match="head ends in 'segment', base in 'detect'"):
        accuracy_checks(gate_files.plan(base.path, tmp_path / "head", data=data), lambda _: None)
