"""What can be made and run, for people, for scripts, and for the README."""

from collections.abc import Sequence
from typing import Any

import msgspec

from edgekit.records.findings import Part, Support
from edgekit.registry import install_command
from edgekit.reports import table

_COLUMNS = ("format", "precision", "made from", "export", "run here", "to get what is missing")


def as_json(rows: Sequence[Support]) -> dict[str, Any]:
    """The documented object of `edgekit formats --json`: `formats`, one `Support` each."""
    return {"formats": msgspec.to_builtins(rows)}


def render(rows: Sequence[Support]) -> str:
    """A table of every format in every precision."""
    cells = [
        (
            str(row.format),
            str(row.precision),
            _source(row),
            "missing " + ", ".join(row.missing) if row.missing else "yes",
            "; ".join(_state(runtime) for runtime in row.runtimes),
            _installs(row),
        )
        for row in rows
    ]
    return table.render(_COLUMNS, cells, left=_COLUMNS)


def markdown(rows: Sequence[Support]) -> str:
    """The same for any machine: what makes and what runs each format, and the install command."""
    lines = ["| format | precisions | made from | runs in | install |", "|---|---|---|---|---|"]
    formats = {row.format: row for row in rows}
    for made, last in formats.items():
        precisions = ", ".join(row.precision for row in rows if row.format is made)
        runtimes = ", ".join(runtime.name for runtime in last.runtimes)
        install = install_command(",".join(last.extras))
        lines.append(f"| {made} | {precisions} | {_source(last)} | {runtimes} | `{install}` |")
    return "\n".join(lines)


def _source(row: Support) -> str:
    return str(row.route[-2]) if len(row.route) > 1 else table.NO_VALUE


def _state(runtime: Part) -> str:
    if runtime.missing:
        return f"{runtime.name}: missing {', '.join(runtime.missing)}"
    return f"{runtime.name}: yes"


def _installs(row: Support) -> str:
    # The first runtime is enough; the others are a choice.
    commands = [command for command in (row.install, row.runtimes[0].install) if command]
    return " and ".join(dict.fromkeys(commands)) or table.NO_VALUE
