"""Which commit a measurement belongs to, and where that stands in the order of commits."""

from __future__ import annotations

from pathlib import Path

from edgekit import git
from edgekit.errors import UsageError
from edgekit.records.history import Past
from edgekit.text import one_line


def commit(named: str, past: Past, folder: Path) -> tuple[str, int]:
    """Name and position of a commit.

    In a repository the position is the number of commits from the first one on, by first parents;
    elsewhere it is one more than the last. No clock is asked.

    Args:
        named: What the user calls it; empty for what is checked out, or for the next number.
        past: What the history holds.
        folder: A folder in the repository.

    Raises:
        UsageError: The repository has no such commit, or not all commits before it.
    """
    if git.run(folder, "rev-parse", "--git-dir").returncode:
        return _counted(named, past)
    name = git.commit(folder, named or "HEAD")
    if not name:
        raise UsageError(
            f"the repository has no commit {named!r}" if named else "there is no commit yet",
            hint="name one that `git log` shows with --commit, or commit first",
        )
    if git.is_shallow(folder):
        raise UsageError(
            "the repository is a shallow clone, so its commits can't be counted",
            hint="`git fetch --unshallow`; in a GitHub workflow `fetch-depth: 0` of "
            "actions/checkout, in GitLab `GIT_DEPTH: 0`",
        )
    return name, int(git.ask(folder, "rev-list", "--count", "--first-parent", name))


def _counted(named: str, past: Past) -> tuple[str, int]:
    for one in past.measurements:
        if named and one.commit == named:
            return named, one.position
    position = max((one.position for one in past.measurements), default=0) + 1
    return one_line(named) or str(position), position
