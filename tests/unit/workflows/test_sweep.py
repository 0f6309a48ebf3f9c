"""What a sweep takes for known already."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from edgekit.records import LOCAL, EvalResult, ExportLeg
from edgekit.results.store import Store
from edgekit.scoring import scorer_of
from edgekit.workflows import suites
from edgekit.workflows.sweep import Sweep
from tests import task_files

SUITE = """
formats = ["onnx"]
precisions = ["fp32"]
[[models]]
name = "toy"
weights = "random"
[evaluate]
data = "data"
"""


@pytest.mark.parametrize(("device", "asked"), [(LOCAL, 0), ("board", 1)])
def test_what_another_device_said_is_not_the_accuracy_on_the_host(tmp_path, device, asked):
    (tmp_path / "suite.toml").write_text(SUITE)
    data = task_files.drawn(tmp_path / "data")
    made = task_files.artifact(tmp_path / "net" / "onnx-fp32", task_files.detector())
    exam = scorer_of(made).read(made, data, cut=False)
    store = Store(tmp_path / "results")
    store.save(
        EvalResult(
            made.name,
            made.sha256,
            "onnxruntime",
            exam.count,
            None,
            1.0,
            data_sha256=exam.sha256,
            device=device,
            metric="map50",
        )
    )
    tasks: list[Any] = []

    def build(given: Any, _: Any, done: Any) -> None:
        for task in given:
            done(task, (ExportLeg(made.format, made.precision, made),))

    sweep = Sweep(suites.plan(suites.read(tmp_path / "suite.toml"), tmp_path / "out"), store)
    builder: Any = SimpleNamespace(run=build)
    judge: Any = SimpleNamespace(run=lambda given, *_: tasks.extend(given))
    sweep.make(builder, lambda _: None)
    sweep.evaluate(judge, lambda _: None)
    assert len(tasks) == asked
    assert [bool(cell.accuracy) for cell in sweep.results] == [not asked]
