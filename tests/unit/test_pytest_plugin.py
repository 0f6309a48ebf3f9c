"""The fixture `edgekit_gate`, in a run of pytest of its own."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from edgekit import api, pytest_plugin
from edgekit.errors import DataError
from tests import gate_verdicts as made

pytest_plugins = ["pytester"]

ONE_TEST = """
def test_fast(edgekit_gate):
    assert edgekit_gate("a", "b", max_slowdown=0.05).base
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs one test against a made verdict or error; gives what came of it and what was asked."""
    # Whether the package's entry point is installed or not: the plugin is loaded once, here.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def with_answer(answer: Any, *args: str, test: str = ONE_TEST) -> Any:
        asked = []

        def gate(*words: Any, **options: Any) -> Any:
            asked.append((words, options))
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(api, "gate", gate)
        pytester.makepyfile(test)
        done = pytester.runpytest_inprocess(*args, plugins=[pytest_plugin])
        return done, asked

    return with_answer


def test_a_model_that_is_no_worse_passes(run):
    done, asked = run(made.fine(), "-W", "error")
    done.assert_outcomes(passed=1)
    assert asked == [(("a", "b"), {"max_slowdown": 0.05})]


def test_a_slower_one_fails_with_the_report_and_no_traceback(run):
    done, _ = run(made.slow())
    done.assert_outcomes(failed=1)
    shown = done.stdout.str()
    assert "+5.2 % (4.1 to 6.3 %)" in shown
    assert "slower in all 6 launches" in shown
    assert "\nedgekit_gate: fail: toy/onnx-fp32: latency +5.2 %" in shown
    for noise in ("def test_fast", "pytest_plugin.py", "Traceback"):
        assert noise not in shown


def test_what_noise_leaves_open_is_a_warning(run):
    done, _ = run(made.open_(), "-W", "default")
    done.assert_outcomes(passed=1, warnings=1)
    shown = done.stdout.str()
    assert "InconclusiveWarning: edgekit_gate: inconclusive: toy/onnx-fp32: latency" in shown
    assert "test_what_noise_leaves_open_is_a_warning.py:2: Inconclusive" in shown


@pytest.mark.parametrize(
    ("args", "outcome"),
    [
        (("--edgekit-on-inconclusive", "fail"), {"failed": 1}),
        (("--edgekit-on-inconclusive", "pass", "-W", "error"), {"passed": 1}),
        (("-o", "edgekit_on_inconclusive=fail"), {"failed": 1}),
        (
            ("-o", "edgekit_on_inconclusive=fail", "--edgekit-on-inconclusive", "pass"),
            {"passed": 1},
        ),
    ],
)
def test_what_it_is_taken_for_can_be_set(run, args, outcome):
    done, _ = run(made.open_(), *args)
    done.assert_outcomes(**outcome)


def test_the_test_itself_has_the_last_word(run):
    said = ONE_TEST.replace("max_slowdown=0.05", "on_inconclusive='fail'")
    done, asked = run(made.open_(), "--edgekit-on-inconclusive", "pass", test=said)
    done.assert_outcomes(failed=1)
    assert asked == [(("a", "b"), {})]


@pytest.mark.parametrize("args", [(), ("-o", "edgekit_on_inconclusive=perhaps")])
def test_an_unknown_choice_is_refused_before_anything_is_measured(run, args):
    said = ONE_TEST if args else ONE_TEST.replace("max_slowdown=0.05", "on_inconclusive='perhaps'")
    done, asked = run(made.open_(), *args, test=said)
    assert "one of warn, pass, fail" in done.stdout.str()
    assert done.ret != 0
    assert asked == []


def test_an_error_is_told_with_its_hint_and_no_traceback(run):
    done, _ = run(DataError("there is no a", hint="export it", stderr_tail="last words"))
    done.assert_outcomes(failed=1)
    shown = done.stdout.str()
    for words in ("there is no a", "hint: export it", "last words"):
        assert words in shown
    for noise in ("def test_fast", "Traceback", "DataError(", "exception"):
        assert noise not in shown


def test_junit_has_the_ratio(run, pytester):
    run(made.slow(), "--junitxml", "out.xml")
    root = ET.parse(pytester.path / "out.xml").getroot()
    found = {each.get("name"): each.get("value") for each in root.iter("property")}
    assert found == {
        "edgekit.outcome": "fail",
        "edgekit.toy/onnx-fp32.latency_ratio": "1.05200",
        "edgekit.toy/onnx-fp32.latency_interval": "1.04100 1.06300",
    }


def test_pytest_starts_without_anything_heavy(run_python):
    loaded = run_python(
        "import json, sys, pytest; before = set(sys.modules); import edgekit.pytest_plugin;"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    assert set(loaded) <= {"edgekit", "edgekit.pytest_plugin"}
