"""Sensors of energy, found in made trees that have the layout of the real files.

The trees of Jetsons and what `vcgencmd` prints were written after public descriptions of them,
not taken from boards.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.measure.meters import Counter, Power, Sensor
from edgekit.measure.sensors import Found, find_sensors
from edgekit.measure.vcgencmd import pmic_uw

RAPL = "sys/class/powercap"
I2C = "sys/bus/i2c/devices"
LAPTOP = {
    "intel-rapl/enabled": "1",
    "intel-rapl:0/name": "package-0",
    "intel-rapl:0/energy_uj": "5000000",
    "intel-rapl:0/max_energy_range_uj": "262143328850",
    "intel-rapl:0:0/name": "core",
    "intel-rapl:0:0/energy_uj": "3000000",
    "intel-rapl:0:0/max_energy_range_uj": "262143328850",
    "intel-rapl:0:1/name": "uncore",
    "intel-rapl:0:1/energy_uj": "0",
    "intel-rapl:1/name": "psys",
    "intel-rapl:1/energy_uj": "9000000",
    "intel-rapl-mmio:0/name": "package-0",  # the same counter by another way
    "intel-rapl-mmio:0/energy_uj": "5000000",
}
ORIN = {
    "1-0040/name": "ina3221",
    "1-0040/hwmon/hwmon3/name": "ina3221",
    "1-0040/hwmon/hwmon3/update_interval": "50",
    "1-0040/hwmon/hwmon3/in1_label": "VDD_IN",
    "1-0040/hwmon/hwmon3/in1_input": "4952",
    "1-0040/hwmon/hwmon3/curr1_input": "1200",
    "1-0040/hwmon/hwmon3/in2_label": "VDD_CPU_GPU_CV",
    "1-0040/hwmon/hwmon3/in2_input": "4952",
    "1-0040/hwmon/hwmon3/curr2_input": "400",
    "1-0040/hwmon/hwmon3/in3_label": "VDD_SOC",
    "1-0040/hwmon/hwmon3/in3_input": "4952",
    "1-0040/hwmon/hwmon3/curr3_input": "300",
    "1-0040/hwmon/hwmon3/in7_label": "sum of shunt voltages",
    "1-0040/hwmon/hwmon3/in7_input": "77",
    "1-0050/name": "24c02",  # a memory chip on the same bus
    "9-0060/hwmon/hwmon4/name": "lm75",
    "9-0060/hwmon/hwmon4/in1_label": "VDD_IN",
}
# An AGX: two chips, no rail at the input, one channel that isn't connected.
AGX = {
    "1-0040/hwmon/hwmon3/name": "ina3221",
    "1-0040/hwmon/hwmon3/in1_label": "VDD_GPU_SOC",
    "1-0040/hwmon/hwmon3/in1_input": "20000",
    "1-0040/hwmon/hwmon3/curr1_input": "100",
    "1-0041/hwmon/hwmon4/name": "ina3221",
    "1-0041/hwmon/hwmon4/in1_label": "VDD_CPU_CV",
    "1-0041/hwmon/hwmon4/in1_input": "20000",
    "1-0041/hwmon/hwmon4/curr1_input": "50",
    "1-0041/hwmon/hwmon4/in2_label": "NC",
    "1-0041/hwmon/hwmon4/in2_input": "20000",
    "1-0041/hwmon/hwmon4/curr2_input": "999",
    "1-0041/hwmon/hwmon4/in7_label": "sum of shunt voltages",
    "1-0041/hwmon/hwmon4/in7_input": "77",
}
NANO = {
    "6-0040/iio:device0/name": "ina3221x",
    "6-0040/iio:device0/rail_name_0": "POM_5V_IN",
    "6-0040/iio:device0/in_power0_input": "2150",
    "6-0040/iio:device0/in_voltage0_input": "5088",
    "6-0040/iio:device0/rail_name_1": "POM_5V_GPU",
    "6-0040/iio:device0/in_power1_input": "40",
}
PMIC = """\
     3V3_SYS_A current(1)=0.10000000A
   VDD_CORE_A current(7)=2.00000000A
     3V3_SYS_V volt(9)=3.30000000V
   VDD_CORE_V volt(15)=0.90000000V
      EXT5V_V volt(24)=5.15000000V
       BATT_V volt(25)=0.00000000V
