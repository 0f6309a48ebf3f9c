"""One HTML file with a sweep: each file that was asked for, and the report of all its legs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgekit.records import EvalResult
from edgekit.records.sweep import CellResult
from edgekit.reports import html
from edgekit.reports.cells import COLUMNS, WORDS, headline, rows, troubles
from edgekit.reports.html import frame, markup
from edgekit.reports.html.markup import Html, tag
from edgekit.reports.legs import numbered

_NAVIGATION = {"cells": "All files", **html.NAVIGATION}


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
        tag("h1", headline(cells)),
    )
    legs = html.sections(numbered(results, accuracies)) if results else []
    return frame.page("edgekit sweep report", header, _NAVIGATION, [_cells(cells), *legs])


def _cells(cells: Sequence[CellResult]) -> Html:
    found = [row for cell in cells for row in rows(cell)]
    table = markup.table("Each file on each device", COLUMNS, found, words=WORDS)
    items = [tag("li", line) for cell in cells for line in troubles(cell)]
    return markup.section("cells", "All files", table, tag("ul", items) if items else None)
