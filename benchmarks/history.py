"""Steps in simulated histories: which rules find them, and which cry wolf.

python benchmarks/history.py [--series 200] [--launches FILE]   prints Markdown tables; a minute

A series is 60 commits; from the 46th on latency is higher by 0, 3, 5 or 10 %. Each commit is a job
of its own. edgekit stores the ratio to a pinned reference that was measured in the same job: its
noise from job to job is 1.3 % (as measured of wall time on a shared machine of two cores), normal,
or with heavy tails (Student's t, 3 degrees of freedom), or correlated from commit to commit
(AR(1), 0.3). With --launches, a JSON list of the ratios of launches of one file against itself, in
their order, a commit's ratio is the median of six that followed each other. The rule at commit
time has a second draw, as `edgekit history add` measures again what is beyond the bound. Peers
store milliseconds: those are the same ratio times how fast the job's runner was.

`found` is the share of series in which a change is placed within two commits of the step, when 5
(or 15) commits have come after it; for rules at commit time, the share with an alert by then.
`false` is the share of series without a step in which anything is reported: at the end, and at
any of the 51 times that somebody looks from the 10th commit on. What always cries finds all.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgekit.regression import changes

COMMITS, AT = 60, 45
STEPS = (0.03, 0.05, 0.10)
LIMIT = 0.03
SD = 0.013
# How much the speed of runners differs from job to job: hosted ones at their best, as CodSpeed
# publishes it; and the shared machine of measurement.md.
RUNNERS = {"2.7 %": 0.027, "22.7 %": 0.227}
NEAR = 2
LAUNCHES = 6

Array = npt.NDArray[np.float64]
Noise = Callable[[np.random.Generator], Array]
# Whether a rule reports anything, given ratios and what measuring again would give; with a place,
# whether near that, or from there on.
Rule = Callable[[Array, Array, int | None], bool]


def normal(random: np.random.Generator) -> Array:
    return random.normal(0.0, SD, COMMITS)


def heavy(random: np.random.Generator) -> Array:
    return random.standard_t(3, COMMITS) / math.sqrt(3.0) * SD


def correlated(random: np.random.Generator) -> Array:
    found = random.normal(0.0, SD * math.sqrt(1.0 - 0.3**2), COMMITS + 20)
    for place in range(1, len(found)):
        found[place] += 0.3 * found[place - 1]
    return found[20:]


def recorded(path: Path) -> Noise:
    """Noise from launches that were really measured."""
    logs = np.log(np.asarray(json.loads(path.read_text()), np.float64))
    if len(logs) < LAUNCHES:
        sys.exit(f"{path} holds {len(logs)} launches; {LAUNCHES} are a commit")

    def draw(random: np.random.Generator) -> Array:
        starts = random.integers(0, len(logs) - LAUNCHES + 1, COMMITS)
        return np.array([np.median(logs[start : start + LAUNCHES]) for start in starts])

    return draw


def change_points(ratios: Array, _: Array, near: int | None) -> bool:
    found = changes.changes(ratios.tolist(), LIMIT)
    if near is None:
        return bool(found)
    return any(abs(one.index - near) <= NEAR and one.ratio > 1.0 for one in found)


def at_commit(ratios: Array, again: Array, near: int | None) -> bool:
    values = ratios.tolist()
    for place in range(10 if near is None else near, len(values)):
        once, twice = (
            changes.bound(values[:place], LIMIT, again=second)[1] for second in (False, True)
        )
        if once and twice and values[place] > once and again[place] > twice:
            return True
    return False


def previous(ratios: Array, _: Array, near: int | None) -> bool:
    return _any(ratios, near, lambda before: before[-1])


def mean_of_20(ratios: Array, _: Array, near: int | None) -> bool:
    return _any(ratios, near, lambda before: statistics.fmean(before[-20:]))


def _any(ratios: Array, near: int | None, typical: Callable[[Sequence[float]], float]) -> bool:
    """Whether any commit from the tenth, or from `near` on, is 10 % beyond what was typical."""
    values = ratios.tolist()
    places = range(10 if near is None else near, len(values))
    return any(values[place] > typical(values[:place]) * 1.10 for place in places)


def row(name: str, rule: Rule, noise: Noise, runner: float, series: int) -> str:
    random = np.random.default_rng(5)
    found = {(step, after): 0 for step in STEPS for after in (5, 15)}
    last = ever = 0
    for _ in range(series):
        runners = random.normal(0.0, 1.0, COMMITS) * runner
        flat, again = (np.exp(noise(random) + runners) for _ in range(2))
        last += rule(flat, again, None)
        # Rules at commit time have looked each time already.
        looks = range(10, COMMITS + 1) if rule is change_points else (COMMITS,)
        ever += any(rule(flat[:look], again, None) for look in looks)
        for step, after in found:
            times = np.where(np.arange(COMMITS) < AT, 1.0, 1.0 + step)
            found[step, after] += rule((flat * times)[: AT + after], again * times, AT)
    cells = [f"{found[step, 5] / series:.0%} / {found[step, 15] / series:.0%}" for step in STEPS]
    return f"| {name} | {last / series:.1%} | {ever / series:.1%} | {' | '.join(cells)} |"


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--series", type=int, default=200)
    words.add_argument("--launches", type=Path)
    given = words.parse_args()
    noises: dict[str, Noise] = {"normal": normal, "heavy tails": heavy, "AR(1) 0.3": correlated}
    if given.launches:
        noises["recorded launches"] = recorded(given.launches)
    steps = " | ".join(f"{step:+.0%}".replace("%", " %") for step in STEPS)
    print(f"| rule, noise of a job's ratio | false, at the end | false, at any look | {steps} |")
    print("|---|---|---|---|---|---|")
    for kind, noise in noises.items():
        rules = {"change points": change_points, "at commit time": at_commit}
        for name, rule in rules.items():
            print(row(f"edgekit, {name}, {kind}", rule, noise, 0.0, given.series), flush=True)
    peers = {
        "10 % over the last": previous,
        "10 % over the mean of 20": mean_of_20,
        "change points": change_points,
    }
    for spread, runner in RUNNERS.items():
        for name, rule in peers.items():
            label = f"stored ms, {name}, runners differ by {spread}"
            print(row(label, rule, normal, runner, given.series), flush=True)


if __name__ == "__main__":
    main()
