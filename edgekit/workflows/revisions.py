"""Git revisions as base and head: each exported from a checkout of its own before any is measured.

A revision is checked out in a temporary worktree of the user's repository, so that his own files
stay as they are. The command that exports is his; it is told the folder to write to.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from edgekit import git, storage
from edgekit.errors import MissingDependency, ToolError, UsageError
from edgekit.workflows import quiet
from edgekit.workflows.pairs import GateRequest
from edgekit.workflows.repository import Repository

OUT = "EDGEKIT_OUT"
_PLACE = "{out}"
_SHORT = 10
_END_S = 5.0


@dataclass(frozen=True, slots=True)
class _Side:
    """One side as the user named it.

    Attributes:
        role: `base` or `head`.
        word: What he wrote.
        commit: The commit that it names; empty for a path.
        folder: The working tree to build in place; None for a commit, and for what is built.
    """

    role: str
    word: str
    commit: str = ""
    folder: Path | None = None

    @property
    def is_built(self) -> bool:
        """Whether it is files already."""
        return not self.commit and self.folder is None


@contextlib.contextmanager
def built(
    request: GateRequest, on_event: Callable[[str], None] = lambda _: None
) -> Iterator[GateRequest]:
    """`request` with paths in place of revisions: each exported by the request's command.

    The command runs in a shell, in a worktree of the revision and there in the folder that is the
    current one here. `.` is the working tree as it is, built in place. What the command wrote is
    gone when the block ends, and so are the worktrees. A request without a command is given back.

    Args:
        request: What a user asks to compare; its head may be empty.
        on_event: Told in a few words what goes on.

    Raises:
        UsageError: A side is no revision and no path, or this is no git repository.
        MissingDependency: Git isn't installed.
        ToolError: The command failed, or wrote no model; its last lines are in the error.
    """
    words = {"base": request.base, "head": request.head}
    if not request.command:
        _check_paths(words.values())
        yield request
        return
    repository = Repository.here()
    sides = [_side(repository, role, word) for role, word in words.items() if word]
    if all(side.is_built for side in sides):
        raise UsageError(
            f"--export is given, and no side is a revision: {', '.join(words.values())}",
            hint="name a git revision, or `.` for the working tree; or leave --export out",
        )
    with tempfile.TemporaryDirectory(prefix="edgekit-gate-") as name:
        paths = {
            side.role: _files(side, request.command, repository, Path(name), on_event)
            for side in sides
        }
        yield replace(
            request,
            base=paths["base"],
            head=paths.get("head", ""),
            command="",
            notes=(*request.notes, *_notes(sides)),
        )


def _check_paths(words: Iterable[str]) -> None:
    """Refuse a revision without a command: what git knows and no path is called."""
    revisions = [word for word in words if word and not Path(word).exists() and _is_known(word)]
    if revisions:
        raise UsageError(
            f"{revisions[0]} is a git revision, and nothing says how to export it",
            hint=f'add --export "edgekit export MODEL --out {_PLACE}", or any command that writes '
            f"artifacts or model files to {_PLACE}",
        )


def _is_known(word: str) -> bool:
    try:
        return git.commit(Path(), word) is not None
    except MissingDependency:
        return False


def _side(repository: Repository, role: str, word: str) -> _Side:
    path = Path(word)
    if path.is_dir() and path.resolve() in {Path.cwd(), repository.root}:
        return _Side(role, word, folder=path.resolve())
    if commit := git.commit(Path(), word):
        return _Side(role, word, commit)
    if path.exists():
        return _Side(role, word)
    shallow = "; this clone is shallow: fetch it first, such as with `git fetch --unshallow`"
    raise UsageError(
        f"{word} is no git revision and no path",
        hint="name a branch, a tag or a commit (`git log --oneline`), `.` for the working tree, "
        "or an artifact's folder" + (shallow if git.is_shallow(Path()) else ""),
    )


def _notes(sides: Sequence[_Side]) -> list[str]:
    notes = [
        f"{side.role} is {side.word}, commit {side.commit[:_SHORT]}"
        for side in sides
        if side.commit
    ]
    if len(sides) > 1 and sides[0].commit and sides[0].commit == sides[1].commit:
        notes.append("base and head are the same commit: only the export can make them differ")
    return notes


def _files(
    side: _Side,
    command: str,
    repository: Repository,
    workdir: Path,
    on_event: Callable[[str], None],
) -> str:
    """Where the files of `side` are, exported now if they weren't."""
    if side.is_built:
        return side.word
    out = workdir / side.role
    out.mkdir()
    on_event(f"exporting {side.role}: {side.word}")
    if side.folder is not None:
        _export(side, command, side.folder, _environment(out))
        return str(out)
    with repository.checkout(side.commit, workdir / f"tree-{side.role}") as tree:
        folder = tree / repository.below
        if not folder.is_dir():
            raise UsageError(
                f"there is no folder {repository.below} in {side.word}",
                hint="run it at the top of the repository",
            )
        _export(side, command, folder, _moved(_environment(out), repository.root, tree))
    return str(out)


def _environment(out: Path) -> dict[str, str]:
    """What the command gets: nothing that makes git, or edgekit, write to another place."""
    elsewhere = {*git.ELSEWHERE, "EDGEKIT_RESULTS"}
    kept = {name: value for name, value in os.environ.items() if name not in elsewhere}
    return {**kept, OUT: str(out)}


def _moved(environment: Mapping[str, str], root: Path, tree: Path) -> dict[str, str]:
    """The same with Python's path in the worktree: else both sides would run this tree's code."""

    def moved(entry: str) -> str:
        path = Path(entry)
        if not path.is_absolute() or not path.resolve().is_relative_to(root):
            return entry
        new = tree / path.resolve().relative_to(root)
        # What git doesn't know, such as a virtual environment, is where it was.
        return str(new) if new.exists() else entry

    paths = environment.get("PYTHONPATH", "")
    return {**environment, "PYTHONPATH": os.pathsep.join(map(moved, paths.split(os.pathsep)))}


def _export(side: _Side, command: str, folder: Path, environment: dict[str, str]) -> None:
    """Run `command` in `folder`.

    Raises:
        ToolError: It failed, or wrote no model.
    """
    out = Path(environment[OUT])
    with tempfile.TemporaryDirectory(prefix="edgekit-log-") as name:
        log = Path(name) / "export.log"
        with log.open("wb") as file:
            status = _run(
                command.replace(_PLACE, shlex.quote(str(out))), folder, environment, file
            )
        said = quiet.tail(log)
    if status:
        raise ToolError(
            f"the export of {side.role}, {side.word}, failed with exit status {status}: {command}",
            hint="its last lines say why; it ran in a fresh checkout: files that git doesn't "
            "know, and submodules, aren't there",
            stderr_tail=said,
        )
    if not (storage.find(out) or storage.find_models(out)):
        raise ToolError(
            f"the export of {side.role}, {side.word}, wrote no artifact and no model: {command}",
            hint=f"it has to write into the folder that {_PLACE} stands for, and ${OUT}: "
            f'--export "edgekit export resnet --out {_PLACE}"',
            stderr_tail=said,
        )


def _run(command: str, folder: Path, environment: Mapping[str, str], log: IO[bytes]) -> int:
    """Exit status of `command`; what it started in its group is gone afterwards."""
    process = subprocess.Popen(  # noqa: S602 -- a shell's command, from the user himself
        command,
        shell=True,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        # A group of its own, to end with all that it started on Ctrl-C.
        start_new_session=True,
    )
    try:
        return process.wait()
    finally:
        # Whatever is left would disturb what is measured next, or write where nothing is any more.
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
