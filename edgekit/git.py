"""Git, by its own program: it knows the user's settings, and nobody is asked for a password."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from edgekit.errors import MissingDependency, ToolError
from edgekit.text import printable

# What points git, and what it starts, to another repository: a hook that runs us has them set.
ELSEWHERE = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX", "GIT_NAMESPACE",
)  # fmt: skip
_TIMEOUT_S = 300.0


def run(
    folder: Path, *words: str, given: bytes = b"", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run git in `folder`, whatever comes of it.

    Args:
        folder: A folder in the repository.
        words: What git is told.
        given: Its standard input.
        env: Variables that it gets besides the user's.

    Raises:
        MissingDependency: Git isn't installed.
        ToolError: It didn't come to an end.
    """
    kept = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    kept |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", **(env or {})}
    command = ["git", "-c", "core.quotePath=false", *words]
    try:
        return subprocess.run(  # noqa: S603 -- the user's own git, no shell
            command, cwd=folder, input=given, capture_output=True, check=False,
            env=kept, timeout=_TIMEOUT_S,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise MissingDependency(
            "git is not installed", hint="install git, or name folders in place of revisions"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(
            f"`git {words[0]}` didn't end in {_TIMEOUT_S:g} s",
            hint="see whether the remote answers: `git fetch`",
        ) from error


def ask(
    folder: Path, *words: str, given: bytes = b"", env: Mapping[str, str] | None = None
) -> str:
    """What git answers, without the line's end.

    Raises:
        ToolError: It failed; its own words are the error's tail.
        MissingDependency: It isn't installed.
    """
    done = run(folder, *words, given=given, env=env)
    if done.returncode:
        raise ToolError(
            f"`git {shlex.join(words)}` failed with status {done.returncode}",
            hint="its own words say why",
            stderr_tail=printable(done.stderr.decode(errors="replace").strip()),
        )
    return os.fsdecode(done.stdout).rstrip("\n")


def commit(folder: Path, revision: str) -> str | None:
    """The full name of the commit that `revision` names; None if it names none."""
    try:
        return ask(
            folder,
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            f"{revision}^{{commit}}",
        )
    except ToolError:
        return None


def is_shallow(folder: Path) -> bool:
    """Whether older commits were left out when the repository was cloned."""
    return ask(folder, "rev-parse", "--is-shallow-repository") == "true"
