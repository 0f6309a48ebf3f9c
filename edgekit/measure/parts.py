"""The parts of an inference, timed apart from the whole: transfers to a device and back."""

from __future__ import annotations

import itertools
import time
from typing import Any, Dict, List, Mapping, Sequence

from edgekit.measure.loop import NS, Clock
from edgekit.runtimes import Parted, Session
from edgekit.wire import Profile

# It comes on top of the timed inferences, and is no longer than they are allowed to be.
MOST_S = 10.0


def timed_parts(
    session: Session,
    feeds: Sequence[Mapping[str, Any]],
    profile: Profile,
    clock: Clock = time.perf_counter_ns,
) -> Dict[str, List[int]]:
    """Time each part of an inference, one inference after another.

    In a loop of its own: to wait between the parts makes the whole slower.

    Args:
        session: What runs; a runtime whose inference has no parts gives none.
        feeds: Inputs, taken in turn.
        profile: How long: until its `min_runs` are done, its `max_time_s` are over, or `MOST_S`.
        clock: Monotonic time, in ns.

    Returns:
        Times of each part, in ns, by its name.
    """
    found: Dict[str, List[int]] = {}
    if not isinstance(session, Parted):
        return found
    end = clock() + int(min(profile.max_time_s, MOST_S) * NS)
    for feed in itertools.islice(itertools.cycle(feeds), profile.min_runs):
        for name, time_ns in session.parts(feed).items():
            found.setdefault(name, []).append(time_ns)
        if clock() >= end:
            break
    return found
