"""A uv that needs no registry, and a Python that has no packages."""

from __future__ import annotations

import venv
from pathlib import Path

# Installs `pack`, and says what it was asked for.
_UV = """#!/bin/sh
echo "$*" >>'{log}'
while [ $# -gt 1 ]; do [ "$1" = --target ] && target=$2; shift; done
mkdir -p "$target/pack" "$target/pack-1.5.dist-info"
echo 'answer = 42' >"$target/pack/__init__.py"
seq {count} >"$target/pack/data.txt"
echo 'Name: pack' >"$target/pack-1.5.dist-info/METADATA"
"""


def stand_in(folder: Path, count: int = 0) -> Path:
    """Write such a uv into `folder`; `folder/asked` gets a line each time that it is started.

    Args:
        folder: For the program.
        count: Of the numbers that make the package larger, by some 2 bytes each when packed.
    """
    folder.mkdir(exist_ok=True)
    program = folder / "uv"
    program.write_text(_UV.format(log=folder / "asked", count=count))
    program.chmod(0o755)
    return program


def bare_python(folder: Path) -> str:
    """Make a Python like this one without any package."""
    venv.create(folder, symlinks=True, with_pip=False)
    return str(folder / "bin/python")
