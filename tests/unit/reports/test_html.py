"""The page as a parser sees it; a browser opens it in tests/functional/test_html.py."""

from __future__ import annotations

import base64
import builtins
import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any

import pytest

from edgekit.errors import MissingDependency
from edgekit.records import EvalResult
from edgekit.records.scores import Score
from edgekit.reports import html
from edgekit.reports.html.latency import thinned
from edgekit.wire import Scenario, Trial
from tests import bench_results as made

VOID = {"meta", "br"}
# A name as a foreign file may have it.
EVIL = '</script><script>alert(1)</script><img src=x onerror="alert(2)">\x1b[31m\u202e|`=1.onnx'


@dataclass
class Element:
    name: str
    attributes: dict[str, str | None]
    text: str = ""
    inside: list[Element] = field(default_factory=list)


class Page(HTMLParser):
    """Elements of a page, and that each that was opened was closed."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs))
        self.elements.append(element)
        for outer in self._open:
            outer.inside.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag):
        assert self._open.pop().name == tag

    def handle_data(self, data):
        for element in self._open:
            element.text += data

    def all(self, name: str) -> list[Element]:
        return [element for element in self.elements if element.name == name]

    def by_id(self, identifier: str) -> Element:
        (found,) = [one for one in self.elements if one.attributes.get("id") == identifier]
        return found

    def ids(self) -> list[str]:
        return [one.attributes["id"] or "" for one in self.elements if "id" in one.attributes]

    def figures(self) -> dict[str, Any]:
        return {
            script.attributes["data-figure"] or "": json.loads(script.text)
            for script in self.all("script")
            if "data-figure" in script.attributes
        }

    def rows(self, identifier: str) -> list[list[str]]:
        """Cells of a section's first table, its headings first."""
        table = next(one for one in self.by_id(identifier).inside if one.name == "table")
        return [
            [" ".join(cell.text.split()) for cell in row.inside if cell.name in {"th", "td"}]
            for row in table.inside
            if row.name == "tr"
        ]


def page(results, verdicts=(), accuracies=None) -> Page:
    return Page(html.render(results, verdicts, accuracies or {}))


@pytest.fixture(scope="module")
def full() -> Page:
    results = [
        *made.many(("toy", "bigger")),
        made.failed(made.plan(runtime="tensorrt"), tail="one\ntwo\nthe last line"),
        made.invalid(made.plan(runtime="torch"), "the CPU was throttled"),
    ]
    return page(results, [made.verdict()])


def test_the_answer_comes_first(full):
    header = full.all("header")[0]
    assert "ship int8" in header.text
    assert "2.35 times fp32's speed (2.20 to 2.50)" in header.text
    assert "1 failed, 1 invalid" in header.text
    assert "2026-11-25 10:00:00 UTC" in header.text
    assert full.ids().index("legs") < full.ids().index("accuracy")


def test_without_verdicts_it_names_the_fastest_valid_leg_of_each_model():
    slow, fast = (
        made.measured(made.plan(precision="fp32")),
        made.measured(made.plan(precision="int8"), [made.samples(1.0)]),
    )
    wrong = replace(made.measured(made.plan(precision="fp16"), [made.samples(0.1)]), valid=False)
    text = page([slow, fast, wrong]).all("header")[0].text
    assert "Fastest of 2 legs of toy: toy/onnx-int8, onnxruntime, 1.0" in text


def test_every_leg_has_a_row(full):
    rows = full.rows("legs")
    assert len(rows) == 1 + 20
    first = dict(zip(rows[0], rows[1], strict=True))
    assert first["leg"] == "1toy/onnx-fp32"
    assert first["agreement"] == "6/6"
    assert float(first["p50 ms"].split()[0][:4]) == pytest.approx(4.27, abs=0.1)
    assert first["state"] == "valid"
    assert {row[rows[0].index("state")] for row in rows[-2:]} == {"failed in load", "invalid"}


