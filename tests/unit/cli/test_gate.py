"""`edgekit gate` around the comparison: its options, what it writes, how it ends."""

from __future__ import annotations

import contextlib
import json
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from edgekit.cli.app import app
from edgekit.errors import EdgekitError, UsageError
from edgekit.records import GateVerdict, Limits, Outcome
from edgekit.workflows import comparison, revisions
from edgekit.workflows import pairs as pairing
from tests import gate_verdicts as made

Gate = Callable[..., Any]
ON_GITHUB = ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "CI_PROJECT_DIR")


class Stub:
    """Stands for what compares: gives what it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.verdict = made.fine()
        self.slowdown = 0.018
        self.asked: list[Any] = []

    def pairs(self, request: Any, *_: Any) -> Any:
        self.asked.append(request)
        return pairing.Pairs((made.plan(), made.plan("other")), (), ())

    def gate(self, _: Any, on_event: Any, *, base: str, head: str) -> GateVerdict:
        on_event(f"comparing {base} and {head}")
        return self.verdict

    def resolution(self, *_: Any) -> Any:
        return made.resolution(self.slowdown)


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stub:
    found = Stub()
    module = types.SimpleNamespace(gate=found.gate, resolution=found.resolution)
    monkeypatch.setattr(comparison, "gate", module)
    monkeypatch.setattr(comparison, "pairs", found.pairs)
    monkeypatch.setattr(comparison, "aa_plans", lambda request: found.pairs(request).plans)
    monkeypatch.setattr(revisions, "built", lambda request, _: contextlib.nullcontext(request))
    for name in ON_GITHUB:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return found


@pytest.fixture
def gate(stub: Stub) -> Gate:
    def run(*args: object) -> Any:
        words = ["gate", *map(str, args)]
        return CliRunner().invoke(app, words, env={"COLUMNS": "200", "TERM": "dumb"})

    return run


@pytest.mark.parametrize(
    ("verdict", "choice", "status"),
    [
        (made.fine(), "warn", 0),
        (made.fine(), "fail", 0),
        (made.slow(), "warn", 1),
        (made.slow(), "pass", 1),
        (made.open_(), "warn", 7),
        (made.open_(), "pass", 0),
        (made.open_(), "fail", 1),
        (made.verdict(made.broken()), "pass", 1),
    ],
)
def test_the_status_is_the_verdicts(stub, gate, verdict, choice, status):
    stub.verdict = verdict
    done = gate("a", "b", "--on-inconclusive", choice)
    assert done.exit_code == status, done.output
    assert f"gate: {verdict.outcome}: " in done.stdout
    assert ("taken for" in done.stderr) == (verdict.outcome is Outcome.INCONCLUSIVE)


def test_what_goes_on_is_told_beside_the_result(gate):
    done = gate("a", "b")
    assert "comparing a and b" in done.stderr
    assert "comparing" not in done.stdout


def test_options_become_the_request(stub, gate):
    words = "--export make --max-slowdown 5% --budget 2m --threads 2 --runtime openvino --batch 4"
    words += " --shape x=1,3 --max-size-growth 0.1 --max-memory-growth 4% --max-ops-growth 0"
    words += " --max-int8-drop 3% --data photos --max-drop 0.5"
    assert gate("main", "HEAD", *words.split()).exit_code == 0
    (request,) = stub.asked
    assert (request.base, request.head, request.command) == ("main", "HEAD", "make")
    limits = Limits(0.05, 0.1, 0.04, 0.0, 0.03, 0.005)
    assert request.limits == limits
    assert (request.runtime, request.device, request.threads) == ("openvino", "local", 2)
    assert (request.batch, request.shapes) == (4, {"x": [1, 3]})
    assert (request.budget_s, request.data) == (120.0, Path("photos"))


def test_the_defaults_are_the_records(stub, gate):
    assert gate("a", "b").exit_code == 0
    assert stub.asked == [pairing.GateRequest("a", "b")]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("a",), "nothing to compare BASE with"),
        (("a", "b", "--aa"), "leave out --aa, or HEAD"),
        (("a", "b", "--max-slowdown", "0.5%"), "--max-slowdown 1%"),
        (("a", "--aa", "--max-slowdown", "0"), "--max-slowdown 1%"),
        (("a", "b", "--max-slowdown", "fast"), "--max-slowdown"),
        (("a", "b", "--budget", "soon"), "--budget"),
        (("a", "b", "--shape", "x"), "--shape"),
        (("a", "b", "--junit", "none/a.xml"), "mkdir -p"),
        (("a", "b", "--sarif", "."), "is a folder"),
        (("a", "--aa", "--junit", "a.xml"), "--aa gives no verdict for --junit"),
    ],
)
def test_what_can_not_be_done_is_refused_before_anything_is_measured(stub, gate, args, words):
    done = gate(*args)
    assert isinstance(done.exception, UsageError)
    assert words in f"{done.exception} {done.exception.hint}"
    assert stub.asked == []
    assert done.stdout == ""


def test_files_are_written(stub, gate, tmp_path):
    stub.verdict = made.slow()
    done = gate("a", "b", "--junit", "j.xml", "--markdown", "m.md", "--sarif", "s.json", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["outcome"] == "fail"
    assert ET.parse(tmp_path / "j.xml").getroot().tag == "testsuites"
    assert "❌ fail" in (tmp_path / "m.md").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "s.json").read_text())["version"] == "2.1.0"
    assert "wrote j.xml" in done.stderr
    assert "::error" not in done.output


def test_github_is_told_where_it_runs(stub, gate, tmp_path, monkeypatch):
    stub.verdict = made.slow()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    done = gate("a", "b", "--json")
    assert "::error file=exported/toy/onnx-fp32/model.bin,title=" in done.stderr
    assert json.loads(done.stdout)["outcome"] == "fail"
    assert summary.read_text(encoding="utf-8").startswith("before\n<!-- edgekit gate -->\n")
    assert "::error" not in gate("a", "b", "--no-annotations").output


def test_annotations_can_be_asked_for_anywhere(stub, gate):
    stub.verdict = made.slow()
    assert "::error " in gate("a", "b", "--annotations").stderr


def test_aa_says_what_is_resolved_and_refuses_what_is_not(stub, gate):
    done = gate("a", "--aa")
    assert done.exit_code == 0
    assert done.stdout.count("tells a slowdown of 1.8 % from none") == 2
    assert [(each.base, each.head) for each in stub.asked] == [("a", "")]
    stub.slowdown = 0.0412
    done = gate("a", "--aa", "--json")
    assert isinstance(done.exception, EdgekitError)
    assert done.exception.exit_code == 2
    assert "--max-slowdown 4.2%" in done.exception.hint
    assert "--budget 120s" in done.exception.hint
    found = json.loads(done.stdout)["resolutions"]
    assert [(each["slowdown"], each["attainable"]) for each in found] == [(0.0412, False)] * 2
