"""A history in a git branch: two clones that push to one repository lose nothing."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest

from edgekit.errors import ToolError, UsageError
from edgekit.results.branches import Branch
from tests.histories import measured, pin

NAME = "edgekit-history"


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    """No configuration of this machine's, and nobody's name: as in a fresh container."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("EMAIL", "")


def repository(folder: Path) -> Path:
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.useConfigOnly", "true")
    (folder / "code.py").write_text("x = 1\n")
    git(folder, "add", ".")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "code")
    return folder


@pytest.fixture
def alone(tmp_path) -> Path:
    return repository(tmp_path / "alone")


@pytest.fixture
def clones(tmp_path, alone) -> list[Path]:
    git(tmp_path, "clone", "-q", "--bare", str(alone), "hub.git")
    found = [tmp_path / name for name in ("first", "second")]
    for one in found:
        git(tmp_path, "clone", "-q", "hub.git", str(one))
        git(one, "config", "user.useConfigOnly", "true")
    return found


def keep(folder: Path, *positions: int) -> None:
    branch = Branch(folder, NAME)
    for position in positions:
        branch.keep([measured(position, 1.0)], position, f"commit {position}")


def kept(folder: Path) -> list[int]:
    past = Branch(folder, NAME).past()
    assert past.faults == ()
    return sorted(one.position for one in past.measurements)


def test_a_branch_of_its_own_is_made_without_a_remote(alone):
    branch = Branch(alone, NAME)
    branch.check()
    assert branch.past().measurements == ()
    branch.keep([pin()], 0, "pin")
    keep(alone, 1, 2)
    assert kept(alone) == [1, 2]
    assert len(branch.past().pins) == 1
    # It shares nothing with the code, and nothing of the code's was touched.
    assert git(alone, "rev-list", "--count", NAME) == "3"
    assert git(alone, "ls-tree", "--name-only", NAME).count("code.py") == 0
    assert git(alone, "status", "--porcelain") == ""
    assert git(alone, "branch", "--show-current") == "main"
    assert len(git(alone, "worktree", "list").splitlines()) == 1


def test_it_works_in_a_folder_of_the_repository(alone):
    inside = alone / "deep" / "inside"
    inside.mkdir(parents=True)
    keep(inside, 1)
    assert kept(inside) == kept(alone) == [1]


def test_two_clones_at_once_lose_nothing(clones):
    barrier = threading.Barrier(2)

    def job(folder: Path, start: int) -> None:
        barrier.wait()
        keep(folder, *range(start, start + 4))

    jobs = [
        threading.Thread(target=job, args=(folder, 10 * number))
        for number, folder in enumerate(clones, 1)
    ]
    for one in jobs:
        one.start()
    for one in jobs:
        one.join(120)
    for folder in clones:
        assert kept(folder) == [10, 11, 12, 13, 20, 21, 22, 23]


def test_a_push_that_comes_too_late_is_made_again(clones, monkeypatch):
    first, second = clones
    told: list[str] = []
    branch = Branch(second, NAME, told.append)
    commit = Branch._commit

    def late(self, tips, entry, message):
        made = commit(self, tips, entry, message)
        if not told:
            keep(first, 1)
        return made

    monkeypatch.setattr(Branch, "_commit", lambda *given: (
        commit(*given) if given[0].repository == first else late(*given)))  # fmt: skip
    branch.keep([measured(2, 1.0)], 2, "late")
    assert ["meanwhile" in word for word in told] == [True]
    assert kept(first) == kept(second) == [1, 2]


def test_what_could_not_be_pushed_is_kept_and_goes_with_the_next(clones):
    first, second = clones
    keep(first, 1)
    hub = Path(git(first, "remote", "get-url", "origin"))
    hook = hub / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho the disk is full >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(ToolError, match="can't be pushed") as refused:
        keep(first, 2)
    assert "local branch" in refused.value.hint
    assert "the disk is full" in refused.value.stderr_tail
    hook.unlink()
    keep(second, 3)
    keep(first, 4)
    assert kept(first) == kept(second) == [1, 2, 3, 4]


def test_a_remote_that_does_not_answer_stops_writing_and_not_reading(clones):
    first, _ = clones
    keep(first, 1)
    git(first, "remote", "set-url", "origin", "/nowhere/hub.git")
    told: list[str] = []
    past = Branch(first, NAME, told.append).past()
    assert [one.position for one in past.measurements] == [1]
    assert "doesn't answer" in told[0]
    with pytest.raises(ToolError, match="can't be fetched"):
        keep(first, 2)


def test_a_broken_line_is_named_by_branch_and_file(alone):
    Branch(alone, NAME).add("1.jsonl", b"broken\n")
    (fault,) = Branch(alone, NAME).past().faults
    assert fault.startswith(f"{NAME}:1.jsonl:1: ")


@pytest.mark.parametrize("name", ["-x", "a..b", "a b", "x.lock", ""])
def test_a_name_that_is_no_branchs_is_refused(alone, name):
    with pytest.raises(UsageError):
        Branch(alone, name).check()


def test_a_branch_with_code_is_refused(alone):
    with pytest.raises(UsageError, match="checked out"):
        Branch(alone, "main").check()
    git(alone, "checkout", "-q", "--detach")
    branch = Branch(alone, "main")
    branch.check()
    with pytest.raises(UsageError, match="other files"):
        branch.keep([measured(1, 1.0)], 1, "x")
    assert git(alone, "ls-tree", "--name-only", "main") == "code.py"


def test_without_a_repository_it_is_refused(tmp_path):
    with pytest.raises(UsageError, match="git repository"):
        Branch(tmp_path, NAME).check()


def test_another_repository_in_the_environment_is_not_touched(alone, tmp_path, monkeypatch):
    other = repository(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    keep(alone, 1)
    monkeypatch.delenv("GIT_DIR")
    assert kept(alone) == [1]
    assert NAME not in git(other, "branch", "--list")