def test_every_figure_has_a_title_and_a_table(full):
    figures = full.figures()
    assert {"accuracy-figure-0", "size-figure-0", "memory-figure", "operators-figure"} <= set(
        figures
    )
    assert sum(name.startswith("latency-figure") for name in figures) == 2
    for name, figure in figures.items():
        place = full.by_id(name)
        assert place.attributes["role"] == "img"
        assert place.attributes["aria-label"]
        assert figure["data"]
    for section in full.all("section"):
        names = Counter(one.name for one in section.inside)
        plots = sum(one.attributes.get("class") == "plot" for one in section.inside)
        assert names["table"] >= (plots > 0)


def test_the_front_leaves_out_what_is_beaten_and_what_is_invalid():
    best = made.measured(made.plan(precision="fp32"), [made.samples(2.0, agreement=1.0)])
    fast = made.measured(made.plan(precision="int8"), [made.samples(1.0, agreement=5 / 6)])
    beaten = made.measured(made.plan(precision="fp16"), [made.samples(3.0, agreement=5 / 6)])
    wrong = replace(made.measured(made.plan(runtime="torch"), [made.samples(0.1)]), valid=False)
    batched = made.measured(replace(made.plan(), batch=8), [replace(made.samples(9.0), batch=8)])
    rows = page([best, fast, beaten, wrong, batched]).rows("accuracy")
    place = rows[0].index("on the front")
    assert [row[place] for row in rows[1:]] == ["yes", "yes", "no", "no: invalid", "alone"]


def test_what_is_relative_to_a_model_has_a_figure_for_each(full):
    figures = full.figures()
    assert [name for name in figures if name.startswith(("accuracy", "size"))] == [
        "accuracy-figure-0", "accuracy-figure-1", "size-figure-0", "size-figure-1"
    ]  # fmt: skip
    assert (
        full.by_id("accuracy-figure-1").attributes["aria-label"].endswith("latency in ms: bigger")
    )


def test_top_1_is_taken_where_somebody_measured_it():
    result = made.measured(made.plan())
    sha256 = result.plan.subject.sha256
    found = EvalResult("toy", sha256, "onnxruntime", 500, Score("top1", 0.75, {}), 0.99)
    shown = page([result, made.measured(made.foreign("m.onnx"))], (), {sha256: found})
    assert "top-1, %" in shown.rows("accuracy")[0]
    assert "on 500 images" in shown.by_id("accuracy").text
    assert "Left out: 1 leg without it" in shown.by_id("accuracy").text
    assert dict(zip(*shown.rows("legs")[:2], strict=True))["accuracy"] == "top-1 75.0 % of 500"


def test_without_any_accuracy_there_is_no_figure_of_it():
    blind = replace(made.samples(), golden=None)
    shown = page([made.measured(made.plan(), [blind])])
    assert "accuracy" not in shown.ids()
    assert "size-figure-0" in shown.figures()
    assert "#accuracy" not in {one.attributes.get("href") for one in shown.all("a")}


def test_no_inference_is_left_out_of_the_extremes():
    assert thinned(2000) == list(range(2000))
    places = thinned(100_000)
    assert len(places) < 600
    assert places[:50] == list(range(50))
    assert places[-50:] == list(range(99_950, 100_000))


def test_the_distribution_holds_all_processes():
    launches = [made.samples(2.0, 10), made.samples(9.0, 10, seed=1)]
    line, medians, _ = page([made.measured(made.plan(), launches)]).figures()["latency-figure-0"][
        "data"
    ]
    assert len(line["x"]) == 20
    assert line["y"][-1] == 1.0
    assert line["x"] == sorted(line["x"])
    assert len(medians["x"]) == 2


def test_a_failure_is_told_with_its_hint_and_last_lines(full):
    trouble = full.by_id("trouble").text
    for words in ("the kernel has no such operator", "try another runtime", "the last line"):
        assert words in trouble
    assert "the CPU was throttled" in trouble
    links = {one.attributes.get("href") for one in full.all("a")}
    assert {"#trouble-19", "#trouble-20"} <= links
    assert {link[1:] for link in links if link} <= set(full.ids())


