"""Doctor on a machine whose files are made here."""

from edgekit.workflows.doctor import doctor


def write(root, path, text):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_memory_swap_and_battery(tmp_path):
    write(
        tmp_path,
        "proc/meminfo",
        "MemTotal: 4096 kB\nMemAvailable: 1024 kB\nSwapTotal: 100 kB\nSwapFree: 60 kB\nHugePages_Free: 0\n",
    )
    write(tmp_path, "sys/class/power_supply/AC/type", "Mains\n")
    write(tmp_path, "sys/class/power_supply/BAT0/type", "Battery\n")
    write(tmp_path, "sys/class/power_supply/BAT0/status", "Discharging\n")
    write(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n")
    found = doctor(tmp_path, tmp_path)
    assert found.state["memory.total_bytes"] == str(4 * 2**20)
    assert found.state["memory.available_bytes"] == str(2**20)
    assert found.state["swap.used_bytes"] == str(40 * 1024)
    text = " ".join(disturbance.what for disturbance in found.disturbances)
    assert all(word in text for word in ("swapped out", "battery", "powersave"))


def test_a_system_without_such_files(tmp_path):
    found = doctor(tmp_path / "exported", tmp_path)
    assert "memory.total_bytes" not in found.state
    assert found.disk_free_bytes > 0
    assert found.disturbances == ()
