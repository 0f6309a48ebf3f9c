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
head -c {size} /dev/urandom >"$target/pack/data.bin"
echo 'Name: pack' >"$target/pack-1.5.dist-info/METADATA"
"""


def stand_in(folder: Path, size_bytes: int = 0) -> Path:
    """Write such a uv into `folder`; `folder/asked` gets a line each time that it is started."""
    folder.mkdir(exist_ok=True)
    program = folder / "uv"
    program.write_text(_UV.format(log=folder / "asked", size=size_bytes))
    program.chmod(0o755)
    return program


def bare_python(folder: Path) -> str:
    """Make a Python like this one without any package."""
    venv.create(folder, symlinks=True, with_pip=False)
    return str(folder / "bin/python")
