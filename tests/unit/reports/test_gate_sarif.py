"""A gate as SARIF 2.1.0, held against what the standard and GitHub ask for."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgekit.records import Outcome
from edgekit.reports.gate import OnInconclusive, sarif
from tests import gate_verdicts as made

WARN, PASS, FAIL = OnInconclusive
METRICS = {
    "latency",
    "outputs",
    "file_size",
    "memory_load",
    "memory_steady",
    "memory_peak",
    "int8_share",
    "ops",
    "top1",
    "recall1",
    "map50",
    "miou",
    "spearman",
    "agreement",
    "missing",
    "comparison",
}


def run(verdict, on_inconclusive=WARN, root=Path()):
    document = json.loads(sarif.render(verdict, on_inconclusive, root))
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-schema-2.1.0.json")
    (found,) = document["runs"]
    return found


def test_every_metric_has_a_rule_that_helps():
    rules = run(made.fine())["tool"]["driver"]["rules"]
    assert {rule["id"] for rule in rules} == METRICS
    for rule in rules:
        assert rule["shortDescription"]["text"].endswith(".")
        assert len(rule["help"]["text"]) > 20


def test_only_what_does_not_pass_is_a_finding():
    assert run(made.fine())["results"] == []
    both = made.verdict(*made.slow().pairs, *made.open_().pairs, made.broken())
    found = run(both)["results"]
    assert [(each["ruleId"], each["level"]) for each in found] == [
        ("latency", "error"),
        ("latency", "warning"),
        ("comparison", "error"),
    ]
    assert "+5.2 % (4.1 to 6.3 %)" in found[0]["message"]["text"]
    assert "look at the log" in found[2]["message"]["text"]


@pytest.mark.parametrize(("choice", "level"), [(WARN, "warning"), (PASS, "note"), (FAIL, "error")])
def test_inconclusive_is_what_it_is_taken_for(choice, level):
    (found,) = run(made.open_(), choice)["results"]
    assert found["level"] == level


def test_a_finding_lies_on_heads_file(tmp_path):
    inside = made.lying_in(tmp_path / "my models", made.pair(made.latency()))
    outside = made.lying_in(tmp_path.parent, made.pair(made.latency()))
    uris = [
        each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for each in run(made.verdict(inside, outside), WARN, tmp_path)["results"]
    ]
    assert uris == ["my%20models/model.onnx", f"file://{tmp_path.parent.as_posix()}/model.onnx"]


def test_a_finding_is_known_again_and_told_from_others():
    def fingerprints(verdict):
        return [
            each["partialFingerprints"]["primaryLocationLineHash"]
            for each in run(verdict)["results"]
        ]

    slow = made.latency()
    first = fingerprints(made.verdict(made.pair(slow, name="a"), made.pair(slow, name="b")))
    assert len(set(first)) == 2
    other = made.latency(Outcome.INCONCLUSIVE, "something else")
    assert fingerprints(made.verdict(made.pair(other, name="a"))) == first[:1]


@given(st.text(), st.text())
@example("x", "\udcff")  # a name on disk that is no UTF-8
def test_any_name_and_path_can_be_told(name, folder):
    folder = folder.replace("\0", "").replace("/", "") or "x"
    pair = made.lying_in(Path("/repo", folder), made.pair(made.latency(), name=name))
    (found,) = run(made.verdict(pair), WARN, Path("/repo"))["results"]
    uri = found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.isascii()
    assert " " not in uri
    assert unquote(uri).endswith("model.onnx")
