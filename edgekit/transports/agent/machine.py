"""What a device is and has. All of it is optional: a board may lack any of these files."""

import contextlib
import os
import platform
import re
import shutil
import site
import sys
import sysconfig
import time
from pathlib import Path
from typing import Dict, List, Optional

from edgekit.transports.agent.files import read_text
from edgekit.transports.agent.requests import Fields

BOOTTIME = 7  # Linux's CLOCK_BOOTTIME: nobody sets it, and it goes on while the machine sleeps
PACKAGE = re.compile(r"([A-Za-z0-9_]+)-([0-9][^-]*)(?:-py[0-9.]+)?\.(?:dist|egg)-info")
PACKAGES = (
    "numpy", "onnxruntime", "onnxruntime_gpu", "ai_edge_litert", "tflite_runtime", "openvino",
    "tensorrt", "tensorrt_rtx_cu12_bindings", "tensorrt_rtx_cu13_bindings", "torch",
)  # fmt: skip
PROGRAMS = ("trtexec", "nvpmodel", "jetson_clocks", "tegrastats", "vcgencmd")
JETPACK = "/usr/lib/python{}.{}/dist-packages"
# Where they are, if a login's PATH doesn't lead there.
PLACES = "/usr/sbin:/usr/bin:/usr/src/tensorrt/bin"
_KIB = 1024
_NAME = 200  # characters
_NO_TEMPERATURE = 250_000  # thousandths of a degree: -256 C says that a part is switched off


def now_s() -> float:
    """Seconds since the machine was switched on."""
    return time.clock_gettime(BOOTTIME)


def boot_id() -> str:
    """What is another after each boot; empty where the kernel doesn't tell."""
    return read_text(Path("/proc/sys/kernel/random/boot_id"))


def facts(system: Path, root: Path) -> Fields:
    """All that a host wants to know before it sends anything.

    Args:
        system: Where the system's files are.
        root: The agent's folder.
    """
    memory, disk = _memory_bytes(system), os.statvfs(str(root))
    caps = _of_cgroup(system, "memory.max", "memory.limit_in_bytes")
    sizes = [_integer(text) for text in caps] + [memory.get("MemTotal")]
    governor = system / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
    return {
        "python": platform.python_version(),
        # A 32-bit system may run on a 64-bit kernel: the Python decides which wheels fit.
        "platform": sysconfig.get_platform(),
        "bits": 64 if sys.maxsize > 2**32 else 32,
        "glibc": _glibc(),
        "machine": platform.machine(),
        "kernel": platform.release(),
        "model": read_text(system / "sys/firmware/devicetree/base/model")[:_NAME],
        "l4t": read_text(system / "etc/nv_tegra_release")[:_NAME],
        "cpus": len(os.sched_getaffinity(0)),
        "memory_bytes": min((size for size in sizes if size), default=None),
        "available_bytes": memory.get("MemAvailable"),
        "disk_free_bytes": disk.f_bavail * disk.f_frsize,
        "governor": read_text(governor)[:_NAME],
        "temperatures_c": _temperatures_c(system),
        "packages": _packages(),
        "programs": _programs(),
        "boot_id": boot_id(),
        "uid": os.getuid(),
    }


def oom_kills(system: Path) -> int:
    """Processes that the kernel ended for want of memory; only a difference means something."""
    texts = _of_cgroup(system, "memory.events", "memory.oom_control")
    texts.append(read_text(system / "proc/vmstat"))
    return sum(int(n) for text in texts for n in re.findall(r"(?m)^oom_kill (\d{1,18})$", text))


def _memory_bytes(system: Path) -> Dict[str, int]:
    lines = re.findall(r"(?m)^(Mem\w+): +(\d{1,15}) kB$", read_text(system / "proc/meminfo"))
    return {name: int(kib) * _KIB for name, kib in lines}


def _of_cgroup(system: Path, new: str, old: str) -> List[str]:
    """What the files of this process's memory group say, in the new and in the old shape."""
    found = []
    for line in read_text(system / "proc/self/cgroup").splitlines():
        kinds, _, group = line.partition(":")[2].partition(":")
        if not kinds:
            found.append(read_text(system / "sys/fs/cgroup" / group.lstrip("/") / new))
        elif "memory" in kinds.split(","):
            found.append(read_text(system / "sys/fs/cgroup/memory" / group.lstrip("/") / old))
    return found


def _temperatures_c(system: Path) -> Dict[str, float]:
    found = {}
    for zone in sorted((system / "sys/class/thermal").glob("thermal_zone*")):
        value = _integer(read_text(zone / "temp"))
        if value is not None and abs(value) < _NO_TEMPERATURE:
            found[read_text(zone / "type")[:_NAME] or zone.name] = value / 1000.0
    return found


def _packages() -> Dict[str, str]:
    """Versions of the runtimes that are installed for this Python, read without importing them."""
    found: Dict[str, str] = {}
    # An isolated Python doesn't look into the user's own packages; a job's does. Of JetPack's it
    # takes TensorRT, for want of one of its own.
    folders = [(folder, PACKAGES) for folder in [*sys.path, site.getusersitepackages()]]
    for folder, wanted in [*folders, (JETPACK.format(*sys.version_info), ("tensorrt",))]:
        with contextlib.suppress(OSError):
            for path in sorted(Path(folder).iterdir()):
                match = PACKAGE.fullmatch(path.name)
                if match and match.group(1) in wanted:
                    found.setdefault(match.group(1), match.group(2))
    return found


def _programs() -> Dict[str, str]:
    path = os.pathsep.join([os.environ.get("PATH", ""), PLACES])
    found = {name: shutil.which(name, path=path) for name in PROGRAMS}
    return {name: place for name, place in found.items() if place}


def _glibc() -> str:
    # platform.libc_ver() tells what this Python was built with; the system's own may be newer.
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):  # another C library
        return ""


def _integer(text: str) -> Optional[int]:
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else None
