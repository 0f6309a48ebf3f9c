"""What a gate says, for people, for pull requests and for scripts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.records import Check, Outcome
from edgekit.reports.gate import OnInconclusive, github, markdown, shape, text, words
from tests import gate_verdicts as made

WARN, PASS, FAIL = OnInconclusive
HERE = Path()
EVIL = "a|b`c`<img src=x>*d*_e_[f](http://g)@someone #1\n::error::h\x1b[31m\r%0A"


def test_each_check_is_a_row_with_what_decided_it():
    shown = text.render(made.slow())
    (row,) = [line for line in shown.splitlines() if line.startswith(" latency")]
    cells = re.split(r"\s{2,}", row.strip())
    assert cells == [
        "latency",
        "9.81 ms",
        "10.3 ms",
        "+5.2 % (4.1 to 6.3 %)",
        "+3 %",
        "fail",
        "slower in all 6 launches",
    ]
    assert "at most 3.06 MiB" in shown
    assert "-1.6 points" in shown
    assert "at least 99.0 %" in shown
    assert shown.splitlines()[-1] == "gate: fail: toy/onnx-fp32: latency +5.2 % (4.1 to 6.3 %)"


def test_how_it_was_measured_is_one_line():
    found = replace(made.timing(), disturbed=("throttled for 2 s",), confirmed=True)
    line = words.turns(found)
    assert "\n" not in line
    for part in (
        "300 rounds in 6 launches, 12.3 s",
        "CPU time +5.0 % (4.1 to 6.3 %)",
        "shortest +4.9 %",
        "p90 +6.2 %",
        "machine noisy",
        "throttled for 2 s",
        "fresh launches say the same",
    ):
        assert part in line
    assert "do not say the same" in words.turns(replace(found, confirmed=False))
    unread = replace(found, cpu_ratio=None, cpu_interval=None, confirmed=None)
    assert "CPU time not measured" in words.turns(unread)
    assert "say the same" not in words.turns(unread)


def test_a_verdict_is_the_worst_of_its_pairs_and_names_them():
    assert words.headline(made.fine()) == "pass: 2 checks of 1 pair"
    assert words.headline(made.open_()).startswith("inconclusive: toy/onnx-fp32: latency")
    both = made.verdict(*made.slow().pairs, *made.open_().pairs, made.broken())
    assert both.outcome is Outcome.FAIL
    assert words.headline(both).startswith("fail: x could not be compared; toy/onnx-fp32: latency")
    assert "inconclusive" not in words.headline(both)


def test_a_pair_that_failed_says_why_and_what_to_do():
    shown = text.render(made.verdict(made.broken("it broke", "one\ntwo")))
    for line in ("could not be compared: it broke", "  hint: look at the log", "  | two"):
        assert line in shown


def test_notes_are_told():
    noted = made.verdict(made.pair(notes=("other versions",)), notes=("only head has y",))
    for shown in (text.render(noted), markdown.render(noted, WARN, HERE)):
        assert "other versions" in shown
        assert "only head has y" in shown


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (None, "ms", "-"),
        (9.813, "ms", "9.81 ms"),
        (0.0, "bytes", "0 bytes"),
        (1023.0, "bytes", "1023 bytes"),
        (2048.0, "bytes", "2.00 KiB"),
        (3.5 * 2**20, "bytes", "3.50 MiB"),
        (0.0, "share", "0.0 %"),
        (0.9999, "share", "99.9 %"),
        (1.0, "share", "100 %"),
        (63.0, "count", "63"),
        (41.26, "dB", "41.3 dB"),
    ],
)
def test_amounts_have_their_unit(value, unit, shown):
    assert words.amount(value, unit) == shown


def check(base, head, unit, ratio=None, interval=None):
    return Check("x", unit, "lower", base, head, ratio, interval, None, Outcome.FAIL, "")


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (check(1.0, 1.0, "ms", 1.0, (0.99, 1.01)), "0.0 % (-1.0 to 1.0 %)"),
        (check(1.0, 0.9996, "ms", 0.9996, (0.9992, 1.0)), "0.0 % (-0.1 to 0.0 %)"),
        (check(1.0, 1.02, "ms", 1.02), "+2.0 % (too few launches for an interval)"),
        (check(10.0, 8.0, "bytes", 0.8), "-20.0 %"),
        (check(0.0, 3.0, "count"), "+3"),
        (check(0.9, 0.85, "share", 0.944), "-5.0 points"),
        (check(60.0, 41.0, "dB"), "-19.0 dB"),
        (check(None, 41.0, "dB"), "-"),
    ],
)
def test_changes_are_told_as_what_they_are(found, shown):
    assert words.change(found) == shown


@given(st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0.01, 100))
def test_a_ratio_never_stands_without_its_interval(ratio, low, high):
    shown = words.ratio(ratio, (low, high))
    numbers = [float(found) for found in re.findall(r"[-+]?\d+\.\d", shown)]
    assert numbers == pytest.approx(
        [100 * (ratio - 1), 100 * (low - 1), 100 * (high - 1)], abs=0.0501
    )
    assert "-0.0" not in shown


def test_a_missing_file_is_a_sentence():
    gone = Check(
        "missing", "", "lower", None, None, None, None, None, Outcome.FAIL, "head lacks y"
    )
    assert words.sentence(gone) == "missing file: head lacks y"
    assert "head lacks y" in text.render(made.verdict(made.pair(gone)))


def test_what_has_no_base_is_told_without_one():
    found = Check("outputs", "dB", "higher", None, 3.0, None, None, 5.0, Outcome.FAIL, "differ")
    assert words.sentence(found) == "outputs 3.00 dB, allowed at least 5.00 dB: differ"
    unknown = Check("outputs", "dB", "higher", None, None, None, None, 5.0, Outcome.FAIL, "differ")
    assert words.sentence(unknown) == "outputs: differ"


@pytest.mark.parametrize(
    ("better", "worst", "shown"), [("lower", 16.9, "at most 16"), ("higher", 16.1, "at least 17")]
)
def test_what_is_counted_is_allowed_in_whole_numbers(better, worst, shown):
    found = Check("ops", "count", better, 16, 17, 1.06, None, worst, Outcome.FAIL, "")
    assert words.allowed(found) == shown


def test_what_the_machine_resolves_is_told():
    fine, poor = made.resolution(0.018), made.resolution(0.04)
    shown = text.resolutions([fine, poor])
    assert "in 60 s this machine tells a slowdown of 1.8 % from none, which meets the 3 %" in shown
    assert "4.0 % from none, which does not meet the 3 %" in shown
    assert "+0.1 % (-1.1 to 1.3 %)" in shown


def test_foreign_text_can_not_forge_lines_or_colours():
    evil = made.verdict(
        made.pair(made.latency(reason=EVIL), name=EVIL, notes=(EVIL,)),
        made.broken(EVIL, EVIL, name=EVIL),
        notes=(EVIL,),
    )
    for line in text.render(evil).splitlines():
        assert "\x1b" not in line
        assert not line.lstrip().startswith("::")


def test_markdown_says_the_verdict_first_and_folds_the_details():
    shown = markdown.render(made.slow(), WARN, HERE)
    assert shown.startswith("<!-- edgekit gate -->\n### edgekit gate: ❌ fail\n")
    assert (
        shown.index("+5.2 % (4.1 to 6.3 %)") < shown.index("| check |") < shown.index("<details>")
    )
    assert shown.count("<details>") == shown.count("</details>") == 1
    assert "A processor" in shown[shown.index("<details>") :]
    assert "exported/b against exported/a" in shown


def test_markdown_says_what_inconclusive_is_taken_for():
    said = {markdown.render(made.open_(), choice, HERE) for choice in OnInconclusive}
    assert len(said) == 3
    assert len({markdown.render(made.slow(), choice, HERE) for choice in OnInconclusive}) == 1


def test_markdown_keeps_foreign_text_text():
    evil = made.verdict(
        made.pair(made.latency(reason=EVIL), name=EVIL, notes=(EVIL,)),
        made.broken(EVIL, "```\n" + EVIL, name=EVIL),
        notes=(EVIL,),
    )
    shown = markdown.render(replace(evil, base=EVIL, head=EVIL), WARN, HERE)
    outside = re.sub(r"^(`{3,})text\n.*?\n\1$", "", shown, flags=re.DOTALL | re.MULTILINE)
    assert "<img" not in outside
    assert not re.search(r"[`@]|\]\(", outside)
    rows = [line for line in outside.splitlines() if line.startswith("| ") and "---" not in line]
    assert {line.count("|") for line in rows} == {8, 3}


def test_json_is_what_its_document_says():
    both = made.verdict(*made.slow().pairs, made.broken())
    found = json.loads(json.dumps(shape.as_json(both)))
    assert found["schema_version"] == 1
    assert (found["outcome"], found["base"], found["head"]) == ("fail", "exported/a", "exported/b")
    pair, broken = found["pairs"]
    assert pair["checks"][0]["interval"] == pytest.approx([1.041, 1.063])
    assert pair["timing"]["rounds"] == 300
    assert pair["head"]["path"] == "exported/toy/onnx-fp32"
    assert broken["failure"]["hint"] == "look at the log"
    assert broken["timing"] is None
    documented = set(re.findall(r"\w+", shape.__doc__ or ""))
    assert found.keys() | pair.keys() | pair["head"].keys() <= documented
    itself = json.loads(json.dumps(shape.resolutions_as_json("a", [made.resolution()])))
    (each,) = itself["resolutions"]
    assert (itself["base"], each["slowdown"], each["attainable"]) == ("a", 0.018, True)
    assert itself.keys() | each.keys() <= documented


def test_annotations_point_at_the_file_and_say_the_outcome(tmp_path):
    inside = made.lying_in(tmp_path / "models", made.pair(made.latency()))
    outside = made.lying_in(tmp_path.parent, made.pair(made.latency(Outcome.INCONCLUSIVE, "why")))
    found = list(github.lines(made.verdict(inside, outside, made.broken()), WARN, tmp_path))
    assert len(found) == 3
    assert found[0].startswith(
        "::error file=models/model.onnx,title=edgekit gate%3A toy/onnx-fp32%3A latency::latency "
    )
    assert "+5.2 %25 (4.1 to 6.3 %25)" in found[0]
    assert found[1].startswith("::warning title=")
    assert "why" in found[1]
    assert "look at the log" in found[2]
    assert list(github.lines(made.fine(), WARN, tmp_path)) == []
    for choice, level in ((PASS, "notice"), (FAIL, "error")):
        (line,) = github.lines(made.open_(), choice, tmp_path)
        assert line.startswith(f"::{level} ")


@given(st.text(), st.text())
def test_an_annotation_is_one_command_whatever_it_tells(name, reason):
    verdict = made.verdict(made.pair(made.latency(reason=reason), name=name))
    (line,) = github.lines(verdict, WARN, HERE)
    assert line.splitlines() == [line]
    head, _, message = line.removeprefix("::").partition("::")
    level, _, properties = head.partition(" ")
    pairs = [each.partition("=") for each in properties.split(",")]
    assert level == "error"
    assert [key for key, _, _ in pairs] == ["file", "title"]
    assert not re.search(r"%(?!25|3A|2C)", properties)
    assert not re.search(r"%(?!25)", message)
