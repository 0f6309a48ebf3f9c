"""Where a report goes: a table or JSON on standard output, and files that were asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli import output
from edgekit.errors import UsageError

if TYPE_CHECKING:
    from edgekit.workflows.keeping import Drawing


@dataclass(frozen=True, slots=True)
class Form:
    """How a report is shown, and files to write it in, each None if it wasn't asked for.

    Attributes:
        html: One self-contained page.
        markdown: For a pull request.
        csv: For a spreadsheet.
        json: Whether one JSON object is printed in place of tables.
        per_op: Whether the operators that took the time are shown too.
    """

    html: Path | None = None
    markdown: Path | None = None
    csv: Path | None = None
    json: bool = False
    per_op: bool = False

    def check(self) -> None:
        """Refuse what can't be written, before anything is measured for it.

        Raises:
            UsageError: There is no such folder, or it is a folder.
            DataError: It may not be written, or the disk is full.
            MissingDependency: What draws the page isn't installed.
        """
        if self.html:
            from edgekit.reports.html import check

            check()
        for kind, path in self._given():
            check_file(path, kind)

    def write(self, drawing: Drawing) -> None:
        """Draw into each file.

        Raises:
            DataError: The disk is full or read-only.
        """
        from edgekit import publishing

        for kind, path in self._given():
            # Named for its option. Plotting takes long to import.
            render = importlib.import_module(f"edgekit.reports.{kind}").render
            text = render(drawing.results, drawing.verdicts, drawing.accuracies)
            publishing.write_file(path, text.encode(), f"--{kind}")
            output.say(f"wrote {path}")

    def _given(self) -> Iterator[tuple[str, Path]]:
        named = {"html": self.html, "markdown": self.markdown, "csv": self.csv}
        for kind, path in named.items():
            if path is not None:
                yield kind, path


def check_file(path: Path, kind: str) -> None:
    """Refuse a file that can't be written.

    Args:
        path: The file.
        kind: Name of the option that it was given for, without dashes.

    Raises:
        UsageError: There is no such folder, or it is a folder.
        DataError: It may not be written, or the disk is full.
    """
    from edgekit import publishing

    folder = path.absolute().parent
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", hint=f"`mkdir -p {folder}`")
    if path.is_dir():
        raise UsageError(
            f"{path} is a folder", hint=f"name a file: `--{kind} {path / 'report'}.{kind}`"
        )
    if path.is_file() or not path.exists():
        publishing.probe(folder, f"--{kind}")


def show(drawing: Drawing, form: Form) -> None:
    """Print the table, or one JSON object, and write the files."""
    from edgekit.reports import bench, history

    if form.json:
        answer = bench.as_json(drawing.results, drawing.verdicts, drawing.accuracies)
        output.print_json(answer)
    else:
        text = bench.render(drawing.results, drawing.verdicts, operators=form.per_op)
        output.print_text(text)
        for line in history.accuracies(drawing.results, drawing.accuracies):
            output.print_text(line)
    form.write(drawing)
