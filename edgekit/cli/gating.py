"""What `edgekit gate` does with a request: carry it out, tell everybody, exit."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgekit.cli import output, progress
from edgekit.errors import UsageError
from edgekit.reports.gate import OnInconclusive

if TYPE_CHECKING:
    from edgekit.records import GateVerdict
    from edgekit.workflows.pairs import GateRequest

_EXIT_FAIL = 1
_EXIT_INCONCLUSIVE = 7


@dataclass(frozen=True, slots=True)
class Form:
    """Where a verdict goes besides the terminal; each file is None if it wasn't asked for.

    Attributes:
        junit: JUnit XML.
        markdown: For a pull request.
        sarif: SARIF.
        annotations: Whether GitHub is told in the log; None for where it runs.
        on_inconclusive: What a gate that could not decide is taken for.
        json: Whether one JSON object is printed in place of tables.
    """

    junit: Path | None
    markdown: Path | None
    sarif: Path | None
    annotations: bool | None
    on_inconclusive: OnInconclusive
    json: bool

    def check(self) -> None:
        """Refuse what can't be written, before anything is measured for it.

        Raises:
            UsageError: There is no such folder, or it is a folder.
            DataError: It may not be written, or the disk is full.
        """
        from edgekit.cli.drawing import check_file

        for kind, path in self._files():
            check_file(path, kind)

    def refuse_files(self) -> None:
        """There is no verdict to write.

        Raises:
            UsageError: A file was asked for.
        """
        for kind, _ in self._files():
            raise UsageError(
                f"--aa gives no verdict for --{kind}", hint=f"leave out --{kind}; --json is there"
            )

    def write(self, verdict: GateVerdict) -> None:
        """Draw into each file, and tell GitHub.

        Raises:
            DataError: The disk is full or read-only.
        """
        from edgekit import publishing
        from edgekit.reports.gate import github, markdown

        for kind, path in self._files():
            # Named for its option.
            render = importlib.import_module(f"edgekit.reports.gate.{kind}").render
            text = render(verdict, self.on_inconclusive, _root())
            publishing.write_file(path, text.encode(), f"--{kind}")
            output.say(f"wrote {path}")
        on_github = os.environ.get("GITHUB_ACTIONS") == "true"
        if on_github if self.annotations is None else self.annotations:
            # GitHub reads both streams, and standard output is the result's.
            for line in github.lines(verdict, self.on_inconclusive, _root()):
                output.say(line)
        if on_github and (summary := os.environ.get("GITHUB_STEP_SUMMARY")):
            with publishing.disk_errors(Path(summary)), Path(summary).open("ab") as file:
                file.write(markdown.render(verdict, self.on_inconclusive, _root()).encode())

    def _files(self) -> Iterator[tuple[str, Path]]:
        named = {"junit": self.junit, "markdown": self.markdown, "sarif": self.sarif}
        for kind, path in named.items():
            if path is not None:
                yield kind, path


def _root() -> Path:
    """The folder that a service shows paths relative to: the repository's, or this one."""
    return Path(os.environ.get("GITHUB_WORKSPACE") or os.environ.get("CI_PROJECT_DIR") or ".")


def head_of(head: str | None, *, aa: bool) -> str:
    """What base is compared with: empty for itself.

    Raises:
        UsageError: There is no head, or one too many.
    """
    if aa and head is not None:
        raise UsageError("--aa compares BASE with itself", hint="leave out --aa, or HEAD")
    if not aa and head is None:
        raise UsageError(
            "there is nothing to compare BASE with",
            hint="`edgekit gate BASE HEAD`; `edgekit gate BASE --aa` says what this machine tells",
        )
    return head or ""


def judge(request: GateRequest, form: Form) -> None:
    """Compare, show the verdict, write it, and end with its status.

    Raises:
        Exit: It doesn't pass.
    """
    from edgekit.reports.gate import shape, text
    from edgekit.workflows import comparison

    with progress.told() as on_event:
        verdict = comparison.compare(request, on_event)
    if form.json:
        output.print_json(shape.as_json(verdict))
    else:
        output.print_text(text.render(verdict))
    form.write(verdict)
    if status := exit_status(verdict, form.on_inconclusive):
        raise typer.Exit(status)


def exit_status(verdict: GateVerdict, on_inconclusive: OnInconclusive) -> int:
    """0 for pass, 1 for fail, 7 for inconclusive unless that is to be one of both."""
    from edgekit.records import Outcome

    statuses = {
        OnInconclusive.WARN: _EXIT_INCONCLUSIVE,
        OnInconclusive.PASS: 0,
        OnInconclusive.FAIL: _EXIT_FAIL,
    }
    match verdict.outcome:
        case Outcome.PASS:
            return 0
        case Outcome.FAIL:
            return _EXIT_FAIL
        case Outcome.INCONCLUSIVE:
            output.say(f"inconclusive: taken for {on_inconclusive} (--on-inconclusive)")
            return statuses[on_inconclusive]


def resolve(request: GateRequest, form: Form) -> None:
    """Compare each file with itself, and say what slowdown can be told here.

    Raises:
        UsageError: It is larger than what was asked for.
    """
    from edgekit.reports.gate import shape, text
    from edgekit.workflows import comparison, limits

    form.refuse_files()
    with progress.told() as on_event:
        found = comparison.resolve(request, on_event)
    if form.json:
        output.print_json(shape.resolutions_as_json(request.base, found))
    else:
        output.print_text(text.resolutions(found))
    limits.check_resolved(found)
