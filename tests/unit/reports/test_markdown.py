from __future__ import annotations

import re

from edgekit.reports import markdown
from tests import bench_results as made

EVIL = "a|b`c`<img src=x>*d*_e_[f](http://g)@someone #1\nh"


def test_the_verdict_the_table_the_failures_and_the_commands():
    results = [
        made.measured(made.plan()),
        made.failed(made.plan(runtime="litert"), tail="boom"),
        made.invalid(made.plan(runtime="torch"), "the CPU was throttled"),
    ]
    text = markdown.render(results, [made.verdict()])
    assert text.index("ship int8") < text.index("| 1 | toy/onnx-fp32 | onnxruntime |")
    for words in ("no such operator", "boom", "the CPU was throttled", "A processor"):
        assert words in text
    assert "edgekit bench exported/toy/onnx-fp32 --threads 2 --runtime onnxruntime" in text
    assert text.count("<details>") == text.count("</details>") == 2


def test_foreign_text_is_no_markup():
    text = markdown.render(
        [made.failed(made.foreign(EVIL.replace("/", ".")), EVIL, "```\n" + EVIL)]
    )
    table = [line for line in text.splitlines() if line.startswith("| ")]
    assert {line.count("|") for line in table if "---" not in line} == {12}
    outside = re.sub(r"^(`{3,})text\n.*?\n\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    assert "<img" not in outside
    assert not re.search(r"[`@]|\]\(", outside)
    assert "&#124;" in outside


def test_a_fence_is_longer_than_any_in_what_it_holds():
    text = markdown.render([made.failed(made.plan(), tail="x````y")])
    assert "`````text\nx````y\n`````" in text


def test_nothing_measured_is_said():
    assert "No leg gave numbers that may be used." in markdown.render([])
