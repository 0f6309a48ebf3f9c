"""Energy of one inference, from the windows that sensors measured."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from edgekit.records import BenchPlan, Metric
from edgekit.stats import mean_interval
from edgekit.text import one_line
from edgekit.wire import EnergyWindow, Samples

NAME = "energy_per_inference_mj"
UNASKED = "not measured"
# What a sensor sees of the machine, the widest first. A GPU's sensor is only read where the model
# runs on it, so it says more than that of the CPU beside it.
SCOPES = ("platform", "board", "rails", "gpu", "package", "dram", "core", "uncore")
UJ_PER_MJ = 1e3
NS_PER_S = 1e9
_TOO_MUCH = 10**18  # microjoules, ns, inferences: of years


class Inference(NamedTuple):
    """Energy of one inference in one window, in mJ, and the power of idling, in W."""

    net_mj: float
    gross_mj: float
    idle_w: float


def measure(plan: BenchPlan, launches: Sequence[Samples]) -> tuple[Metric, ...]:
    """Net and gross energy of one inference, of each scope that a sensor has.

    `energy_SCOPE_gross_mj` is a window's energy by its inferences. `energy_SCOPE_net_mj` leaves
    out what the scope takes anyway: (energy - idle power x time) / inferences, and
    `power_SCOPE_idle_w` is that power. Each is the mean over the windows, with Student's interval
    over them; the idle window is one, so its own error isn't in the interval. Sensors of the same
    scope, those of two packages say, are added up. An inference is one run of the model, of a
    whole batch.

    `energy_per_inference_mj` is the net energy of the widest scope. Only numbers of one scope can
    be compared; the note says which it is.
    """
    del plan
    found: list[Metric] = []
    for scope in SCOPES:
        inferences = [one for launch in launches for one in _inferences(launch, scope)]
        if inferences:
            found += _metrics(scope, inferences, _note(launches, scope))
    if not found:
        return (Metric(NAME, None, "mJ", "lower", note=_why_none(launches)),)
    return (replace(found[0], name=NAME), *found)


def _inferences(launch: Samples, scope: str) -> Iterator[Inference]:
    """What each window says; none from a sensor without an idle window to set it against."""
    by_sensor: dict[str, list[EnergyWindow]] = {}
    for window in launch.energy:
        if window.scope == scope and _sound(window):
            by_sensor.setdefault(window.sensor, []).append(window)
    idle_w, busy = 0.0, []
    for windows in by_sensor.values():
        idle = [window for window in windows if window.idle]
        if not idle:
            return
        power_w = statistics.fmean(map(_watts, idle))
        idle_w += power_w
        busy.append([(window, power_w) for window in windows if not window.idle])
    for at_once in zip(*busy, strict=False):
        yield Inference(
            sum(_net_mj(window, power_w) for window, power_w in at_once),
            sum(window.energy_uj / UJ_PER_MJ / window.runs for window, _ in at_once),
            idle_w,
        )


def _sound(window: EnergyWindow) -> bool:
    """Whether a number can be made of it: a device may have sent anything."""
    amounts = window.energy_uj, window.duration_ns, window.runs
    there = window.duration_ns > 0 and (window.idle or window.runs > 0)
    return there and all(0 <= amount < _TOO_MUCH for amount in amounts)


def _watts(window: EnergyWindow) -> float:
    return window.energy_uj / 1e6 / (window.duration_ns / NS_PER_S)


def _net_mj(window: EnergyWindow, idle_w: float) -> float:
    idle_uj = idle_w * 1e6 * window.duration_ns / NS_PER_S
    return (window.energy_uj - idle_uj) / UJ_PER_MJ / window.runs


def _metrics(scope: str, inferences: Sequence[Inference], note: str) -> list[Metric]:
    nets = [one.net_mj for one in inferences]
    grosses = [one.gross_mj for one in inferences]
    idle_w = statistics.fmean(one.idle_w for one in inferences)
    net = Metric(f"energy_{scope}_net_mj", None, "mJ", "lower", note=f"no more than idle; {note}")
    if statistics.fmean(nets) > 0:
        net = _mean(net.name, nets, note)
    gross = _mean(f"energy_{scope}_gross_mj", grosses, note)
    return [net, gross, Metric(f"power_{scope}_idle_w", idle_w, "W", "lower", note=note)]


def _mean(name: str, values: Sequence[float], note: str) -> Metric:
    mean = statistics.fmean(values)
    return Metric(name, mean, "mJ", "lower", mean_interval(values), note)


def _note(launches: Sequence[Samples], scope: str) -> str:
    windows = itertools.chain.from_iterable(launch.energy for launch in launches)
    sensors = sorted({window.sensor for window in windows if window.scope == scope})
    batch = launches[0].batch
    return one_line(f"{scope}: {' + '.join(sensors)}") + f"; {batch} samples each" * (batch > 1)


def _why_none(launches: Sequence[Samples]) -> str:
    reasons = [launch.environment.get("energy.none", "") for launch in launches]
    return one_line(next(filter(None, reasons), UNASKED))
