"""The parts of README.md that are made from the program, so that they can't be wrong.

    python -m tests.readme           says whether they are up to date
    python -m tests.readme --write   brings them up to date

A part stands between `<!-- NAME -->` and `<!-- /NAME -->`: `help: COMMAND` for what `--help` says
of one command, `formats` for the table of formats.
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from pathlib import Path
from typing import Any, get_args, get_type_hints

import typer

from edgekit.cli.app import app
from edgekit.reports import formats as formats_report
from edgekit.workflows.formats import formats

README = Path(__file__).parents[1] / "README.md"
WIDTH = 96  # characters
_INDENT = 2
_VALUES = {int: "N", float: "X", Path: "PATH"}
_BLOCK = re.compile(r"<!-- (formats|help: [\w -]+?) -->\n.*?<!-- /\1 -->", re.DOTALL)


def commands() -> dict[str, Any]:
    """Every command by name, as the command line knows it; one of a group as `GROUP COMMAND`."""
    group: Any = typer.main.get_command(app)
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        inside = getattr(command, "commands", {})
        found |= {f"{name} {one}": each for one, each in inside.items()} or {name: command}
    return found


def regenerated(text: str) -> str:
    """`text` with every marked part made anew."""
    return _BLOCK.sub(lambda match: _block(match.group(1)), text)


def blocks(text: str) -> list[str]:
    """Names of the marked parts of `text`."""
    return [match.group(1) for match in _BLOCK.finditer(text)]


def help_text(name: str) -> str:
    """What `edgekit NAME --help` says, in a shape that no version of a library changes."""
    command = commands()[name]
    params = [param for param in command.params if param.name != "help"]
    arguments = [param for param in params if param.param_type_name == "argument"]
    usage = " ".join(("edgekit", name, *map(_argument, arguments), "[OPTIONS]"))
    rows = [(_argument(param) or param.name, param.help) for param in arguments]
    kinds = get_type_hints(command.callback)
    options = [param for param in params if param not in arguments]
    defaults = inspect.signature(command.callback).parameters
    rows += [
        (_option(param, kinds[param.name]), _meaning(param.help, defaults[param.name].default))
        for param in options
    ]
    width = max(len(left) for left, _ in rows) + _INDENT
    lines = [_row(left, right or "", width) for left, right in rows]
    return "\n".join((usage, "", command.help.replace("\b\n", "").strip(), "", *lines))


def _argument(param: Any) -> str:
    name = param.name.upper() + "..." * (param.nargs == -1)
    return name if param.required else f"[{name}]"


def _option(param: Any, kind: Any) -> str:
    flags = ", ".join((*param.opts, *param.secondary_opts))
    return flags if param.is_flag else f"{flags} {_value(kind)}"


def _value(kind: Any) -> str:
    """What stands for a value, by its type: what typer has for it changes between versions."""
    kinds = get_args(kind) or (kind,)
    return next((word for known, word in _VALUES.items() if known in kinds), "TEXT")


def _meaning(text: str, default: object) -> str:
    said = "Default: " in text or default in (None, "", False, inspect.Parameter.empty)
    return text if said else f"{text} Default: {default}."


def _row(left: str, right: str, width: int) -> str:
    pad = " " * (_INDENT + width)
    lines = textwrap.wrap(right, WIDTH - len(pad)) or [""]
    return (" " * _INDENT + left.ljust(width) + f"\n{pad}".join(lines)).rstrip()


def _block(name: str) -> str:
    if name == "formats":
        content = formats_report.markdown(formats())
    else:
        content = f"```text\n{help_text(name.removeprefix('help: '))}\n```"
    return f"<!-- {name} -->\n{content}\n<!-- /{name} -->"


def main() -> None:
    """Check README.md, or write it anew."""
    text = README.read_text(encoding="utf-8")
    new = regenerated(text)
    if "--write" in sys.argv[1:]:
        README.write_text(new, encoding="utf-8")
    elif new != text:
        sys.exit("README.md is not up to date: python -m tests.readme --write")


if __name__ == "__main__":
    main()
