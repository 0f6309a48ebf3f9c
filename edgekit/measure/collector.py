"""Python's garbage collector, kept out of what is timed."""

from __future__ import annotations

import contextlib
import gc
from typing import Iterator


@contextlib.contextmanager
def at_rest() -> Iterator[None]:
    """Collect now, and not again until the end; what is there by now is never looked at."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
