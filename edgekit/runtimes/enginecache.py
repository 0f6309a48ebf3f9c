"""Engines that were built here, kept for the next process: building takes minutes on a board.

An engine belongs to one file, one TensorRT, one GPU and the build's flags. Whoever has the same
again gets the same engine, and so the same choice of kernels: runs differ by less than they would
with an engine built for each.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Callable, List, Mapping, Tuple

# Of engines in one folder, those that were used last.
MOST = 20
_SUFFIX = ".engine"
_SEAL_LENGTH = 64  # hex digits of SHA-256, before the engine


def folder() -> Path:
    """Where engines are kept: beside whatever else edgekit keeps on a device."""
    return Path.home() / ".cache" / "edgekit" / "engines"


def key(model: Path, facts: Mapping[str, str]) -> str:
    """Name of the engine of `model` under `facts`.

    Args:
        model: The ONNX file; weights that it keeps beside itself count too, by their name.
        facts: Whatever else decides: TensorRT's version, the GPU, shapes, flags.
    """
    files = [model, *sorted(model.parent.glob(f"{model.name}[._]*"))]
    digests = {path.name: _sha256(path) for path in files if path.is_file()}
    digests["model"] = digests.pop(model.name)
    text = json.dumps({"files": digests, "facts": dict(facts)}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def kept(name: str, build: Callable[[], bytes], place: Path) -> Tuple[bytes, bool]:
    """The engine called `name`; it is built and kept if it isn't there, or isn't whole.

    A folder that can't be written keeps nothing, which is no error.

    Returns:
        The engine, and whether it was there.
    """
    path = place / (name + _SUFFIX)
    engine = _read(path)
    if engine:
        with contextlib.suppress(OSError):
            os.utime(str(path))  # the last one used is the last one to go
        return engine, True
    engine = build()
    with contextlib.suppress(OSError):
        _write(path, engine)
        _forget(place)
    return engine, False


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError:
        return b""
    seal, engine = content[:_SEAL_LENGTH], content[_SEAL_LENGTH:]
    # TensorRT may crash on an engine that isn't whole.
    return engine if hashlib.sha256(engine).hexdigest().encode() == seal else b""


def _write(path: Path, engine: bytes) -> None:
    """Written aside and renamed, so that two who build at once don't disturb each other."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    number, aside = tempfile.mkstemp(dir=str(path.parent), suffix=".part")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(hashlib.sha256(engine).hexdigest().encode() + engine)
        os.replace(aside, str(path))  # noqa: PTH105
    except OSError:
        os.unlink(aside)  # noqa: PTH108
        raise


def _forget(place: Path) -> None:
    engines: List[Path] = sorted(
        place.glob("*" + _SUFFIX), key=lambda path: path.stat().st_mtime, reverse=True
    )
    for path in engines[MOST:]:
        path.unlink()


def _sha256(path: Path) -> str:
    whole = hashlib.sha256()
    with path.open("rb") as file:
        for piece in iter(lambda: file.read(2**20), b""):
            whole.update(piece)
    return whole.hexdigest()
