"""A training on one page, and in a few lines: nothing foreign gets in as HTML, no part is hidden."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from edgekit.records import Origin, Preprocess, Weights
from edgekit.records.scores import Image, Part, Score
from edgekit.records.training import Epoch, Settings, TrainResult
from edgekit.reports import training
from edgekit.reports.html import training as page

EVIL = "<script>alert(1)</script>"
SCORE = Score(
    "top1",
    0.75,
    {"top5": 1.0},
    classes=(Part("cat", 9, 0.9), Part(EVIL, 1, 0.25), Part("none", 0, None)),
    sizes=(Part("small", 3, 0.5),),
    worst=(Image("bad.png", 0.01, f"{EVIL} taken for cat"),),
    images=10,
)


@pytest.fixture
def result():
    epochs = tuple(
        Epoch(
            n,
            {"cross_entropy": 2.0 / n, "teacher": 0.1},
            1e-3,
            {"top1": 0.25 * n, "top5": None},
            1.5,
        )
        for n in (1, 2, 3)
    )
    origin = Origin("lora", "package:x 1", "a" * 64, "b" * 64, adapter_sha256="c" * 64)
    return TrainResult(
        "mobilenet",
        "timm",
        "backbone",
        "classify",
        "lora",
        ("cat", EVIL, "none"),
        Preprocess((32, 32), (36, 36), "center", "bilinear", (0.5,) * 3, (0.5,) * 3),
        Weights("file:model.safetensors", "d" * 64, origin),
        Settings(),
        epochs,
        SCORE,
        30,
        ("skipped 1 files",),
        1000,
        50,
        "cpu",
        "float32",
        merge_sqnr_db=121.4,
        file="model.safetensors",
    )


def test_people_read_the_whole_each_class_each_size_and_the_worst(result):
    text = training.render(result, Path("trained/x"), Path("my data"))
    for words in (
        "trained 50 of 1,000 parameters (5.0%)",
        "75.0 %",
        "25.0 %",
        "small",
        "bad.png",
        "adapter cccccccccccc merged: 121 dB",
        "edgekit export mobilenet --weights trained/x/model.safetensors --int8 --calib 'my data'",
    ):
        assert words in text


def test_the_next_command_names_a_head_that_export_would_not_take_by_itself(result):
    text = training.render(replace(result, head="detect"), Path("x"), Path("d"))
    assert "edgekit export mobilenet --head detect --weights x/model.safetensors" in text


def test_the_page_draws_loss_and_metrics_and_names_the_weakest_part(result):
    html = page.render(result)
    assert html.count('data-figure="') == 2
    assert "The weakest part is &lt;script&gt;alert(1)&lt;/script&gt;: 25.0 % of 1." in html
    assert EVIL not in html.replace("\\u003c", "<").split("<body")[0]
    assert "<script>alert" not in html
    for words in (
        "bad.png",
        "skipped 1 files",
        "cross_entropy",
        "teacher",
        "1.0000",
        "weight_decay",
    ):
        assert words in html
    figures = [
        part.split("</script>")[0].split(">", 1)[1] for part in html.split('data-figure="')[1:]
    ]
    drawn = [json.loads(figure) for figure in figures]
    assert drawn[0]["data"][0]["y"] == [2.0, 1.0, pytest.approx(2 / 3)]
    assert drawn[1]["data"][1]["y"] == [None, None, None]


def test_scripts_read_the_whole_record(result):
    assert msgspec.convert(training.as_json(result), TrainResult) == result
