"""The git repository that the current folder lies in."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgekit import git
from edgekit.errors import EdgekitError, ToolError, UsageError

_HERE = Path()
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
            root = git.ask(_HERE, "rev-parse", "--show-toplevel")
        except ToolError as error:
            raise UsageError(
                f"{Path.cwd()} is in no git repository that can be read: {error.stderr_tail}",
                hint="run it in the repository of the revisions, or name artifacts' folders",
            ) from error
        return cls(Path(root).resolve(), Path(git.ask(_HERE, "rev-parse", "--show-prefix")))

    @contextlib.contextmanager
    def checkout(self, commit: str, folder: Path) -> Iterator[Path]:
        """A working tree of `commit` in `folder`, which must not be there yet; gone afterwards.

        No hooks of the user's run. Submodules stay empty.

        Raises:
            ToolError: Git can't make it.
        """
        try:
            git.ask(
                Path(), *_NO_HOOKS, "worktree", "add", "--quiet", "--detach", str(folder), commit
            )
            yield folder
        finally:
            # Also after Ctrl-C, and where only half of it was made.
            with contextlib.suppress(EdgekitError):
                git.ask(_HERE, "worktree", "remove", "--force", "--force", str(folder))
            if folder.exists():
                shutil.rmtree(folder, ignore_errors=True)
                with contextlib.suppress(EdgekitError):
                    git.ask(_HERE, "worktree", "prune")
