"""What a phone's script prints, and what its program is for."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.android import elf, state
from edgekit.errors import DataError
from edgekit.transports import phonefacts

CPUS = "/sys/devices/system/cpu/cpu"
TEXT = f"""== properties
[ro.product.cpu.abi]: [arm64-v8a]
[ro.product.manufacturer]: [Google]
[ro.product.model]: [Pixel 8]
[ro.build.version.sdk]: [34]
[ro.build.version.release]: [14]
== battery
  USB powered: true
  status: 2
  level: 87
  scale: 100
  temperature: 312
== thermal
Thermal Status: 1
== cpus
count 8
{CPUS}0/cpu_capacity:250
{CPUS}7/cpu_capacity:1024
{CPUS}0/cpufreq/scaling_cur_freq:1800000
{CPUS}7/cpufreq/scaling_cur_freq:2900000
{CPUS}7/cpufreq/scaling_max_freq:2900000
{CPUS}7/cpufreq/scaling_governor:sched_pixel
{CPUS}7/cpufreq/scaling_cur_freq:<unknown>
== memory
MemTotal:        7700000 kB
MemAvailable:    3300000 kB
== disk
Filesystem     1K-blocks     Used Available Use% Mounted on
/dev/block/dm-5 110000000 80000000 30000000  73% /data
== uptime
12345 5.15.110-android14
"""


def test_what_a_phone_is_and_how_it_is() -> None:
    assert state.phone(TEXT)["board.model"] == "Google Pixel 8"
    assert state.phone(TEXT)["cpu.logical"] == "8"
    now = state.state(TEXT)
    assert now["cpu.khz"] == "0:1800000"
    assert now["cpu.cap_khz"] == "7:2900000"
    assert now["cpu.governor"] == "sched_pixel"
    assert (now["power.battery"], now["android.thermal_status"]) == ("Charging", "1")
    assert state.strengths(TEXT) == {0: 250.0, 7: 1024.0}
    assert state.kernel(TEXT) == "5.15.110-android14"


def test_its_facts_as_a_record() -> None:
    found = phonefacts.of(TEXT)
    assert (found.machine, found.system) == ("arm64-v8a", "Android 14 (API 34)")
    assert (found.cpus, found.big_cpus) == (8, 1)
    assert (found.memory_bytes, found.available_bytes) == (7700000 * 1024, 3300000 * 1024)
    assert found.disk_free_bytes == 30000000 * 1024
    assert (found.thermal_status, found.battery) == (1, "87 %, charging")


HOT = "Temperature{mValue=41.2, mType=0, mName=\x1b[2J, mStatus=0}\n"
PIECES = st.sampled_from(
    [HOT, "== thermal\n", *TEXT.splitlines(keepends=True), "== cpus\n", "count 0\n", "\x1b[2J"]
)


@settings(deadline=None)
@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_any_text_is_read(text: str) -> None:
    found = phonefacts.of(text)
    assert found.cpus >= 1
    assert found.governor.isprintable()
    assert found.battery.isprintable()
    assert "".join(found.temperatures_c).isprintable()


def program(path: Path, bits: int, machine: int) -> Path:
    head = b"\x7fELF" + bytes([bits, 1]) + bytes(12) + struct.pack("<H", machine) + bytes(40)
    path.write_bytes(head)
    return path


def test_a_program_is_for_phones_of_one_kind(tmp_path: Path) -> None:
    path = tmp_path / "program"
    assert elf.abi(program(path, 2, 183)) == "arm64-v8a"
    assert elf.abi(program(path, 1, 40)) == "armeabi-v7a"
    assert elf.abi(program(path, 2, 21)) == "machine 21"
    path.write_text("#!/system/bin/sh\n")
    assert elf.abi(path) == ""


@pytest.mark.parametrize("content", [b"", b"PK", b"\x7fELF"])
def test_what_is_no_program_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "program").write_bytes(content)
    with pytest.raises(DataError, match="is no program"):
        elf.abi(tmp_path / "program")
    with pytest.raises(DataError, match="can't be read"):
        elf.abi(tmp_path / "nothing")
