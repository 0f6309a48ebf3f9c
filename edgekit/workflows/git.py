"""The git repository that the current folder lies in, asked by the program `git`."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgekit.errors import EdgekitError, MissingDependency, ToolError, UsageError
from edgekit.text import printable

# What points git, and what it starts, to another repository: a hook that runs us has them set.
ELSEWHERE = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX", "GIT_NAMESPACE",
)  # fmt: skip
_NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository with a working tree.

    Attributes:
        root: The top of the working tree.
        below: The current folder, as seen from there.
    """

    root: Path
    below: Path

    @classmethod
    def here(cls) -> Repository:
        """That of the current folder.

        Raises:
            UsageError: There is none, or git refuses to read it.
            MissingDependency: Git isn't installed.
        """
        try:
            root = _git("rev-parse", "--show-toplevel")
        except ToolError as error:
            raise UsageError(
                f"{Path.cwd()} is in no git repository that can be read: {error.stderr_tail}",
                hint="run it in the repository of the revisions, or name artifacts' folders",
            ) from error
        return cls(Path(root).resolve(), Path(_git("rev-parse", "--show-prefix")))

    def commit(self, revision: str) -> str | None:
        """The full name of the commit that `revision` names; None if it names none."""
        try:
            return _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        except ToolError:
            return None

    def is_shallow(self) -> bool:
        """Whether older commits were left out when it was cloned."""
        return _git("rev-parse", "--is-shallow-repository") == "true"

    @contextlib.contextmanager
    def checkout(self, commit: str, folder: Path) -> Iterator[Path]:
        """A working tree of `commit` in `folder`, which must not be there yet; gone afterwards.

        No hooks of the user's run. Submodules stay empty.

        Raises:
            ToolError: Git can't make it.
        """
        try:
            _git(*_NO_HOOKS, "worktree", "add", "--quiet", "--detach", str(folder), commit)
            yield folder
        finally:
            # Also after Ctrl-C, and where only half of it was made.
            with contextlib.suppress(EdgekitError):
                _git("worktree", "remove", "--force", "--force", str(folder))
            if folder.exists():
                shutil.rmtree(folder, ignore_errors=True)
                with contextlib.suppress(EdgekitError):
                    _git("worktree", "prune")


def _git(*words: str) -> str:
    """What git says to `words`, in the current folder.

    Raises:
        ToolError: It failed; its own words are the error's tail.
        MissingDependency: It isn't installed.
    """
    kept = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    try:
        done = subprocess.run(  # noqa: S603 -- no shell
            ["git", *words],  # noqa: S607 -- the user's own git
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=kept,
            check=False,
        )
    except FileNotFoundError as error:
        raise MissingDependency(
            "git is not installed", hint="install git, or name artifacts' folders"
        ) from error
    if done.returncode:
        raise ToolError(
            f"`git {shlex.join(words)}` failed with exit status {done.returncode}",
            hint="its own words say why",
            stderr_tail=printable(done.stderr.decode(errors="replace").strip()),
        )
    return os.fsdecode(done.stdout).rstrip("\n")
