"""A gate as JUnit XML, held against what Ant's schema asks for."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.records import Device, Outcome
from edgekit.reports.gate import OnInconclusive, junit
from edgekit.text import printable
from tests import gate_verdicts as made

WARN, PASS, FAIL = OnInconclusive
# windyroad/JUnit-Schema: attributes that have to be there, those that may, and the children.
SUITE = {
    "package",
    "id",
    "name",
    "timestamp",
    "hostname",
    "tests",
    "failures",
    "errors",
    "skipped",
    "time",
}
CASE = {"name", "classname", "time"}
SPOKEN = {"failure": {"type", "message"}, "error": {"type", "message"}, "skipped": {"message"}}


def suites(verdict, on_inconclusive=WARN):
    document = junit.render(verdict, on_inconclusive, Path())
    assert document.startswith("<?xml version='1.0' encoding='utf-8'?>\n")
    root = ET.fromstring(document)
    assert (root.tag, root.attrib) == ("testsuites", {})
    for number, suite in enumerate(root):
        conforms(suite, number)
    return list(root)


def conforms(suite, number):
    assert suite.tag == "testsuite"
    assert set(suite.keys()) == SUITE
    assert suite.get("id") == str(number)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))
    cases = suite.findall("testcase")
    tags = [child.tag for child in suite]
    assert tags == ["properties", *["testcase"] * len(cases), "system-out", "system-err"]
    for each in suite.find("properties"):
        assert (each.tag, set(each.keys())) == ("property", {"name", "value"})
        assert each.get("name")
    for case in cases:
        assert set(case.keys()) == CASE
        assert float(case.get("time")) >= 0
        assert len(case) <= 1
        for spoken in case:
            assert set(spoken.keys()) == SPOKEN[spoken.tag]
    spoken = [child.tag for case in cases for child in case]
    assert int(suite.get("tests")) == len(cases)
    assert int(suite.get("failures")) == spoken.count("failure")
    assert int(suite.get("errors")) == spoken.count("error")
    assert int(suite.get("skipped")) == spoken.count("skipped")


def test_a_suite_for_each_pair_and_a_case_for_each_check():
    first, second = suites(made.verdict(*made.slow().pairs, *made.fine().pairs))
    assert [case.get("name") for case in first.iter("testcase")] == [
        "latency",
        "file_size",
        "int8_share",
    ]
    (failure,) = first.iter("failure")
    assert "+5.2 % (4.1 to 6.3 %), allowed +3 %: slower in all 6" in failure.get("message")
    assert list(second.iter("failure")) == []
    assert first.get("timestamp") == "2026-11-25T10:22:33"
    assert first.get("time") == first.find("testcase").get("time") == "12.340"


def test_properties_hold_the_numbers():
    (suite,) = suites(made.slow())
    found = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert found["latency.ratio"] == "1.05200"
    assert found["latency.interval"] == "1.04100 1.06300"
    assert found["latency.rounds"] == "300"
    assert found["cpu.model"] == "A processor"


@pytest.mark.parametrize(
    ("choice", "tag"), [(WARN, "skipped"), (PASS, "skipped"), (FAIL, "failure")]
)
def test_inconclusive_is_skipped_or_a_failure(choice, tag):
    (suite,) = suites(made.open_(), choice)
    (spoken,) = suite.find("testcase")
    assert spoken.tag == tag
    assert "the budget is spent" in spoken.get("message")


def test_a_pair_that_failed_is_an_error_with_its_hint():
    (suite,) = suites(made.verdict(made.broken("it broke", "tail\x00\x1b")))
    (error,) = suite.iter("error")
    assert (error.get("type"), error.get("message")) == ("DeviceError", "it broke")
    assert "hint: look at the log\ntail" in (error.text or "")


def test_the_machine_is_named_and_a_missing_time_is_no_trouble():
    pair = made.pair(made.size())
    head = replace(pair.plan.head, device=Device("jetson"))
    verdict = made.verdict(replace(pair, plan=replace(pair.plan, head=head), timing=None))
    (suite,) = suites(replace(verdict, measured_at=""))
    assert suite.get("hostname") == "jetson"
    assert suite.get("time") == "0.000"


@given(st.text(), st.text(), st.sampled_from(Outcome), st.sampled_from(OnInconclusive))
def test_any_text_is_xml_and_stays_what_it_is(name, reason, outcome, choice):
    pair = made.pair(made.latency(outcome, reason), name=f"x{name}", notes=(reason,))
    verdict = made.verdict(pair)
    (suite,) = suites(verdict, choice)
    assert suite.get("name") == printable(f"x{name}").replace("\n", " ")