def test_each_row_says_how_to_measure_it_again(full):
    text = full.by_id("reproduce").text
    assert "edgekit bench exported/toy/onnx-int8 --threads 2 --runtime onnxruntime" in text
    assert "edgekit export toy --format litert --precision fp16 --weights random" in text
    buttons = full.all("button")
    assert buttons
    # Without a script, or without a clipboard, there is no button that does nothing.
    assert all("hidden" in one.attributes and one.attributes["aria-label"] for one in buttons)


def test_what_to_know_of_a_valid_leg_is_a_link_away():
    noted = replace(made.measured(made.plan()), reasons=("unsteady: it never settled",))
    shown = page([noted])
    (link,) = [one for one in shown.all("a") if one.text == "valid, noted"]
    assert "it never settled" in shown.by_id((link.attributes["href"] or "")[1:]).text


def test_the_state_before_and_after_is_there(full):
    text = full.by_id("machine").text
    assert "A processor" in text
    assert re.search(r"load_1min\s*0\.10\s*1\.00", text)


def test_foreign_text_stays_text():
    foreign = made.foreign("x.onnx")
    evil = replace(
        foreign,
        subject=replace(
            foreign.subject, path=foreign.subject.path.with_name(EVIL.replace("/", "\\"))
        ),
    )
    odd = replace(evil, runtime=EVIL, shapes={EVIL: [1, 2]})
    bad = replace(
        made.samples(), settings={EVIL: EVIL}, environment={EVIL: EVIL, "before." + EVIL: EVIL}
    )
    results = [
        replace(made.measured(odd, [bad]), run=EVIL, measured_at=EVIL),
        made.failed(odd, EVIL, EVIL),
        made.invalid(odd, EVIL),
    ]
    source = html.render(results)
    shown = Page(source)
    assert len(shown.all("script")) == len(
        page([made.measured(made.foreign("x.onnx"))]).all("script")
    )
    assert shown.all("img") == []
    assert {
        name for one in shown.elements for name in one.attributes if name.startswith("on")
    } == set()
    assert "\x1b" not in source
    assert "\u202e" not in source.split("<footer>")[0]
    assert "alert(1)" in shown.by_id("legs").text


def test_the_page_asks_for_nothing_and_runs_only_its_own_scripts(full):
    source = html.render([made.measured(made.plan())])
    shown = Page(source)
    assert [one for one in shown.elements if one.name in {"link", "iframe", "img", "object"}] == []
    assert [one for one in shown.all("script") if "src" in one.attributes] == []
    assert len(re.findall(r"plotly\.js v\d", source)) == 1
    (policy,) = [
        one.attributes["content"] or ""
        for one in shown.all("meta")
        if one.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policy
    run = [one for one in shown.all("script") if "type" not in one.attributes]
    for script in run:
        digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]


def test_it_can_be_read_without_a_mouse_and_without_sight(full):
    assert full.all("html")[0].attributes["lang"] == "en"
    assert next(one.attributes["href"] for one in full.all("a")) == "#main"
    assert len(full.all("h1")) == len(full.all("main")) == 1
    assert len(full.ids()) == len(set(full.ids()))
    for table in full.all("table"):
        names = Counter(one.name for one in table.inside)
        assert names["caption"] == 1
        assert all(one.attributes.get("scope") for one in table.inside if one.name == "th")
    for section in full.all("section"):
        assert section.attributes["aria-labelledby"] in full.ids()


def test_memory_that_was_not_measured_has_a_reason_and_no_number():
    shown = page([made.measured(made.plan(), [replace(made.samples(), memory=[])])])
    assert "Not measured: this system keeps no marks." in shown.by_id("memory").text
    assert "memory-figure" not in shown.figures()


