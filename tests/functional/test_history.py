"""`edgekit history` as a user runs it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests import foreign_files
from tests import histories as made
from tests.browser import DARK, LIGHT, NEEDED, PHONE, TEXT, widths

# A line of plotly's across a figure.
LINE = re.compile(r'class="shapelayer">(?:<g[^>]*>)*<path')


@pytest.fixture
def stepped(tmp_path) -> Path:
    """A slowdown that holds, and another kind of machine."""
    other = made.of(made.noisy(20, 7), 30, fingerprint=made.machine("<i>EPYC</i>"))
    lines = [made.pin(), *made.of(made.stepped(60, 45, 0.05, 3)), *other]
    return made.write(tmp_path / "history", lines)


@pytest.fixture
def steady(tmp_path) -> Path:
    return made.write(tmp_path / "history", [made.pin(), *made.of(made.noisy(40, 1))])


def test_a_slowdown_that_holds_fails_and_is_told(run_cli, stepped, tmp_path):
    report = tmp_path / "history.md"
    done = run_cli("history", "show", stepped, "--markdown", report)
    assert done.returncode == 1, done.stderr
    good, bad = (made.sha(f"commit {position}")[:10] for position in (45, 46))
    assert re.search(rf"\+[456]\.\d % .*{good}.*{bad}.*slower, confirmed", done.stdout)
    assert "nothing is compared across them" in done.stdout
    text = report.read_text()
    assert text.startswith("### edgekit history\n")
    assert bad in text
    assert "<i>" not in text


def test_a_history_without_one_passes(run_cli, steady):
    done = run_cli("history", "show", steady)
    assert done.returncode == 0, done.stderr
    assert "No slowdown" in done.stdout


def test_what_is_allowed_is_a_share(run_cli, stepped):
    assert run_cli("history", "show", stepped, "--max-slowdown", "20%").returncode == 0
    done = run_cli("history", "show", stepped, "--max-slowdown", "3")
    assert done.returncode == 2
    assert "--max-slowdown 3%" in done.stderr


def test_json_has_all_of_it_and_nothing_else(run_cli, stepped):
    done = run_cli("history", "show", stepped, "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found["schema_version"], found["failing"]) == (1, 1)
    first, other = found["segments"]
    assert (len(first["points"]), len(other["points"])) == (60, 20)
    (change,) = first["changes"]
    assert change["state"] == "confirmed"
    assert change["index"] == 45


def test_a_broken_line_is_named_after_everything_was_shown(run_cli, steady):
    (steady / "broken.jsonl").write_text('\n{"record": "measurement"')
    done = run_cli("history", "show", steady)
    assert done.returncode == 6
    assert "No slowdown" in done.stdout
    assert f"{steady / 'broken.jsonl'}:2" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_history_and_none_are_told_apart(run_cli, tmp_path):
    (tmp_path / "empty").mkdir()
    done = run_cli("history", "show", tmp_path / "empty")
    assert (done.returncode, done.stdout) == (0, "this history holds no measurements\n")
    done = run_cli("history", "show", tmp_path / "nothing")
    assert done.returncode == 2
    assert run_cli("history", "show").returncode == 2


def test_a_commit_is_pinned_added_and_shown_in_a_branch(run_cli, tmp_path):
    repository = tmp_path / "code"
    repository.mkdir()
    for words in (
        ["init", "-q", "-b", "main"],
        ["config", "user.name", "a"],
        ["config", "user.email", "a@b"],
        ["commit", "-q", "--allow-empty", "-m", "first"],
    ):
        subprocess.run(["git", *words], cwd=repository, check=True)
    model = foreign_files.saved(repository / "net.onnx")
    where = ["--branch", "edgekit-history"]
    assert run_cli("history", "pin", model, *where, cwd=repository).returncode == 0
    options = ["--reference", model, "--threads", 1, "--budget", "1s", "--json"]
    done = run_cli("history", "add", model, *options, *where, cwd=repository)
    assert done.returncode == 0, done.stderr
    (alert,) = json.loads(done.stdout)["alerts"]
    one = alert["measurement"]
    assert one["position"] == 1
    assert 0.2 < one["ratio"] < 5.0
    assert one["head_sha256"] == one["reference_sha256"]
    assert "edgekit-history:00000001-" in done.stderr
    shown = run_cli("history", "show", *where, cwd=repository)
    assert shown.returncode == 0, shown.stderr
    assert "net.onnx, onnxruntime, 1 thread" in shown.stdout


@pytest.fixture
def page(run_cli, stepped, tmp_path) -> Path:
    path = tmp_path / "history.html"
    done = run_cli("history", "show", stepped, "--html", path)
    assert done.returncode == 1, done.stderr
    return path


@NEEDED
@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_page_draws_in_silence_and_without_a_network(page, open_page, theme):
    opened = open_page(page, theme=theme)
    assert opened.console == []
    assert opened.requests() == []
    plots = opened.plots()
    assert set(plots) == {"history-figure-0-0", "history-figure-0-1"}
    for drawn in plots.values():
        assert 'class="main-svg"' in drawn
        assert 'class="point' in drawn
        assert TEXT[theme] in drawn
    # The change is marked where its table says, and only on its own machine.
    assert "1▲" in plots["history-figure-0-0"]
    assert LINE.search(plots["history-figure-0-0"])
    assert "1▲" not in plots["history-figure-0-1"]
    assert not LINE.search(plots["history-figure-0-1"])
    assert "<title>edgekit history</title>" in opened.document
    assert "<i>EPYC" not in opened.document


@NEEDED
def test_the_page_fits_a_phone(page, open_page):
    assert max(widths(page, open_page)) <= PHONE
