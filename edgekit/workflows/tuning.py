"""`--tune`: machines whose clocks are held still while something is measured on them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from edgekit.measure.tune import TUNED
from edgekit.records import Device
from edgekit.transports import linked
from edgekit.wire import Job
from edgekit.workflows.jobs import holding

# Starting Python on a small board takes seconds.
_TIMEOUT_S = 60.0


@contextlib.contextmanager
def tuned(devices: Iterable[Device]) -> Iterator[None]:
    """Hold the clocks of `devices` still until the block ends, however it ends.

    A worker on each sets them, and puts them back when it hears no more from this process: also
    when that is killed.

    Args:
        devices: The machines; each once, however often it is given.

    Raises:
        UsageError: One has nothing to set, or lacks the right to; nothing stays changed.
        DeviceError: One can't be reached.
    """
    with contextlib.ExitStack() as stack:
        for device in dict.fromkeys(devices):
            link = stack.enter_context(linked(device))
            job = Job(
                "tune",
                runtime="",
                model="",
                precision="",
                threads=1,
                root=device.root,
                power_mode=device.power_mode,
            )
            stack.enter_context(holding(link, job, TUNED, timeout_s=_TIMEOUT_S))
        yield
