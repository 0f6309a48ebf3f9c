"""What is said of an evaluation."""

from types import SimpleNamespace
from typing import Any

from edgekit.records import EvalResult
from edgekit.reports import evaluate, history


def result(**fields: Any) -> EvalResult:
    known: dict[str, Any] = {
        "artifact": "bert/onnx-int8",
        "sha256": "0" * 64,
        "runtime": "onnxruntime",
    }
    return EvalResult(**known, images=200, top1=None, top5=None, agreement=None, **fields)


def test_a_ranking_is_said_in_its_own_words():
    found = result(metric="spearman", spearman=0.93361, spearman_to_float=0.9984)
    text = evaluate.render(found)
    for word in ("pairs", "200", "0.9336", "0.9984", "onnxruntime"):
        assert word in text
    assert "top-1" not in text
    assert evaluate.as_json(found)["spearman_to_float"] == 0.9984


def test_what_a_ranking_lacks_is_said():
    text = evaluate.render(result(metric="spearman"))
    assert "without numbers" in text
    assert "float32 artifact is not beside" in text


def test_photos_are_counted_as_before():
    text = evaluate.render(result())
    assert "top-1 %" in text
    assert "Spearman" not in text


def test_a_bench_names_the_ranking_of_what_it_measured():
    subject = SimpleNamespace(sha256="a", name="m")
    measured: Any = SimpleNamespace(plan=SimpleNamespace(subject=subject))
    known = {"a": result(metric="spearman", spearman_to_float=0.99)}
    assert list(history.accuracies([measured], known)) == [
        "m: to float 0.9900 of 200 pairs (onnxruntime)"
    ]