def test_energy_has_a_sensor_or_a_reason():
    why = replace(made.samples(), environment={"energy.none": "RAPL is for root alone"})
    without = page([made.measured(made.plan(), [why])])
    assert "Not measured: RAPL is for root alone." in without.by_id("energy").text
    shown = page([made.measured(made.plan(), [replace(made.samples(), energy=made.windows(2.0))])])
    # 2 J less 1 J of idling, by 100.
    assert shown.figures()["energy-figure-0"]["data"][0]["x"] == [pytest.approx(10.0)]
    assert "package: rapl:package-0" in shown.rows("energy")[1]


def test_memory_adds_up_to_what_is_resident():
    data = page([made.measured(made.plan())]).figures()["memory-figure"]["data"]
    parts = {trace["name"]: trace["x"][0] for trace in data}
    peak = parts.pop("peak of the process")
    first = next(mark for mark in made.samples().memory if mark.phase == "first")
    assert sum(parts.values()) == pytest.approx(first.rss_bytes / made.MIB)
    assert parts["model, mapped from its file"] == 9
    assert peak > sum(parts.values())


def test_operators_of_one_kind_and_precision_are_added_up():
    shown = page([made.measured(made.plan(), [made.samples(2.0)])])
    bars = shown.figures()["operators-figure"]["data"]
    assert [bar["text"][0] for bar in bars] == ["Conv", "Gemm", "QuantizeLinear"]
    assert bars[0]["x"] == [pytest.approx(1.2)]
    silent = page([made.measured(made.plan(), [replace(made.samples(), execution=[])])])
    assert "Not told" in silent.by_id("operators").text


def test_parts_of_an_inference_and_metrics_of_a_mode_have_tables():
    server = replace(made.plan(), scenario=Scenario("server", 40.0, p99_ms=10.0))
    samples = replace(
        made.samples(),
        parts_ns={"queue": [3_000_000] * 5, "model": [1_000_000] * 5},
        trials=[Trial(40.0, 39.5, 400, 20_000_000, 90, 7, holds=False)],
    )
    shown = page([made.measured(server, [samples])])
    text = shown.by_id("modes").text
    assert "p99 beyond 10 ms in 1 of 1 processes" in text
    assert re.search(r"most waiting\s*7\.00", text)
    assert re.search(r"queue\s*3\.00", text)
    assert "server 40/s, p99 10 ms" in shown.rows("legs")[1]


def test_too_few_inferences_are_told_in_place_of_a_percentile():
    shown = page([made.measured(made.plan(), [made.samples(count=70)])])
    first = dict(zip(*shown.rows("legs")[:2], strict=True))
    assert first["p99 ms"] == "n<368"


def test_legs_of_one_file_and_runtime_say_what_tells_them_apart():
    one = made.plan()
    results = [made.measured(replace(one, threads=1)), made.measured(replace(one, threads=4))]
    names = [row[0] for row in page(results).rows("legs")[1:]]
    assert names == ["1toy/onnx-fp32 (1 thread)", "2toy/onnx-fp32 (4 threads)"]


@pytest.mark.parametrize(
    "results",
    [
        pytest.param([], id="none"),
        pytest.param([made.failed(made.plan())], id="only-a-failed-one"),
        pytest.param([made.invalid(made.plan(), "x")], id="only-an-invalid-one"),
        pytest.param(made.many(("a", "b", "c", "d", "e"))[:40], id="forty"),
    ],
)
def test_any_number_of_legs_is_a_page(results):
    shown = page(results)
    assert len(shown.rows("legs")) == 1 + len(results)
    assert "NaN" not in json.dumps(shown.figures())


def test_without_plotly_it_says_what_to_install(monkeypatch):
    really = builtins.__import__

    def without_plotly(name, *rest):
        if name.split(".")[0] == "plotly":
            raise ModuleNotFoundError("No module named 'plotly'", name="plotly")
        return really(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_plotly)
    with pytest.raises(MissingDependency) as caught:
        html.check()
    assert caught.value.hint == "pip install 'edgekit-ml[report]'"
