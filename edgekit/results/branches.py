"""A history in a branch of a git repository: no server but the one that has the code anyway.

The branch has no parent in the code. Nothing is checked out where the user works: commits are
made with an index of their own in a folder of their own. Files are only ever added, under names
that nobody else takes, so two jobs that push at once are put together by taking both's files.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit import git
from edgekit.errors import ToolError, UsageError
from edgekit.records.history import Line, Past
from edgekit.results import history

_TRIES = 20
# Jobs that met wait for different times before they try again; ms, more with each try.
_APART_MS = 200
_NONE = "0" * 40
_AUTHOR = "edgekit"
_TAIL = 10
_FASTER = re.compile(r"\[rejected\]|cannot lock ref|failed to update ref|incorrect old value")


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch that holds a history.

    Attributes:
        repository: A folder in the repository.
        name: Name of the branch.
        on_event: Told what goes on.
    """

    repository: Path
    name: str
    on_event: Callable[[str], None] = lambda _: None

    def check(self) -> None:
        """Refuse a branch that can't be used.

        Raises:
            UsageError: There is no repository, the name is no branch's, or it is checked out.
        """
        if git.run(self.repository, "rev-parse", "--git-dir").returncode:
            raise UsageError(
                "--branch needs a git repository, and there is none here",
                hint="run it in the repository, or use --into DIR",
            )
        named = git.run(self.repository, "check-ref-format", f"refs/heads/{self.name}")
        if named.returncode or self.name.startswith("-"):
            raise UsageError(
                f"{self.name!r} can't name a branch", hint="write `--branch edgekit-history`"
            )
        listed = self._ask("worktree", "list", "--porcelain")
        if f"branch {self._ref}" in listed.splitlines():
            raise UsageError(
                f"the branch {self.name} is checked out",
                hint="use a branch that holds nothing else: `--branch edgekit-history`",
            )

    def past(self) -> Past:
        """All that the branch holds, here and at the remote.

        Raises:
            ToolError: git can't give it.
        """
        with self.files() as folder:
            found = history.read(folder)
            named = tuple(
                fault.replace(f"{folder}{os.sep}", f"{self.name}:") for fault in found.faults
            )
            return replace(found, faults=named)

    def keep(self, lines: Sequence[Line], position: int, name: str) -> str:
        """Add `lines` in a file and a commit of their own; gives the file's place.

        Raises:
            ToolError: git can't commit or push it.
        """
        file = history.file_name(position, name)
        self.add(file, history.encoded(lines))
        return f"{self.name}:{file}"

    @contextlib.contextmanager
    def files(self) -> Iterator[Path]:
        """A folder with the branch's files, gone at the end; empty where there is no branch yet.

        Raises:
            ToolError: git can't give them.
        """
        with tempfile.TemporaryDirectory(prefix="edgekit-history-") as place:
            folder = Path(place) / "files"
            folder.mkdir()
            tips = self._tips(lenient=True)
            self._read(tips, Path(place) / "index")
            env = _index(Path(place))
            self._ask(
                f"--work-tree={folder}", "checkout-index", "--all", "--force", env=env,
            )  # fmt: skip
            yield folder

    def add(self, name: str, content: bytes) -> None:
        """Add the file `name` in a commit, and push it where there is a remote.

        Raises:
            ToolError: git can't commit or push it; then the commit is kept in the local branch.
        """
        blob = self._ask("hash-object", "-w", "--stdin", given=content)
        entry = f"100644 {blob}\t{name}\n".encode()
        commit = ""
        for number in range(1, _TRIES + 1):
            commit = self._commit(self._tips(), entry, f"history: {name}")
            if self._publish(commit):
                return
            self.on_event(f"another job wrote to {self.name} meanwhile: once more")
            time.sleep(secrets.randbelow(_APART_MS * number) / 1000.0)
        raise self._kept(commit, "other jobs were always faster")

    def _publish(self, commit: str) -> bool:
        """Whether `commit` is in the branch now; False where somebody else was faster."""
        remote, before = self._remote(), self._local() or _NONE
        if not remote:
            return not self._move(commit, before)
        done = git.run(self.repository, "push", "--porcelain", remote, f"{commit}:{self._ref}")
        said = (done.stdout + done.stderr).decode(errors="replace")
        if not done.returncode:
            self._move(commit, before)  # where that fails, another job here has moved it
            return True
        if _FASTER.search(said):
            return False
        raise self._kept(commit, said)

    def _move(self, commit: str, before: str) -> int:
        return git.run(self.repository, "update-ref", self._ref, commit, before).returncode

    def _kept(self, commit: str, said: str) -> ToolError:
        """The error of a commit that can't be pushed; the next job's takes it along."""
        failed = self._move(commit, self._local() or _NONE)
        place = f"as the commit {commit}" if failed else f"in the local branch {self.name}"
        return ToolError(
            f"the branch {self.name} can't be pushed",
            hint=f"the measurement is kept {place}; mend the cause and push that",
            stderr_tail="\n".join(said.splitlines()[-_TAIL:]),
        )

    def _commit(self, tips: list[str], entry: bytes, message: str) -> str:
        with tempfile.TemporaryDirectory(prefix="edgekit-history-") as place:
            env = _index(Path(place))
            self._read(tips, Path(place) / "index")
            self._ask("update-index", "--index-info", given=entry, env=env)
            tree = self._ask("write-tree", env=env)
        parents = [word for tip in tips for word in ("-p", tip)]
        who: tuple[str, ...] = ()
        if git.run(self.repository, "var", "GIT_COMMITTER_IDENT").returncode:
            who = ("-c", f"user.name={_AUTHOR}", "-c", f"user.email={_AUTHOR}@localhost")
        return self._ask(*who, "commit-tree", tree, *parents, "-m", message)

    def _read(self, tips: list[str], index: Path) -> None:
        """Put the files of all `tips` into `index`: they never name one file differently."""
        env = _index(index.parent)
        self._ask("read-tree", "--empty", env=env)
        for tip in tips:
            listed = git.run(self.repository, "ls-tree", "-r", "-z", "--full-tree", tip).stdout
            names = [entry.partition(b"\t")[2] for entry in listed.split(b"\0") if entry]
            if any(b"/" in name or not name.endswith(b".jsonl") for name in names):
                raise UsageError(
                    f"the branch {self.name} holds other files than a history's",
                    hint="use a branch of its own: `--branch edgekit-history`",
                )
            self._ask("update-index", "-z", "--index-info", given=listed, env=env)

    def _tips(self, *, lenient: bool = False) -> list[str]:
        """Commits that hold all files together: the remote's, and what only the local one has."""
        local, there = self._local(), self._fetched(lenient=lenient)
        if not there or local == there:
            return [tip for tip in (local,) if tip]
        if not local or self._within(local, there):
            return [there]
        return [local] if self._within(there, local) else [there, local]

    def _within(self, older: str, newer: str) -> bool:
        return not git.run(self.repository, "merge-base", "--is-ancestor", older, newer).returncode

    def _fetched(self, *, lenient: bool) -> str:
        """The remote's tip; empty where there is none."""
        remote = self._remote()
        if not remote:
            return ""
        kept = f"refs/remotes/{remote}/{self.name}"
        found = git.run(self.repository, "fetch", "--no-tags", remote, f"+{self._ref}:{kept}")
        said = found.stderr.decode(errors="replace")
        if not found.returncode:
            return self._ask("rev-parse", kept)
        if "couldn't find remote ref" in said:
            return ""
        if not lenient:
            raise ToolError(
                f"the branch {self.name} can't be fetched from {remote}",
                hint="see whether the remote answers: `git fetch`",
                stderr_tail="\n".join(said.splitlines()[-_TAIL:]),
            )
        self.on_event(f"{remote} doesn't answer: what is shown is what was fetched last")
        last = git.run(self.repository, "rev-parse", "--verify", "--quiet", kept)
        return last.stdout.decode().strip()

    def _remote(self) -> str:
        """The remote's name: `origin`, or the only one; empty where there is none."""
        names = self._ask("remote").splitlines()
        return "origin" if "origin" in names else names[0] if len(names) == 1 else ""

    def _local(self) -> str:
        found = git.run(self.repository, "rev-parse", "--verify", "--quiet", self._ref)
        return found.stdout.decode().strip()

    @property
    def _ref(self) -> str:
        return f"refs/heads/{self.name}"

    def _ask(self, *words: str, given: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        return git.ask(self.repository, *words, given=given, env=env).strip()


def _index(place: Path) -> dict[str, str]:
    return {"GIT_INDEX_FILE": str(place / "index")}
