"""One HTML file with a sweep: each file that was asked for, and the report of all its legs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgekit.records import EvalResult
from edgekit.records.sweep import CellResult
from edgekit.reports import html, sweep
from edgekit.reports.html import frame, markup
from edgekit.reports.html.markup import Html, tag
from edgekit.reports.legs import numbered

_NAVIGATION = {"cells": "All files", **html.NAVIGATION}
_WORDS = ("target", "file", "device", "runtime", "note")


def render(cells: Sequence[CellResult], accuracies: Mapping[str, EvalResult]) -> str:
    """The page.

    Args:
        cells: What came of each file.
        accuracies: Accuracy by the digest of the file.

    Raises:
        MissingDependency: Plotly isn't installed.
    """
    results = [result for cell in cells for result in cell.benches]
    header = tag(
        "header",
        tag("p", "edgekit sweep", class_="eyebrow"),
        tag("h1", sweep.headline(cells)),
    )
    legs = html.sections(numbered(results, accuracies)) if results else []
    return frame.page("edgekit sweep report", header, _NAVIGATION, [_cells(cells), *legs])


def _cells(cells: Sequence[CellResult]) -> Html:
    rows = [row for cell in cells for row in sweep.rows(cell)]
    table = markup.table("Each file on each device", sweep.COLUMNS, rows, words=_WORDS)
    items = [tag("li", line) for cell in cells for line in sweep.troubles(cell)]
    return markup.section("cells", "All files", table, tag("ul", items) if items else None)
