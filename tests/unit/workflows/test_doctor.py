"""Doctor on a machine whose files are made here."""

from edgekit.workflows.doctor import doctor
from tests import system_trees


def test_memory_swap_and_battery(tmp_path):
    system_trees.laptop(tmp_path)
    meminfo = "MemTotal: 4096 kB\nMemAvailable: 1024 kB\nSwapTotal: 100 kB\nSwapFree: 60 kB\n"
    battery = "sys/class/power_supply/BAT0/status"
    system_trees.write(tmp_path, {"proc/meminfo": meminfo, battery: "Discharging\n"})
    found = doctor(tmp_path, tmp_path, look_s=0)
    assert found.state["memory.total_bytes"] == str(4 * 2**20)
    assert found.state["memory.available_bytes"] == str(2**20)
    assert found.state["swap.used_bytes"] == str(40 * 1024)
    assert found.state["machine_class"] == "quiet"
    text = " ".join(disturbance.what for disturbance in found.disturbances)
    assert all(word in text for word in ("swapped out", "battery", "powersave", "turbo"))
    # A count since the machine was started says nothing of now.
    assert not [name for name in found.state if "throttled" in name]


def test_a_board_with_a_weak_power_supply(tmp_path):
    system_trees.raspberry_pi_5(tmp_path)
    bits = "sys/bus/platform/drivers/raspberrypi-firmware/soc:firmware/get_throttled"
    system_trees.write(tmp_path, {bits: "50005\n"})
    found = doctor(tmp_path, tmp_path, look_s=0)
    mends = {disturbance.what: disturbance.mend for disturbance in found.disturbances}
    (under_voltage,) = (what for what in mends if "under-voltage" in what)
    assert "power supply" in mends[under_voltage]


def test_a_system_without_such_files(tmp_path):
    found = doctor(tmp_path / "exported", tmp_path, look_s=0)
    assert "memory.total_bytes" not in found.state
    assert found.state["machine_class"] == "unknown"
    assert found.disk_free_bytes > 0
    assert found.disturbances == ()


def test_who_is_busy_is_named(tmp_path, monkeypatch):
    stat = "{} (web (x) server) S 1 1 1 0 -1 0 0 0 0 0 {} {} 0 0 20 0 1 0 1 1 1\n"
    pressure = "some avg10=43.21 avg60=0.00 avg300=0.00 total=1\n"
    files = {"proc/7/stat": stat.format(7, 100, 20), "proc/8/stat": stat.format(8, 500, 500)}
    system_trees.write(tmp_path, {**files, "proc/pressure/cpu": pressure, "proc/9/stat": "?"})

    def go_on(seconds):
        busier = stat.format(7, 100 + 60 * seconds, 20 + 20 * seconds)
        system_trees.write(tmp_path, {"proc/7/stat": busier})

    monkeypatch.setattr("time.sleep", go_on)
    found = doctor(tmp_path, tmp_path, look_s=1)
    assert found.state["machine_class"] == "noisy"
    (busy,) = found.disturbances
    assert "43.21 %" in busy.what
    assert "(most CPU time: web (x) server 80% of one)" in busy.what