"""


def _tree(root: Path, under: str, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / under / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


def _vcgencmd(root: Path, says: str, status: int = 0) -> Path:
    (root / "usr/bin").mkdir(parents=True)
    program = root / "usr/bin/vcgencmd"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = pmic_read_adc ] || exit 9\necho "{says}"\nexit {status}\n'
    )
    program.chmod(0o755)
    return root


def _read(sensor: Sensor) -> int | None:
    return sensor.read_uj() if isinstance(sensor, Counter) else sensor.read_uw()


def _shown(found: Found) -> dict[str, tuple[str, int | None]]:
    return {sensor.name: (sensor.scope, _read(sensor)) for sensor in found.sensors}


def test_a_machine_without_sensors(tmp_path: Path) -> None:
    assert find_sensors(tmp_path) == Found([], {})


def test_rapl_has_packages_their_parts_and_the_platform(tmp_path: Path) -> None:
    found = find_sensors(_tree(tmp_path, RAPL, LAPTOP))
    assert _shown(found) == {
        "rapl:package-0": ("package", 5_000_000),
        "rapl:package-0/core": ("core", 3_000_000),
        "rapl:package-0/uncore": ("uncore", 0),
        "rapl:psys": ("platform", 9_000_000),
    }
    package = found.sensors[0]
    assert isinstance(package, Counter)
    assert package.range_uj == 262143328850


def test_a_counter_that_only_root_may_read_is_missing_with_the_mend(tmp_path: Path) -> None:
    root = _tree(tmp_path, RAPL, {"intel-rapl:0/name": "package-0"})
    (root / RAPL / "intel-rapl:0/energy_uj").mkdir()  # can't be read, not even by root
    found = find_sensors(root)
    assert found.sensors == []
    assert "sudo chmod a+r" in found.missing["rapl:package-0"]


@pytest.mark.parametrize(
    ("files", "name", "scope", "microwatts", "period_s"),
    [
        (ORIN, "ina3221:VDD_IN", "board", 4952 * 1200, 0.05),
        (AGX, "ina3221", "rails", 20000 * 150, 0.1),
        (NANO, "ina3221:POM_5V_IN", "board", 2_150_000, 0.1),
    ],
)
def test_a_jetson_tells_its_power(
    tmp_path: Path, files: dict[str, str], name: str, scope: str, microwatts: int, period_s: float
) -> None:
    found = find_sensors(_tree(tmp_path, I2C, files))
    assert _shown(found) == {name: (scope, microwatts)}
    assert found.sensors[0].period_s == period_s


def test_a_rail_that_stops_to_answer_gives_no_sum(tmp_path: Path) -> None:
    (sensor,) = find_sensors(_tree(tmp_path, I2C, AGX)).sensors
    (tmp_path / I2C / "1-0041/hwmon/hwmon4/curr1_input").unlink()
    assert _read(sensor) is None


def test_a_raspberry_pi_5_tells_its_rails_and_no_more(tmp_path: Path) -> None:
    found = find_sensors(_vcgencmd(tmp_path, PMIC))
    # 3.3 V x 0.1 A + 0.9 V x 2 A, without what other programs add for losses and peripherals.
    assert _shown(found) == {"pmic": ("rails", 2_130_000)}
    assert isinstance(found.sensors[0], Power)


@pytest.mark.parametrize(
    ("says", "word"),
    [
        ("error=1 error_msg='Command not registered'", "only model 5"),
        ("VCHI initialization failed", "usermod -aG video"),
    ],
)
def test_a_raspberry_pi_that_does_not_tell_says_why(tmp_path: Path, says: str, word: str) -> None:
    found = find_sensors(_vcgencmd(tmp_path, says, status=255))
    assert found.sensors == []
    assert word in found.missing["pmic"]


# In units of 10 nA and 10 nV, which is what it prints.
PARTS = st.tuples(st.integers(0, 10**9), st.integers(0, 10**9))
RAILS = st.dictionaries(
    st.sampled_from(["VDD_CORE", "3V3_SYS", "DDR_VDD2", "HDMI"]), PARTS, min_size=1
)


@settings(deadline=None)
@given(RAILS, st.sampled_from([" {}({})=", "="]), st.randoms())
def test_every_rail_counts_in_both_forms_and_any_order(
    rails: dict[str, tuple[int, int]], form: str, random: Random
) -> None:
    lines = []
    for rail, (amperes, volts) in rails.items():
        lines.append(f"  {rail}_A{form.format('current', 7)}{amperes / 1e8:.8f}A")
        lines.append(f"{rail}_V{form.format('volt', 15)}{volts / 1e8:.8f}V")
    random.shuffle(lines)
    exact_uw = sum(amperes * volts for amperes, volts in rails.values()) / 1e10
    assert pmic_uw("\n".join(lines)) == pytest.approx(exact_uw, abs=1)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    assert pmic_uw(text) is None or pmic_uw(text) >= 0  # type: ignore[operator]
