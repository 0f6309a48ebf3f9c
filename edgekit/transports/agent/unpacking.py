"""Packages that the device lacks: unpacked for the jobs that need them, never installed."""

import os
import re
import shutil
import tarfile
from pathlib import Path, PurePosixPath
from typing import List

from edgekit.transports.agent.files import open_own, read_text
from edgekit.transports.agent.requests import SHA256, RefusedError

GUARD = "guard"
MOST_BYTES = 2**31
MOST_FILES = 100_000
MOST_NAME = 1000  # characters
_ASIDE = "aside"
# In a bundle: how many bytes it has. Counting them would take a look at a thousand files.
_SIZE = ".size"
_CHUNK = 2**18


def bundles(root: Path) -> List[Path]:
    """All that are unpacked whole in the folder `root`."""
    return [folder for folder in root.iterdir() if SHA256.fullmatch(folder.name)]


def size_bytes(folder: Path) -> int:
    """What a bundle had when it was unpacked."""
    text = read_text(folder / _SIZE)
    return int(text) if re.fullmatch("[0-9]{1,10}", text) else 0


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a gzipped tar into `folder`, which is there whole or not at all.

    Nobody else may unpack beside it meanwhile.

    Raises:
        RefusedError: It holds anything but plain files below the folder, or too much.
        OSError: The disk is full, or can't be written.
    """
    import zlib  # here: small Pythons lack it

    aside = folder.with_name(_ASIDE)
    _clear(aside)
    try:
        aside.mkdir()
        with tarfile.open(str(archive), "r:gz") as tar:
            size = _extract(tar, aside)
        (aside / _SIZE).write_text(str(size))
        # Or a power cut might leave the folder with its name and without its content.
        os.sync()
        aside.rename(folder)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise RefusedError("file", f"the archive is broken: {error}") from None
    finally:
        _clear(aside)


def remove(folder: Path) -> None:
    """Remove a bundle, which is there whole or not at all meanwhile."""
    aside = folder.with_name(_ASIDE)
    _clear(aside)
    folder.rename(aside)
    _clear(aside)


def _clear(aside: Path) -> None:
    shutil.rmtree(str(aside), ignore_errors=True)


def _extract(tar: tarfile.TarFile, folder: Path) -> int:
    """Write every file of `tar` below `folder`; gives their bytes."""
    total_bytes = 0
    for count, info in enumerate(tar):
        total_bytes += info.size
        if total_bytes > MOST_BYTES or count >= MOST_FILES:
            raise RefusedError("file", "the archive holds too much")
        source = tar.extractfile(info) if _is_plain(info) else None
        if source is None:
            raise RefusedError("file", "the archive holds more than plain files")
        path = folder / info.name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Also refuses a second file of the same name.
        opened = open_own(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        with source, os.fdopen(opened, "wb") as file:
            shutil.copyfileobj(source, file, _CHUNK)
    return total_bytes


def _is_plain(info: tarfile.TarInfo) -> bool:
    """Whether it is a file whose name leads nowhere but down."""
    parts = info.name.split("/")
    named = len(info.name) <= MOST_NAME and info.name.isprintable()
    below = not {"", ".", ".."} & set(parts) and not PurePosixPath(info.name).is_absolute()
    return info.isreg() and not info.issparse() and named and below
