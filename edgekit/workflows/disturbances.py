"""What of a machine's facts and state makes measurements on it worth less, and the mend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgekit.records.findings import Disturbance
from edgekit.text import one_line
from edgekit.workflows.stretches import Facts, Stretch, gpus, number, values
from edgekit.workflows.validity import throttled

# Above these, medians of short inferences move by more than the few percent that people gate on.
_PRESSURE_PERCENT = {"cpu": 10.0, "memory": 5.0, "io": 20.0}
_LOAD_SHARE = 0.5
_STOLEN = 0.01
# Where a zone doesn't tell from when on it is throttled.
_HOT_MC = 85_000
# Below the zone's own trip point. A bench adds 10 C and more.
_NEAR_MC = 15_000
# Of a process's name, in characters.
_NAME = 60

_MENDS = {
    "cpu": "stop other work; `ps -eo pcpu,pid,args --sort=-pcpu | head` shows who it is",
    "memory": "free memory: stop what holds much of it, `ps -eo rss,pid,args --sort=-rss | head`",
    "io": "wait until the disk is quiet; `iotop -o` shows who it is",
}
_WAITED_FOR = {"cpu": "a CPU", "memory": "memory", "io": "a disk"}


def disturbances(
    machine: Facts, stretch: Stretch, busy: Sequence[tuple[str, float]] = ()
) -> tuple[Disturbance, ...]:
    """What would disturb a measurement.

    Args:
        machine: What doesn't change.
        stretch: The state at two looks.
        busy: The busiest other processes, each with its share of one CPU.
    """
    state = stretch.after
    return (
        *_throttled(stretch),
        *_busy(machine, state, busy),
        *_pressed(state),
        *_stolen(stretch),
        *_governor(state),
        *_turbo(state),
        *_quota(machine),
        *_swap(state),
        *_battery(state),
        *_heat(state),
        *_gpu(state),
    )


def _throttled(stretch: Stretch) -> Iterator[Disturbance]:
    for word in throttled(stretch):
        yield Disturbance(
            word, "let it cool down; see to its fan and, on a board, to its power supply"
        )


def _busy(
    machine: Facts, state: Facts, busy: Sequence[tuple[str, float]]
) -> Iterator[Disturbance]:
    who = ", ".join(f"{one_line(name)[:_NAME]} {share:.0%} of one" for name, share in busy)
    by = f" (most CPU time: {who})" if who else ""
    load, cpus = number(state.get("load_1min")), number(machine.get("cpu.logical")) or 1
    # Pressure says how long somebody waited for a CPU; the load also counts who waits for disks.
    if "pressure.cpu_some_avg10" in state:
        yield from _pressure("cpu", state, by)
    elif load is not None and load > _LOAD_SHARE * cpus:
        yield Disturbance(f"the load is {load:g} on {cpus:g} CPUs{by}", _MENDS["cpu"])


def _pressed(state: Facts) -> Iterator[Disturbance]:
    for kind in ("memory", "io"):
        yield from _pressure(kind, state)


def _pressure(kind: str, state: Facts, by: str = "") -> Iterator[Disturbance]:
    percent = number(state.get(f"pressure.{kind}_some_avg10"))
    if percent is not None and percent > _PRESSURE_PERCENT[kind]:
        what = f"tasks waited for {_WAITED_FOR[kind]} {percent:g} % of the last 10 s{by}"
        yield Disturbance(what, _MENDS[kind])


def _stolen(stretch: Stretch) -> Iterator[Disturbance]:
    stolen = stretch.stolen
    if stolen is not None and stolen > _STOLEN:
        yield Disturbance(
            f"the hypervisor gives {stolen:.0%} of the CPU time to other machines",
            "measure at another time, or on a machine with CPUs of its own",
        )


def _governor(state: Facts) -> Iterator[Disturbance]:
    governor = one_line(state.get("cpu.governor", "performance"))
    if governor != "performance":
        yield Disturbance(
            f"the CPU governor is {governor}: the clock follows the load",
            "sudo cpupower frequency-set --governor performance; "
            "or `edgekit bench --tune`, which sets it back at the end",
        )


def _turbo(state: Facts) -> Iterator[Disturbance]:
    if state.get("cpu.turbo") == "on":
        yield Disturbance(
            "turbo is on: the clock depends on heat and on how many cores work",
            "`edgekit bench --tune` switches it off while it measures",
        )


def _quota(machine: Facts) -> Iterator[Disturbance]:
    quota, cpus = number(machine.get("cpu.quota_cores")), machine.get("cpu.affinity", "").split()
    if quota is not None and quota < len(cpus):
        yield Disturbance(
            f"the control group allows {quota:g} of {len(cpus)} CPUs: more threads are stopped "
            "in turn",
            f"bench with --threads {max(1, int(quota))}, "
            f"or lift the limit (docker: --cpus {len(cpus)})",
        )


def _swap(state: Facts) -> Iterator[Disturbance]:
    used = number(state.get("swap.used_bytes"))
    if used:
        yield Disturbance(
            f"{used / 2**20:.0f} MiB are swapped out: the first touch of a page waits for a disk",
            "free memory, then `sudo swapoff --all && sudo swapon --all`",
        )


def _battery(state: Facts) -> Iterator[Disturbance]:
    if state.get("power.battery") == "Discharging":
        yield Disturbance("the machine runs on its battery", "plug it in")


def _heat(state: Facts) -> Iterator[Disturbance]:
    trips = values(state, "trip_mc.")
    hot = [
        f"{name} {now_mc / 1000:.0f} C"
        + (f" of {trips[name] / 1000:.0f} C" if name in trips else "")
        for name, now_mc in values(state, "temperature_mc.").items()
        if now_mc >= (trips[name] - _NEAR_MC if name in trips else _HOT_MC)
    ]
    if hot:
        yield Disturbance(f"it is hot ({', '.join(hot)}): the clock will drop", "let it cool down")


def _gpu(state: Facts) -> Iterator[Disturbance]:
    for gpu, reasons in gpus(state, "clock_reasons").items():
        if reasons:
            yield Disturbance(
                f"{gpu}'s clock is held down: {one_line(reasons)}",
                "let it cool down; `nvidia-smi -q -d PERFORMANCE` says more",
            )
    for gpu, processes in gpus(state, "processes").items():
        if processes:
            yield Disturbance(
                f"other processes on {gpu}: {len(processes.split())}",
                "`nvidia-smi` shows who it is; a screen's server does little",
            )
