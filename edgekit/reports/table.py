"""Plain tables, as text."""

import io
import shutil
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from edgekit.text import one_line

NO_VALUE = "-"
# Wide enough for every table of edgekit where there is no terminal to fit.
PIPE_WIDTH = 200


def render(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
    left: Sequence[str] = (),
) -> str:
    """A table as text, without colour codes or control characters: cells may be foreign.

    Args:
        columns: Headings, each with its unit.
        rows: Cells, as many a row as there are headings.
        title: A line above the table.
        left: Headings of columns of words, set flush left; numbers are flush right. The first
            column is always flush left.
    """
    table = Table(
        box=box.SIMPLE_HEAD, title=one_line(title) or None, title_justify="left", pad_edge=False
    )
    for index, column in enumerate(columns):
        words = index == 0 or column in left
        table.add_column(one_line(column), justify="left" if words else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(one_line, row))
    out = io.StringIO()
    width = shutil.get_terminal_size((PIPE_WIDTH, 0)).columns
    Console(file=out, width=width, markup=False, highlight=False).print(table, markup=False)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).strip("\n")
