"""What of a machine's facts and state makes measurements on it worth less, and the mend."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edgekit.records.findings import Disturbance

# Facts by name, as `edgekit.measure.environment` gives them.
Facts = Mapping[str, str]

# Above these, medians of short inferences move by more than the few percent that people gate on.
_PRESSURE_PERCENT = 10.0
_LOAD_SHARE = 0.5
_HOT_MILLICELSIUS = 85_000


def disturbances(machine: Facts, state: Facts) -> tuple[Disturbance, ...]:
    """What of a machine's facts and state would disturb a measurement."""
    found = (check(machine, state) for check in _CHECKS)
    return tuple(disturbance for disturbance in found if disturbance)


def _busy(machine: Facts, state: Facts) -> Disturbance | None:
    mend = "stop other work; `ps -eo pcpu,pid,args --sort=-pcpu | head` shows who it is"
    # Pressure says how long somebody waited for a CPU; the load also counts who waits for disks.
    if "pressure.cpu_some_avg10" in state:
        pressure = float(state["pressure.cpu_some_avg10"])
        if pressure <= _PRESSURE_PERCENT:
            return None
        return Disturbance(f"tasks waited for a CPU {pressure:g} % of the last 10 s", mend)
    load, cpus = float(state.get("load_1min", 0)), int(machine.get("cpu.logical", 1))
    if load <= _LOAD_SHARE * cpus:
        return None
    return Disturbance(f"the load is {load:g} on {cpus} CPUs", mend)


def _governor(_: Facts, state: Facts) -> Disturbance | None:
    governor = state.get("cpu.scaling_governor", "performance")
    if governor == "performance":
        return None
    return Disturbance(
        f"the CPU governor is {governor}: the clock follows the load",
        "sudo cpupower frequency-set --governor performance",
    )


def _quota(machine: Facts, _: Facts) -> Disturbance | None:
    if "cpu.quota_cores" not in machine:
        return None
    quota, cpus = float(machine["cpu.quota_cores"]), len(machine["cpu.affinity"].split())
    if quota >= cpus:
        return None
    return Disturbance(
        f"the control group allows {quota:g} of {cpus} CPUs: more threads are stopped in turn",
        f"bench with --threads {max(1, int(quota))}, or lift the limit (docker: --cpus {cpus})",
    )


def _swap(_: Facts, state: Facts) -> Disturbance | None:
    used = int(state.get("swap.used_bytes", 0))
    if not used:
        return None
    return Disturbance(
        f"{used / 2**20:.0f} MiB are swapped out: the first touch of a page waits for a disk",
        "free memory, then `sudo swapoff --all && sudo swapon --all`",
    )


def _battery(_: Facts, state: Facts) -> Disturbance | None:
    if state.get("power.battery") != "Discharging":
        return None
    return Disturbance("the machine runs on its battery", "plug it in")


def _heat(_: Facts, state: Facts) -> Disturbance | None:
    zones = {name: value for name, value in state.items() if name.startswith("temperature_mc.")}
    hot = [
        f"{name.partition('.')[2]} {int(value) / 1000:.0f} C"
        for name, value in zones.items()
        if value.lstrip("-").isdigit() and int(value) >= _HOT_MILLICELSIUS
    ]
    if not hot:
        return None
    return Disturbance(f"it is hot ({', '.join(hot)}): the clock will drop", "let it cool down")


_CHECKS: tuple[Callable[[Facts, Facts], Disturbance | None], ...] = (
    _busy,
    _governor,
    _quota,
    _swap,
    _battery,
    _heat,
)
