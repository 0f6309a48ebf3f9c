"""Git revisions exported by a command, each in a worktree of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgekit.errors import EdgekitError, MissingDependency, ToolError, UsageError
from edgekit.workflows.pairs import GateRequest, pairs
from edgekit.workflows.revisions import built
from tests import foreign_files

COPY = "cp net.onnx {out}/"
Git = Callable[..., str]


@pytest.fixture
def git(tmp_path, monkeypatch) -> Git:
    """Runs git in a repository of two commits, which is the current folder."""
    root = tmp_path / "a repository"
    root.mkdir()
    monkeypatch.chdir(root)
    for name, value in {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary files"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "temporary files").mkdir()

    def run(*words: str) -> str:
        person = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost"]
        return subprocess.run(
            ["git", *person, *words], check=True, capture_output=True, text=True
        ).stdout.strip()

    run("init", "--quiet", "--initial-branch=main")
    for tag, seed in (("old", 1), ("new", 2)):
        model = foreign_files.with_constant(
            foreign_files.net(), "fb", np.full(foreign_files.CLASSES, seed)
        )
        onnx.save(model, root / "net.onnx")
        (root / "sub").mkdir(exist_ok=True)
        (root / "sub" / "who.py").write_text(f"print({tag!r})")
        run("add", "--all")
        run("commit", "--quiet", "--message", tag)
        run("tag", tag)
    return run


def is_clean(git: Git, tmp_path: Path) -> bool:
    """Whether nothing of a gate is left: no worktree, no temporary file, no change."""
    alone = len(git("worktree", "list").splitlines()) == 1
    return (
        alone
        and not git("status", "--porcelain")
        and not any((tmp_path / "temporary files").iterdir())
    )


def asked(base: str = "old", head: str = "new", command: str = COPY) -> GateRequest:
    return GateRequest(base, head, command)


def test_each_revision_is_exported_from_its_own_files(git, tmp_path):
    said: list[str] = []
    with built(asked(), said.append) as request:
        contents = [Path(side, "net.onnx").read_bytes() for side in (request.base, request.head)]
        assert contents[1] == Path("net.onnx").read_bytes()
        assert contents[0] != contents[1]
        found = pairs(request)
        assert [plan.name for plan in found.plans] == ["net.onnx"]
        commits = [git("rev-parse", tag)[:10] for tag in ("old", "new")]
        assert found.notes == (
            f"base is old, commit {commits[0]}",
            f"head is new, commit {commits[1]}",
        )
    assert said == ["exporting base: old", "exporting head: new"]
    assert is_clean(git, tmp_path)


def test_the_working_tree_is_built_in_place(git, tmp_path):
    Path("net.onnx").write_bytes(b"not committed")
    with built(asked(head=".", command='pwd > where; cp net.onnx "$EDGEKIT_OUT"')) as request:
        assert Path(request.head, "net.onnx").read_bytes() == b"not committed"
        assert Path(request.base, "net.onnx").read_bytes() != b"not committed"
    assert Path("where").read_text().strip() == str(Path.cwd())


def test_files_that_are_there_stand_for_themselves(git, tmp_path):
    shipped = foreign_files.saved(tmp_path / "net.onnx")
    with built(asked(base=str(shipped))) as request:
        assert request.base == str(shipped)
        assert Path(request.head, "net.onnx").is_file()
    with built(GateRequest(str(shipped), "net.onnx")) as request:
        assert request.head == "net.onnx"
    with pytest.raises(UsageError, match="no side is a revision"), built(asked("net.onnx", "sub")):
        pass


def test_the_same_commit_on_both_sides_is_said(git):
    with built(asked("new", "main")) as request:
        assert request.notes[-1].startswith("base and head are the same commit")


def test_base_alone_for_a_file_against_itself(git):
    with built(asked(head="")) as request:
        assert Path(request.base, "net.onnx").is_file()
        assert request.head == ""


def test_the_command_runs_the_code_of_its_revision(git, monkeypatch, tmp_path):
    """In the folder that is the current one, and with nothing that leads out of the worktree."""
    root = Path.cwd()
    monkeypatch.chdir(root / "sub")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root / "sub"), str(tmp_path)]))
    monkeypatch.setenv("EDGEKIT_RESULTS", str(tmp_path))
    # As in a hook of git's.
    monkeypatch.setenv("GIT_DIR", str(root / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(root / ".git" / "index"))
    command = (
        f"cp ../net.onnx {{out}}; (cd / && {sys.executable} -m who > {{out}}/code); "
        "git rev-parse HEAD > {out}/commit; env > {out}/env"
    )
    with built(asked(command=command)) as request:
        monkeypatch.delenv("GIT_DIR")
        monkeypatch.delenv("GIT_INDEX_FILE")
        for side, tag in ((request.base, "old"), (request.head, "new")):
            assert Path(side, "code").read_text() == f"{tag}\n"
            assert Path(side, "commit").read_text().strip() == git("rev-parse", tag)
            assert "EDGEKIT_RESULTS" not in Path(side, "env").read_text()
    assert is_clean(git, tmp_path)


@pytest.mark.parametrize(
    ("base", "command", "error", "message", "hint"),
    [
        ("nothing", COPY, UsageError, "nothing is no git revision and no path", "git log"),
        ("--since=yesterday", COPY, UsageError, "no git revision", "git log"),
        ("old", "", UsageError, "nothing says how to export it", "--export"),
        ("old", "true", ToolError, "the export of base, old, wrote no artifact", "EDGEKIT_OUT"),
        ("old", "echo words; exit 7", ToolError, "exit status 7: echo words", "fresh checkout"),
        ("old", "no-such-program", ToolError, "exit status 127", "fresh checkout"),
    ],
)
def test_bad_input(git, tmp_path, base, command, error, message, hint):
    with pytest.raises(error, match=message) as caught, built(asked(base, command=command)):
        pass
    assert hint in caught.value.hint
    assert is_clean(git, tmp_path)


def test_the_last_lines_of_a_failed_export_are_in_the_error(git):
    with pytest.raises(ToolError) as caught, built(asked(command="seq 100; echo why >&2; exit 1")):
        pass
    assert caught.value.stderr_tail.splitlines()[-2:] == ["100", "why"]
    assert "\n1\n" not in caught.value.stderr_tail


def test_without_a_repository_or_git(git, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="in no git repository"), built(asked()):
        pass
    with built(GateRequest("old", "new")) as request:
        assert request.base == "old"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependency, match="git is not installed"), built(asked()):
        pass


def test_a_shallow_clone_is_said(git, tmp_path, monkeypatch):
    git("clone", "--quiet", "--depth=1", f"file://{Path.cwd()}", str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    with pytest.raises(EdgekitError) as caught, built(asked("main~1")):
        pass
    assert "--unshallow" in caught.value.hint


WAITING = """
import sys
from edgekit.workflows.pairs import GateRequest
from edgekit.workflows.revisions import built
with built(GateRequest("old", "new", sys.argv[1])):
    pass
"""


def test_ctrl_c_leaves_nothing(git, tmp_path):
    started = tmp_path / "started"
    command = f"sleep 600 & echo $! > '{started}'.part; mv '{started}'.part '{started}'; wait"
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING, command],
        env={**os.environ, "PYTHONPATH": root},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not started.exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in stderr
    assert is_clean(git, tmp_path)
    # What the command had started ends too, or waits for its parent to take note of its end.
    status = Path(f"/proc/{started.read_text().strip()}/stat")
    deadline = time.monotonic() + 60
    while status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.02)
