"""Calling a framework: its output kept aside, its errors put into words."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from edgekit import publishing
from edgekit.errors import EdgekitError, ToolError
from edgekit.workflows import quiet


@contextlib.contextmanager
def framework(what: str, staging: Path) -> Iterator[None]:
    """Turn whatever a framework raises into an error that says which one and what to do.

    Args:
        what: What is called, in a few words.
        staging: Folder on the disk that it writes to; its log goes there.
    """
    log = staging / "framework.log"
    try:
        with quiet.captured(log):
            yield
    except EdgekitError:
        raise
    except Exception as error:
        full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        if full or publishing.is_disk_full(staging):
            raise publishing.disk_full(staging) from error
        text = str(error).strip().splitlines()
        raise ToolError(
            f"{what} failed: {type(error).__name__}: {text[0] if text else 'no message'}",
            hint="try another format, or `edgekit doctor` to see the installed versions",
            stderr_tail=quiet.tail(log),
        ) from error
