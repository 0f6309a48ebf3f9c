"""NVIDIA's GPUs, as their driver tells of them through NVML.

Without a driver, or without the package `nvidia-ml-py`, nothing is told and nothing fails.
"""

from __future__ import annotations

import ctypes
import functools
import os
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

LIBRARY = "libnvidia-ml.so.1"
PROCESS = Path("/proc/self")
# proc_ns.h of Linux: the number of the namespace that the machine starts in.
INITIAL_PIDS = "pid:[4026531836]"
# CUDA opens it in every process that uses a GPU; NVML doesn't.
CUDA_FILE = "/dev/nvidia-uvm"
# Bits of `nvmlDeviceGetCurrentClocksEventReasons` that say that the clock is held down by power
# or heat. Idle, and clocks that somebody set, are none.
HELD_DOWN = {
    0x4: "sw_power_cap",
    0x8: "hw_slowdown",
    0x20: "sw_thermal",
    0x40: "hw_thermal",
    0x80: "power_brake",
}


def gpu_state() -> Dict[str, str]:
    """What each GPU is and how it does, as `gpu0.name`, `gpu0.temperature_c`, ...

    `clock_reasons` is there only while something holds the clock down, `processes` (their
    numbers) only while others than this process use the GPU. What a GPU doesn't tell is missing.
    """
    nvml = _library()
    facts = {}
    for index, handle in enumerate(_handles(nvml)):
        for name, value in _facts(nvml, handle).items():
            if value not in (None, ""):
                facts[f"gpu{index}.{name}"] = str(value)
    return facts


def own_memory_bytes(process: Path = PROCESS) -> Optional[int]:
    """GPU memory that this process holds, over all GPUs, what CUDA itself takes included.

    Args:
        process: Folder of this process's files.

    Returns:
        Bytes; None where the driver doesn't tell: there is none, it is Jetson's or WSL's, or it
        knows this process by another number since it runs in a container.
    """
    nvml = _library()
    sizes: List[Optional[int]] = []
    for handle in _handles(nvml):
        processes = _processes(nvml, handle)
        if processes is None:
            return None
        if os.getpid() in processes:
            sizes.append(processes[os.getpid()])
    told = [size for size in sizes if size is not None]
    if nvml is None or len(told) < len(sizes):
        return None
    return sum(told) if told or _numbered_as_the_driver(process) else None


def energy_counters(process: Path = PROCESS) -> Dict[int, Callable[[], Optional[int]]]:
    """For each GPU that this process uses and that counts its energy: what reads it, in mJ.

    Which GPUs a process in a container uses isn't told: if it uses any, all count.

    Args:
        process: Folder of this process's files.
    """
    nvml = _library()
    gpus = dict(enumerate(_handles(nvml)))
    own = [index for index, gpu in gpus.items() if os.getpid() in (_processes(nvml, gpu) or {})]
    if not own and uses_cuda(process):
        own = list(gpus)
    question = "nvmlDeviceGetTotalEnergyConsumption"
    counters = {index: functools.partial(_ask, nvml, question, gpus[index]) for index in own}
    return {index: counter for index, counter in counters.items() if counter() is not None}


def uses_cuda(process: Path = PROCESS) -> bool:
    """Whether this process uses a GPU of NVIDIA's.

    Args:
        process: Folder of this process's files.
    """
    return any(_link(path) == CUDA_FILE for path in (process / "fd").glob("*"))


@functools.lru_cache(maxsize=None)
def _library() -> Any:
    """`pynvml`, ready for questions; None where there is nobody to ask."""
    try:
        # First, and in no time: most machines have none.
        ctypes.CDLL(LIBRARY)
        import pynvml
    except (OSError, ImportError):
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _handles(nvml: Any) -> List[Any]:
    count = _ask(nvml, "nvmlDeviceGetCount") or 0
    found = [_ask(nvml, "nvmlDeviceGetHandleByIndex", index) for index in range(count)]
    return [handle for handle in found if handle is not None]


def _facts(nvml: Any, handle: Any) -> Dict[str, Any]:
    power_mw = _ask(nvml, "nvmlDeviceGetPowerUsage", handle)
    memory = _ask(nvml, "nvmlDeviceGetMemoryInfo", handle)
    bits = _ask(nvml, "nvmlDeviceGetCurrentClocksEventReasons", handle) or 0
    others = (_processes(nvml, handle) or {}).keys() - {os.getpid()}
    return {
        "name": _ask(nvml, "nvmlDeviceGetName", handle),
        "clock_sm_mhz": _ask(nvml, "nvmlDeviceGetClockInfo", handle, nvml.NVML_CLOCK_SM),
        "clock_reasons": " ".join(word for bit, word in HELD_DOWN.items() if bits & bit),
        "temperature_c": _ask(nvml, "nvmlDeviceGetTemperature", handle, nvml.NVML_TEMPERATURE_GPU),
        "power_w": None if power_mw is None else f"{power_mw / 1000:g}",
        "processes": " ".join(str(number) for number in sorted(others)),
        "memory_used_bytes": None if memory is None else memory.used,
    }


def _processes(nvml: Any, handle: Any) -> Optional[Dict[int, Optional[int]]]:
    """The numbers of the processes that use a GPU, each with its bytes; None if it isn't told."""
    found: Dict[int, Optional[int]] = {}
    for kind in ("Graphics", "Compute"):
        listed = _ask(nvml, f"nvmlDeviceGet{kind}RunningProcesses_v3", handle)
        if listed is None and kind == "Compute":
            return None
        # A process of both kinds is listed twice, each time with all that it holds.
        found.update({item.pid: item.usedGpuMemory for item in listed or ()})
    return found


def _ask(nvml: Any, question: str, *about: Any) -> Any:
    """NVML's answer; None where this GPU, its driver or its state has none."""
    if nvml is None:
        return None
    try:
        return getattr(nvml, question)(*about)
    except nvml.NVMLError:
        return None


def _numbered_as_the_driver(process: Path) -> bool:
    """Whether the driver knows this process by the number that it knows itself by."""
    return _link(process / "ns/pid") == INITIAL_PIDS


def _link(path: Path) -> str:
    try:
        return os.readlink(str(path))
    except OSError:
        return ""
