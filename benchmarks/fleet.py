"""What an engine costs: `python benchmarks/fleet.py [ENGINE ...]`, `local` and `dask` by default.

start     seconds until the engine's crew can take a task
task      milliseconds a task that does nothing, one after another in one lane
makespan  eight lanes with tasks of unlike length, in all to the longest lane
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from edgekit import dispatch
from edgekit.dispatch import Crew, Site, Task

LANES = tuple(f"device-{number}" for number in range(8))
TASKS = 200
ROUNDS = 5
SHORTEST_S, LONGEST_S = 0.1, 1.0


def nothing(_argument: object, site: Site) -> None:
    """A task that only tells that it is there."""
    site.tell({"phase": "run"})


def wait(seconds: float, site: Site) -> None:
    """A task that waits, as one does that drives a device."""
    site.tell({"phase": "run"})
    time.sleep(seconds)


def task_ms(crew: Crew) -> float:
    """Milliseconds a task, the median of some rounds."""
    tasks = [Task(str(number), nothing, None, LANES[0]) for number in range(TASKS)]
    found = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        crew.run(tasks, lambda *_: None, lambda *_: None)
        found.append((time.perf_counter() - start) / TASKS * 1e3)
    return statistics.median(found)


def makespan_ratio(crew: Crew) -> float:
    """Time for all lanes at once to that of the longest one by itself."""
    draw = random.Random(0)
    lengths = {lane: [draw.uniform(SHORTEST_S, LONGEST_S) for _ in range(4)] for lane in LANES}
    tasks = [
        Task(f"{lane}-{number}", wait, seconds, lane)
        for lane, each in lengths.items()
        for number, seconds in enumerate(each)
    ]
    start = time.perf_counter()
    crew.run(tasks, lambda *_: None, lambda *_: None)
    return (time.perf_counter() - start) / max(map(sum, lengths.values()))


def main() -> None:
    """Print the numbers of each engine."""
    for engine in sys.argv[1:] or ("local", "dask"):
        start = time.perf_counter()
        with dispatch.crew(engine, LANES) as crew:
            begun_s = time.perf_counter() - start
            print(
                f"{engine}: start {begun_s:.1f} s, task {task_ms(crew):.2f} ms, "
                f"makespan {makespan_ratio(crew):.3f} of the longest lane",
                flush=True,
            )


if __name__ == "__main__":
    main()
