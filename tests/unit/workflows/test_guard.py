"""The guard: as few layers in float as the budget needs, and what becomes of one that is missed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit import storage
from edgekit.datasets import images, labels, texts
from edgekit.errors import ToolError, UsageError
from edgekit.quantization.recipe import recipe
from edgekit.quantization.target import NAMED, target
from edgekit.quantizers import LayerCost
from edgekit.records import (
    Artifact,
    Format,
    ModelSpec,
    Precision,
    Preprocess,
    Recipe,
    Tokens,
    Weights,
)
from edgekit.scoring import photos, scorer_of
from edgekit.tasks.boxes import Detections
from edgekit.wire import TensorSpec
from edgekit.workflows import accuracy
from edgekit.workflows.calibrate import PhotoSet
from edgekit.workflows.guard import Guard, fewest, over_budget
from edgekit.workflows.int8 import Int8Plan
from edgekit.workflows.textsets import TextSet
from tests import task_files


@given(st.integers(0, 300), st.integers(0, 300))
def test_it_finds_the_least_that_passes(most, least):
    asked = []

    def passes(count):
        asked.append(count)
        return count >= least

    assert fewest(most, passes) == (least if least <= most else None)
    assert all(0 <= count <= most for count in asked)
    assert len(set(asked)) <= 2 * max(most, 1).bit_length() + 2


@pytest.mark.parametrize("most", [0, 1, 7])
def test_it_says_so_where_none_passes(most):
    assert fewest(most, lambda _: False) is None


INPUT = TensorSpec("x", (None, 3, 8, 8), "float32", "NCHW")
ARTIFACT = Artifact(
    path=Path("out/net/onnx-int8"),
    format=Format.ONNX,
    precision=Precision.INT8,
    spec=ModelSpec("net", "toy", "net", "classify", 2, (INPUT,), (), Weights("random"), 0, 9),
    inputs=(INPUT,),
    preprocess=Preprocess((8, 8), (8, 8), "center", "bilinear", (0.5,) * 3, (0.5,) * 3),
    recipe=None,
    calibration=None,
    files=(),
    sha256="",
    size_bytes=0,
    parent_sha256=None,
    tools={},
    target=NAMED["x86-avx2"],
    key="",
)
LEG = (Format.ONNX, Precision.INT8)
PHOTOS = images.Photos("photos", tuple(Path(f"{i}.png") for i in range(10)))


def recipe_of_onnx() -> Recipe:
    found = recipe(target("x86-avx2"), Format.ONNX, Precision.INT8)
    assert found is not None
    return found


class FakeBuilder:
    """Files whose accuracy is decided by how many layers are in float: one photo more for each."""

    def __init__(self, wrong: int, layers: int = 6) -> None:
        self.wrong = wrong
        self.layers = layers
        self.made: list[int] = []
        self.chosen: Any = None

    def artifact(self, format: Format, precision: Precision) -> Any:
        return self._artifact(recipe_of_onnx())

    def parent(self, leg: Any) -> Any:
        return replace(self._artifact(None), precision=Precision.FP32)

    def held_out(self) -> PhotoSet:
        return PhotoSet(PHOTOS, ("",) * 10)

    def rank(self, leg: Any) -> tuple[LayerCost, ...]:
        return tuple(LayerCost(f"layer{i}", 20.0 + i) for i in range(self.layers))

    def remake(self, leg: Any, chosen: Recipe) -> Any:
        self.made.append(len(chosen.float_layers))
        return self._artifact(chosen)

    def replace(self, leg: Any, artifact: Any) -> None:
        self.chosen = artifact

    def _artifact(self, chosen: Recipe | None) -> Any:
        return replace(ARTIFACT, recipe=chosen)


@pytest.fixture
def guard(monkeypatch):
    """A guard over a fake builder; labels say that class 0 is right, if there are any."""

    def predicted(artifact, scorer, exam, way):
        count = len(artifact.recipe.float_layers) if artifact.recipe else 99
        wrong = max(0, builder.wrong - count) if artifact.recipe else 0
        return list(np.eye(2)[[1] * wrong + [0] * (10 - wrong)])

    builder: Any = None

    def make(wrong, layers=6, **plan):
        nonlocal builder
        builder = FakeBuilder(wrong, layers)
        return builder, Guard(builder, Int8Plan(**plan), lambda _: None)

    monkeypatch.setattr(accuracy, "predicted", predicted)
    monkeypatch.setattr(photos, "file_sha256", str)
    right = (frozenset({0}),) * 10
    monkeypatch.setattr(labels, "read", lambda *_: labels.Labelled(PHOTOS, right))
    return make


def test_what_meets_the_budget_is_left_alone(guard):
    builder, found = guard(1, max_drop=10.0)
    found.mend(LEG)
    assert builder.made == []
    assert builder.chosen.guard.met
    assert builder.chosen.guard.drop == pytest.approx(10.0)
    assert builder.chosen.guard.metric == "agreement"
    assert builder.chosen.guard.data_sha256 == ""


@pytest.mark.parametrize(
    ("wrong", "budget", "least"), [(3, 0.0, 3), (3, 10.0, 2), (5, 0.0, 5), (5, 1.0, 4)]
)
def test_as_few_layers_as_needed_go_back_to_float_the_dearest_first(guard, wrong, budget, least):
    builder, found = guard(wrong, max_drop=budget, data=Path("labelled"))
    found.mend(LEG)
    chosen = builder.chosen
    assert [layer.name for layer in chosen.recipe.float_layers] == [
        f"layer{i}" for i in range(least)
    ]
    assert "20.0 dB" in chosen.recipe.float_layers[0].reason
    assert (chosen.guard.float_layers, chosen.guard.met) == (least, True)
    assert (chosen.guard.metric, chosen.guard.float32) == ("top1", 1.0)
    assert chosen.guard.all_int8 == pytest.approx(1.0 - wrong / 10)


def test_a_budget_finer_than_one_image_allows_one(guard):
    builder, found = guard(1, max_drop=1.0)
    found.mend(LEG)
    assert builder.made == []
    assert builder.chosen.guard.met


def test_a_budget_that_cant_be_met_is_an_error_with_the_numbers(guard):
    _, found = guard(9, layers=4, max_drop=10.0)
    with pytest.raises(ToolError, match=r"loses 50\.0 points of agreement on 10 images") as caught:
        found.mend(LEG)
    assert "--keep" in caught.value.hint


def test_the_best_try_is_kept_where_it_is_asked_for(guard):
    builder, found = guard(9, layers=4, max_drop=10.0, keep=True)
    found.mend(LEG)
    assert not builder.chosen.guard.met
    assert builder.chosen.guard.value == pytest.approx(0.5)
    missed = over_budget(builder.chosen)
    assert missed is not None
    assert missed.exit_code == 4


def test_boxes_are_not_compared_where_the_float_model_finds_none(guard, monkeypatch):
    builder, found = guard(0, max_drop=1.0)
    nothing = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
    monkeypatch.setattr(accuracy, "predicted", lambda *_: [nothing] * 10)
    detect = replace(ARTIFACT, spec=replace(ARTIFACT.spec, head="detect"))
    monkeypatch.setattr(builder, "artifact", lambda *_: detect)
    monkeypatch.setattr(builder, "parent", lambda _: detect)
    with pytest.raises(ToolError, match="finds nothing on any of 10 images"):
        found.mend(LEG)


def test_masks_are_guarded_by_the_overlap_of_their_classes(guard, monkeypatch):
    builder, found = guard(0, max_drop=1.0, keep=True)
    segment = replace(ARTIFACT, spec=replace(ARTIFACT.spec, head="segment"))
    exact = replace(segment, precision=Precision.FP32)
    rare, lost = np.zeros((2, 100, 100), np.int64)
    rare[0, :2] = 1
    monkeypatch.setattr(
        accuracy,
        "predicted",
        lambda artifact, *_: [rare if artifact is exact else lost] * 10,
    )
    monkeypatch.setattr(builder, "_artifact", lambda chosen: replace(segment, recipe=chosen))
    monkeypatch.setattr(builder, "parent", lambda _: exact)
    found.mend(LEG)
    assert builder.chosen.guard.value < 0.51
    assert not builder.chosen.guard.met


def test_closeness_that_is_no_share_of_images_is_held_to_its_budget(guard, monkeypatch):
    builder, found = guard(0, max_drop=1.0, keep=True)
    segment = replace(ARTIFACT, spec=replace(ARTIFACT.spec, head="segment"))
    exact, rounded = np.zeros((2, 10, 10), np.int64)
    exact[:5], rounded[:5] = 1, 1
    rounded[5, :4] = 1
    monkeypatch.setattr(
        accuracy,
        "predicted",
        lambda artifact, *_: [rounded if artifact.recipe else exact] * 10,
    )
    monkeypatch.setattr(builder, "_artifact", lambda recipe: replace(segment, recipe=recipe))
    found.mend(LEG)
    # Less than one of ten images, and more than a point.
    assert 0.9 < builder.chosen.guard.value < 0.99
    missed = over_budget(builder.chosen)
    assert missed is not None
    assert "or one image" not in str(missed)


def test_a_head_of_unknown_meaning_is_refused(guard, monkeypatch):
    builder, found = guard(0, max_drop=1.0)
    unknown = replace(ARTIFACT, spec=replace(ARTIFACT.spec, head="tensor"))
    monkeypatch.setattr(builder, "artifact", lambda *_: unknown)
    with pytest.raises(UsageError, match="ends in 'tensor': no metric"):
        found.mend(LEG)


def test_options_of_a_guard_without_a_budget_are_refused():
    for options in ({"keep": True}, {"data": Path("photos")}):
        with pytest.raises(UsageError, match="belongs to --max-drop"):
            Int8Plan(**options)


def masks_of(artifact, scorer, exam, way, *, rows=12):
    """All that is right, but for some rows where layers are in 8 bits."""
    float_layers = len(artifact.recipe.float_layers) if artifact.recipe else 99
    lost = max(0, rows - 4 * float_layers)
    found = [np.array(exam.right.right(index)) for index in range(exam.count)]
    for each in found:
        each[:lost] = 0
    return found


def test_a_budget_on_masks_is_in_points_of_their_own_metric(guard, monkeypatch, tmp_path):
    data = task_files.drawn(tmp_path / "data")
    height, width = task_files.PHOTO
    exact = replace(
        ARTIFACT,
        spec=replace(ARTIFACT.spec, head="segment", classes=3),
        preprocess=replace(
            ARTIFACT.photos, size=(height, width), resize=(height, width), mode="squash"
        ),
    )
    monkeypatch.setattr(photos, "file_sha256", storage.file_sha256)
    monkeypatch.setattr(accuracy, "predicted", masks_of)
    chosen = {}
    for budget in (0.1, 100.0):
        builder, found = guard(0, max_drop=budget, data=data)
        monkeypatch.setattr(builder, "_artifact", lambda recipe: replace(exact, recipe=recipe))
        found.mend(LEG)
        chosen[budget] = builder.chosen.guard
    # Finer than one of six images, and all the same it is held to.
    assert (chosen[0.1].metric, chosen[0.1].float32, chosen[0.1].images) == ("miou", 1.0, 6)
    assert chosen[0.1].float_layers == 3
    assert chosen[0.1].data_sha256 == scorer_of(exact).read(exact, data, cut=False).sha256
    assert chosen[0.1].all_int8 == chosen[100.0].value < 1.0
    assert chosen[100.0].float_layers == 0


def test_a_float_model_that_is_worth_nothing_is_refused(guard, monkeypatch, tmp_path):
    data = task_files.drawn(tmp_path / "data")
    detect = replace(ARTIFACT, spec=replace(ARTIFACT.spec, head="detect"))
    wrong = Detections(np.array([[0.0, 0, 1, 1]]), np.ones(1), np.zeros(1, np.int64))
    monkeypatch.setattr(photos, "file_sha256", storage.file_sha256)
    monkeypatch.setattr(accuracy, "predicted", lambda *_: [wrong] * 6)
    builder, found = guard(0, max_drop=1.0, data=data)
    monkeypatch.setattr(builder, "_artifact", lambda recipe: replace(detect, recipe=recipe))
    with pytest.raises(ToolError, match="map50 on .* is 0: there is nothing that int8 could lose"):
        found.mend(LEG)


def test_texts_are_guarded_by_their_ranking_against_float(guard, monkeypatch, tmp_path):
    tokens = Tokens("", 99, 64, "mean")
    spec = replace(ARTIFACT.spec, head="embed", classes=0)
    encoder = replace(ARTIFACT, spec=spec, preprocess=None, tokens=tokens)

    def cosines(artifact, scorer, exam, way):
        found = np.arange(exam.count, dtype=np.float64)
        if artifact.recipe and not artifact.recipe.float_layers:
            found[[0, -1]] = found[[-1, 0]]
        return list(found)

    monkeypatch.setattr(accuracy, "predicted", cosines)
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"one {n}\tother {n}\t{3 * n % 7}\n" for n in range(6)))
    for data, count in ((pairs, 6), (None, 10)):
        builder, found = guard(0, max_drop=5.0, data=data)
        monkeypatch.setattr(builder, "_artifact", lambda recipe: replace(encoder, recipe=recipe))
        five = texts.Texts("five", tuple("abcde"), tuple(range(5)))
        monkeypatch.setattr(builder, "held_out", lambda five=five: TextSet(five, cut=False))
        found.mend(LEG)
        guarded = builder.chosen.guard
        assert (guarded.metric, guarded.float32, guarded.images) == ("spearman", 1.0, count)
        assert guarded.all_int8 < 0.95 < guarded.value == pytest.approx(1.0)
        assert guarded.float_layers == 1
