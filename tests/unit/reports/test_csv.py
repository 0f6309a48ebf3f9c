from __future__ import annotations

import csv as reader
import io
from dataclasses import replace

import pytest

from edgekit.records import EvalResult
from edgekit.records.scores import Score
from edgekit.reports import csv
from tests import bench_results as made


def rows(results, accuracies=None) -> list[dict[str, str]]:
    return list(reader.DictReader(io.StringIO(csv.render(results, (), accuracies or {}))))


def test_every_metric_has_its_value_and_interval():
    result = made.measured(made.plan())
    (row,) = rows([result])
    for metric in result.metrics:
        assert (float(row[metric.name]) if row[metric.name] else None) == metric.value
        low, high = row[f"{metric.name}_low"], row[f"{metric.name}_high"]
        assert ((float(low), float(high)) if low else None) == metric.interval


def test_a_failed_leg_is_a_row_without_numbers():
    good, bad = rows([made.measured(made.plan()), made.failed(made.plan(runtime="litert"))])
    assert bad["failure"] == "ToolError: the kernel has no such operator"
    assert (good["state"], bad["state"]) == ("valid", "failed in load")
    assert bad["latency_p50_ms"] == ""


def test_accuracy_belongs_to_the_file():
    result = made.measured(made.plan())
    sha256 = result.plan.subject.sha256
    (row,) = rows(
        [result], {sha256: EvalResult("toy", sha256, "litert", 500, Score("top1", 0.75, {}), None)}
    )
    assert (row["metric"], row["accuracy"], row["accuracy_images"]) == ("top1", "0.75", "500")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_text_is_a_formula(text):
    (row,) = rows([made.invalid(replace(made.plan(), runtime=text), text)])
    for cell in (row["runtime"], row["reasons"]):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert text.strip() in cell


def test_quotes_commas_and_line_breaks_stay_in_their_cell():
    (row,) = rows([made.failed(made.plan(), 'a "b", c\nd')])
    assert row["failure"] == 'ToolError: a "b", c d'
    # RFC 4180 ends lines with CR LF.
    assert csv.render([made.failed(made.plan())]).count("\r\n") == 2


def test_no_legs_are_no_rows():
    assert rows([]) == []
