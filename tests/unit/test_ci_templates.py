"""The GitHub Action and the GitLab template: what their scripts do, with a stand-in for edgekit."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from edgekit.cli.app import app
from tests.source import ROOT

ACTION = ROOT / ".github" / "actions" / "gate"
# What somebody may name a branch, or write into a field, to run a command of theirs.
NASTY = """$(touch owned) `touch owned` "; touch owned; ' && touch owned #\\ *"""

# Keeps its arguments, writes the reports that were asked for, and ends as it is told to.
EDGEKIT = f"""#!{sys.executable}
import json, os, sys
words = sys.argv[1:]
open("asked.json", "w").write(json.dumps(words))
status = int(os.environ["STATUS"])
for word in words:
    name, _, value = word.partition("=")
    if name in ("--markdown", "--junit") and status != 2:
        open(value, "w").write("a report")
sys.exit(status)
"""


def read(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def action() -> dict[Any, Any]:
    return read(ACTION / "action.yml")


@pytest.fixture(scope="module")
def job() -> dict[Any, Any]:
    return dict(read(ROOT / ".gitlab" / "gate.yml")[".edgekit-gate"])


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a script as a runner does, in `tmp_path`."""
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("there is no bash")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "edgekit").write_text(EDGEKIT)
    (programs / "edgekit").chmod(0o755)
    (programs / "python").write_text(EDGEKIT)
    (programs / "python").chmod(0o755)

    def script(text: str, flags: str, **env: str) -> subprocess.CompletedProcess[str]:
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [shell, "--noprofile", "--norc", flags, "pipefail", "-c", text],
            env={"PATH": path, "STATUS": "0", **env},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return script


def asked(folder: Path) -> list[str]:
    words: list[str] = json.loads((folder / "asked.json").read_text())
    return words


def step(action: dict[Any, Any], name: str) -> dict[str, Any]:
    (found,) = [each for each in action["runs"]["steps"] if each.get("id") == name]
    return dict(found)


def test_every_input_is_documented_and_used(action):
    used = set(re.findall(r"inputs\.([\w-]+)", json.dumps(action["runs"])))
    assert used == set(action["inputs"])
    text = (ACTION / "README.md").read_text(encoding="utf-8")
    for name, about in {**action["inputs"], **action["outputs"]}.items():
        assert len(about["description"]) > 10, name
        (row,) = re.findall(rf"^\| `{name}` \|.*$", text, re.MULTILINE)
        assert not about.get("default") or f"| `{about['default']}` |" in row
    for name, about in action["inputs"].items():
        assert about.get("required", False) == ("default" not in about), name


def test_no_input_is_text_of_a_script(action, job):
    for each in action["runs"]["steps"]:
        assert "${{" not in each.get("run", "")
        assert "eval" not in each.get("run", "")
    assert "eval" not in json.dumps(job)


def test_what_it_uses_is_pinned(action):
    text = (ACTION / "action.yml").read_text() + (ACTION / "README.md").read_text(encoding="utf-8")
    foreign = re.findall(r"uses: (?!OWNER/)(\S+)@(\S+)", text)
    assert len(foreign) >= 3
    assert [name for name, ref in foreign if not re.fullmatch(r"[0-9a-f]{40}", ref)] == []


def test_the_options_exist(action, job):
    group: Any = typer.main.get_command(app)
    known = {name for param in group.commands["gate"].params for name in param.opts}
    scripts = step(action, "gate")["run"] + "".join(job["script"])
    told = set(re.findall(r'"(--[\w-]+)=', scripts))
    assert told
    assert told <= known


def test_the_worked_example_is_a_workflow_that_fits(action):
    text = (ACTION / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    steps = yaml.safe_load(block)["jobs"]["gate"]["steps"]
    (gate,) = [each for each in steps if "/.github/actions/gate@" in each.get("uses", "")]
    assert set(gate["with"]) <= set(action["inputs"])
    needed = {name for name, about in action["inputs"].items() if about.get("required")}
    assert needed <= set(gate["with"])
    told = set(re.findall(r"steps\.gate\.outputs\.([\w-]+)", block))
    assert told <= set(action["outputs"])
    for each in steps:
        assert "${{" not in each.get("run", "")


def gate_step(
    run: Run, action: dict[Any, Any], folder: Path, status: int = 0, **inputs: Any
) -> dict[str, str]:
    """Runs the step that gates, and gives its outputs."""
    found = step(action, "gate")
    given = {name: about.get("default", "") for name, about in action["inputs"].items()}
    given |= {name.replace("_", "-"): value for name, value in inputs.items()}
    env = {
        name: given[re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", value)[1]]  # type: ignore[index]
        for name, value in found["env"].items()
    }
    outputs = folder / "outputs"
    outputs.write_text("")
    where = {"RUNNER_TEMP": str(folder), "GITHUB_OUTPUT": str(outputs)}
    done = run(found["run"], "-eo", STATUS=str(status), **env, **where)
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in outputs.read_text().splitlines())


def test_the_defaults_reach_the_command(run, action, tmp_path):
    gate_step(run, action, tmp_path, base="a", head="b")
    words = asked(tmp_path)
    assert words[0] == "gate"
    assert words[-3:] == ["--", "a", "b"]
    assert {"--max-slowdown=3%", "--budget=60s", "--on-inconclusive=warn"} <= set(words)
    assert not any(word.startswith(("--export", "--threads", "--runtime")) for word in words)


def test_nasty_inputs_are_arguments_and_no_commands(run, action, tmp_path):
    nasty: dict[str, Any] = {name.replace("-", "_"): NASTY for name in action["inputs"]}
    gate_step(run, action, tmp_path, **nasty)
    words = asked(tmp_path)
    assert words[-3:] == ["--", NASTY, NASTY]
    for option in ("export", "max-slowdown", "budget", "on-inconclusive", "threads", "runtime"):
        assert f"--{option}={NASTY}" in words
    assert NASTY in words
    assert not (tmp_path / "owned").exists()


def test_more_arguments_are_one_a_line(run, action, tmp_path):
    lines = "--data=my photos\n\n--max-drop=0.5\n"
    gate_step(run, action, tmp_path, base="a", head="-b", extra_args=lines)
    words = asked(tmp_path)
    assert words[-5:] == ["--data=my photos", "--max-drop=0.5", "--", "a", "-b"]


@pytest.mark.parametrize(
    ("status", "outcome", "end"),
    [(0, "pass", 0), (1, "fail", 1), (7, "inconclusive", 0), (5, "error", 5), (2, "error", 2)],
)
def test_the_outcome_is_an_output_and_then_the_end(run, action, tmp_path, status, outcome, end):
    found = gate_step(run, action, tmp_path, status, base="a", head="b")
    assert (found["outcome"], found["exit-code"]) == (outcome, str(status))
    if status == 2:  # nothing was written
        assert "markdown" not in found
    else:
        assert Path(found["markdown"]).read_text() == "a report"
        assert Path(found["junit"]).read_text() == "a report"
    env = {"EDGEKIT_OUTCOME": outcome, "EDGEKIT_STATUS": str(status)}
    done = run(step(action, "verdict")["run"], "-eo", **env)
    assert done.returncode == end
    assert done.stdout.startswith("::warning ") == (outcome == "inconclusive")


def test_what_is_installed_is_the_actions_own_version(run, action, tmp_path):
    script = step(action, "install")["run"]
    env = {"GITHUB_ACTION_PATH": str(ACTION), "EDGEKIT_INSTALL": "", "EDGEKIT_EXTRAS": "onnx"}
    for given, wanted in (
        ({}, f"{ROOT}[onnx]"),
        ({"EDGEKIT_EXTRAS": ""}, str(ROOT)),
        ({"EDGEKIT_INSTALL": NASTY}, NASTY),
    ):
        done = run(script, "-eo", **{**env, **given})
        assert done.returncode == 0, done.stderr
        assert asked(tmp_path) == ["-m", "pip", "install", "--quiet", "--", wanted]
    assert not (tmp_path / "owned").exists()


def gitlab(run: Run, job: dict[Any, Any], status: int = 0, **given: Any) -> Any:
    (script,) = job["script"]
    # GitLab's own script stops at the first command that fails.
    return run(script, "-eo", STATUS=str(status), **{**job["variables"], **given})


def test_gitlab_compares_a_merge_requests_ends(run, job, tmp_path):
    ends: dict[str, Any] = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": "0ld", "CI_COMMIT_SHA": "new"}
    done = gitlab(run, job, EDGEKIT_EXPORT="make {out}", **ends)
    assert done.returncode == 0, done.stderr
    words = asked(tmp_path)
    assert words[-4:] == ["--export=make {out}", "--", "0ld", "new"]
    assert gitlab(run, job, EDGEKIT_BASE="a", EDGEKIT_HEAD="b", **ends).returncode == 0
    assert asked(tmp_path)[-3:] == ["--", "a", "b"]


def test_gitlab_has_the_reports_and_takes_inconclusive_for_a_warning(run, job, tmp_path):
    assert gitlab(run, job, 7, EDGEKIT_BASE="a", EDGEKIT_HEAD="b").returncode == 7
    assert job["allow_failure"] == {"exit_codes": [7]}
    assert gitlab(run, job, 1, EDGEKIT_BASE="a", EDGEKIT_HEAD="b").returncode == 1
    junit = job["artifacts"]["reports"]["junit"]
    assert (tmp_path / junit).read_text() == "a report"
    (folder,) = job["artifacts"]["paths"]
    assert {path.name for path in (tmp_path / folder).iterdir()} == {"gate.md", "gate.xml"}


def test_gitlabs_variables_are_arguments_and_no_commands(run, job, tmp_path):
    names = [name for name in job["variables"] if name.startswith("EDGEKIT_")]
    nasty: dict[str, Any] = dict.fromkeys(names, NASTY)
    done = gitlab(run, job, **nasty)
    assert done.returncode == 0, done.stderr
    words = asked(tmp_path)
    assert words[-4:] == [NASTY, "--", NASTY, NASTY]
    assert f"--threads={NASTY}" in words
    (install,) = job["before_script"]
    assert run(install, "-eo", EDGEKIT_INSTALL=NASTY).returncode == 0
    assert asked(tmp_path)[-1] == NASTY
    assert not (tmp_path / "owned").exists()
    used = re.findall(r"\$\{?(EDGEKIT_\w+)", "".join(job["script"]) + install)
    assert set(names) == set(used)
