"""The agent as the one file that a device gets."""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

_FOLDER = Path(__file__).with_name("agent")
_PACKAGE = "edgekit.transports.agent"
_MAIN = f"import sys\n\nfrom {_PACKAGE}.serving import main\n\nsys.exit(main(sys.argv))\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)


@functools.cache
def packed() -> bytes:
    """An archive that `python3 -I` runs, whatever the file is called."""
    parents = ["edgekit/__init__.py", "edgekit/transports/__init__.py"]
    files = {"__main__.py": _MAIN.encode(), **dict.fromkeys(parents, b"")}
    for path in sorted(_FOLDER.glob("*.py")):
        files[f"{_PACKAGE.replace('.', '/')}/{path.name}"] = path.read_bytes()
    return zipped(files)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """An archive that Python runs from.

    It has the same bytes whenever and wherever it is made, so that each device gets it once.

    Args:
        files: What is in it, by name.
    """
    buffer = io.BytesIO()
    # Not compressed: what zlib writes depends on its version, and small Pythons lack it.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return buffer.getvalue()


@functools.cache
def sha256() -> str:
    """Digest of `packed`, which the agent says of itself too."""
    return hashlib.sha256(packed()).hexdigest()
