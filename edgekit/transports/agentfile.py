"""The agent as the one file that a device gets."""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
from pathlib import Path

_FOLDER = Path(__file__).with_name("agent")
_PACKAGE = "edgekit.transports.agent"
_MAIN = f"import sys\n\nfrom {_PACKAGE}.serving import main\n\nsys.exit(main(sys.argv))\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)


@functools.cache
def packed() -> bytes:
    """An archive that `python3 -I` runs, whatever the file is called.

    It has the same bytes whenever and wherever it is made, so that each device gets it once.
    """
    parents = ["edgekit/__init__.py", "edgekit/transports/__init__.py"]
    texts = {"__main__.py": _MAIN, **dict.fromkeys(parents, "")}
    for path in sorted(_FOLDER.glob("*.py")):
        texts[f"{_PACKAGE.replace('.', '/')}/{path.name}"] = path.read_text(encoding="utf-8")
    buffer = io.BytesIO()
    # Not compressed: what zlib writes depends on its version, and small Pythons lack it.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, text in texts.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text)
    return buffer.getvalue()


@functools.cache
def sha256() -> str:
    """Digest of `packed`, which the agent says of itself too."""
    return hashlib.sha256(packed()).hexdigest()
