"""What is said of an evaluation."""

from types import SimpleNamespace
from typing import Any

import pytest

from edgekit.records import EvalResult
from edgekit.records.scores import Part, Score
from edgekit.reports import evaluate, history


def result(metric: str, value: float | None = None, **fields: Any) -> EvalResult:
    known: dict[str, Any] = {
        "artifact": "net/onnx-int8",
        "sha256": "0" * 64,
        "runtime": "onnxruntime",
        "score": None if value is None else Score(metric, value, {}),
        "agreement": None,
    }
    return EvalResult(images=200, metric=metric, **{**known, **fields})


def test_a_ranking_is_said_in_numbers_of_its_own():
    found = result("spearman", 0.93361, agreement=0.9984)
    text = evaluate.render(found)
    for word in ("pairs", "200", "Spearman", "0.9336", "0.9984", "onnxruntime"):
        assert word in text
    assert "top-1" not in text
    assert evaluate.as_json(found)["agreement"] == 0.9984


def test_what_is_missing_is_said():
    text = evaluate.render(result("spearman"))
    assert "without numbers" in text
    assert "float32 artifact is not beside" in text
    assert "no labels" in evaluate.render(result("top1"))
    nothing = result("map50", score=Score("map50", None, {"map": None}))
    assert "no mAP50: there is nothing to find" in evaluate.render(nothing)


def test_what_was_lost_stands_beside_the_float_models_own():
    def score(*values: float) -> Score:
        classes = tuple(
            Part(name, 5, value)
            for name, value in zip(("cat", "dog", "owl"), values[1:], strict=True)
        )
        return Score("map50", values[0], {"map": values[0] / 2}, classes)

    found = result("map50", score=score(0.9, 0.95, 0.8, 0.95), agreement=0.97)
    assert "lost" not in evaluate.render(found)
    before = score(0.92, 0.94, 0.87, 0.95)
    beside = result("map50", score=found.score, agreement=0.97, float32=before)
    lines = evaluate.render(beside).splitlines()
    assert any(line.split() == ["lost,", "points", "2.0", "1.0", "-"] for line in lines)
    assert any(line.split() == ["dog", "5", "80.0", "%", "87.0", "%", "7.0"] for line in lines)
    assert any(line.split() == ["cat", "5", "95.0", "%", "94.0", "%", "-1.0"] for line in lines)
    assert "lost most, in points: dog 7.0" in lines
    assert round(evaluate.as_json(beside)["lost_points"], 6) == 2.0


@pytest.mark.parametrize(
    ("known", "words"), [(30, "the weakest 20 of 30"), (3, "3 of 40, nothing of the others")]
)
def test_of_many_classes_it_says_which_are_shown(known, words):
    classes = tuple(Part(f"c{n}", 1, n / 100 if n < known else None) for n in range(40))
    text = evaluate.render(result("map50", score=Score("map50", 0.5, {}, classes)))
    assert f"class ({words})" in text
    shown = min(known, 20)
    assert [f"\n c{n} " in text for n in range(40)] == [n < shown for n in range(40)]


def test_a_bench_names_what_its_files_are_worth():
    subject = SimpleNamespace(sha256="a", name="m")
    measured: Any = SimpleNamespace(plan=SimpleNamespace(subject=subject))

    def told(found: EvalResult) -> list[str]:
        return list(history.accuracies([measured], {"a": found}))

    ranked = result("spearman", agreement=0.99)
    assert told(ranked) == ["m: agreement 0.9900 of 200 pairs (onnxruntime)"]
    counted = result("miou", 0.905)
    assert told(counted) == ["m: mIoU 90 % of 200 images (onnxruntime)"]
