"""Made trees with the layout of real machines' /proc and /sys.

Written from the kernel's documentation and from boards' published listings; none was copied from
a board.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

CPU = "sys/devices/system/cpu"
THERMAL = "sys/class/thermal"
COOLED_MS = f"{THERMAL}/cooling_device0/stats/time_in_state_ms"


def write(root: Path, files: Mapping[str, str]) -> Path:
    """Write files below `root` by name, with their folders, and give `root` back."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def quiet(root: Path) -> Path:
    """What every Linux has, with nothing going on."""
    return write(
        root,
        {
            "proc/loadavg": "0.10 0.20 0.30 1/200 4321\n",
            "proc/pressure/cpu": _pressure("0.10", 1_000),
            "proc/pressure/memory": _pressure("0.00", 0),
            "proc/pressure/io": _pressure("0.00", 20),
            "proc/stat": "cpu  100 0 50 9000 10 0 5 0 0 0\ncpu0 100 0 50 9000 10 0 5 0 0 0\n",
            "proc/meminfo": "MemTotal: 4096000 kB\nMemAvailable: 2048000 kB\nSwapTotal: 100 kB\n"
            "SwapFree: 100 kB\nHugePages_Free: 0\n",
            "proc/vmstat": "pgpgin 1\npswpin 3\npswpout 4\n",
            "proc/self/cgroup": "0::/user/me\n",
            "sys/fs/cgroup/user/me/cpu.stat": "usage_usec 9\nnr_periods 7\nnr_throttled 2\n"
            "throttled_usec 1500\n",
            "sys/fs/cgroup/cpu.stat": "usage_usec 9\n",
        },
    )


def laptop(root: Path) -> Path:
    """An x86 laptop: two policies, turbo, a battery, a fan, a mouse."""
    quiet(root)
    for cpu in range(2):
        write(root, _policy(cpu, "powersave", now=1_400_000 + cpu, cap=4_200_000, top=4_200_000))
        throttle = f"{CPU}/cpu{cpu}/thermal_throttle"
        write(
            root,
            {
                f"{throttle}/core_throttle_count": f"{cpu + 1}\n",
                f"{throttle}/package_throttle_count": "5\n",
            },
        )
    write(root, {f"{CPU}/intel_pstate/no_turbo": "0\n"})
    write(root, _zone(0, "acpitz", 27_800, {"critical": 119_000}))
    # Nobody has set its trip points, and it is not the only one of its type.
    write(root, _zone(1, "x86_pkg_temp", 54_000, {"passive": -274_000}))
    write(root, _zone(2, "acpitz", 30_000, {"active": 40_000, "passive": 95_000}))
    write(root, _cooling(0, "Processor", 0, "state0\t5000\nstate1\t0\n"))
    write(root, _cooling(1, "Processor", 0, "state0\t5000\nstate1\t40\n"))
    write(root, _cooling(2, "Fan", 1))
    supply = "sys/class/power_supply"
    return write(
        root,
        {
            f"{supply}/AC/type": "Mains\n",
            f"{supply}/AC/online": "1\n",
            f"{supply}/BAT0/type": "Battery\n",
            f"{supply}/BAT0/status": "Charging\n",
            f"{supply}/hidpp_battery_0/type": "Battery\n",
            f"{supply}/hidpp_battery_0/scope": "Device\n",
            f"{supply}/hidpp_battery_0/status": "Discharging\n",
        },
    )


def raspberry_pi_5(root: Path) -> Path:
    """A Raspberry Pi 5 whose supply was too weak once, some time ago; its fan runs."""
    quiet(root)
    write(root, _policy(0, "ondemand", now=1_500_000, cap=2_400_000, top=2_400_000))
    write(root, _zone(0, "cpu-thermal", 51_250, {"active": 50_000, "critical": 110_000}))
    write(root, _cooling(0, "pwm-fan", 1))
    monitor = "sys/class/hwmon/hwmon1"
    return write(
        root,
        {
            "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
            "sys/bus/platform/drivers/raspberrypi-firmware/soc:firmware/get_throttled": "50000\n",
            f"{monitor}/name": "rpi_volt\n",
            f"{monitor}/in0_lcrit_alarm": "0\n",
        },
    )


def jetson(root: Path) -> Path:
    """Like a Jetson Orin Nano: two clusters, a zone whose rail is off, rails with alarms."""
    quiet(root)
    write(root, _policy(0, "schedutil", now=729_600, cap=1_510_400, top=1_510_400))
    write(root, _policy(4, "schedutil", now=1_510_400, cap=1_510_400, top=1_510_400))
    write(root, _zone(0, "cpu-thermal", 49_800, {"critical": 104_500, "passive": 99_000}))
    write(root, {f"{THERMAL}/thermal_zone1/type": "cv0-thermal\n"})
    write(root, _cooling(0, "devfreq-17000000.gpu", 0))
    write(root, _cooling(1, "cpufreq-cpu0", 0))
    monitor = "sys/class/hwmon/hwmon3"
    return write(
        root,
        {
            f"{monitor}/name": "ina3221\n",
            f"{monitor}/curr1_max_alarm": "0\n",
            f"{monitor}/curr1_crit_alarm": "0\n",
        },
    )


def throttling(root: Path) -> Path:
    """A board that a runtime of `tests.fakes`, `heating`, throttles as it runs."""
    quiet(root)
    write(root, _policy(0, "performance", now=1_800_000, cap=1_800_000, top=1_800_000))
    return write(root, _cooling(0, "cpufreq-cpu0", 0, "state0\t1000\nstate1\t20\n"))


def _policy(cpu: int, governor: str, *, now: int, cap: int, top: int) -> dict[str, str]:
    folder = f"{CPU}/cpufreq/policy{cpu}"
    return {
        f"{folder}/scaling_governor": f"{governor}\n",
        f"{folder}/scaling_cur_freq": f"{now}\n",
        f"{folder}/scaling_max_freq": f"{cap}\n",
        f"{folder}/cpuinfo_max_freq": f"{top}\n",
    }


def _zone(number: int, kind: str, temperature_mc: int, trips: Mapping[str, int]) -> dict[str, str]:
    folder = f"{THERMAL}/thermal_zone{number}"
    files = {f"{folder}/type": f"{kind}\n", f"{folder}/temp": f"{temperature_mc}\n"}
    for index, (trip, trip_mc) in enumerate(trips.items()):
        files[f"{folder}/trip_point_{index}_type"] = f"{trip}\n"
        files[f"{folder}/trip_point_{index}_temp"] = f"{trip_mc}\n"
    return files


def _cooling(number: int, kind: str, level: int, times: str = "") -> dict[str, str]:
    folder = f"{THERMAL}/cooling_device{number}"
    files = {f"{folder}/type": f"{kind}\n", f"{folder}/cur_state": f"{level}\n"}
    if times:
        files[f"{folder}/stats/time_in_state_ms"] = times
        files[f"{folder}/stats/total_trans"] = "2\n"
    return files


def _pressure(avg10: str, total_us: int) -> str:
    return (
        f"some avg10={avg10} avg60=0.00 avg300=0.00 total={total_us}\n"
        "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    )
