"""Heat and battery of a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.android.dumpsys import battery, thermalservice

DATA = Path(__file__).parents[2] / "data" / "devices"
HEAT = (DATA / "dumpsys-thermalservice.txt").read_text()
BATTERY = (DATA / "dumpsys-battery.txt").read_text()


def test_what_is_told_of_the_moment_counts() -> None:
    assert thermalservice(HEAT) == {
        "android.thermal_status": "1",
        "temperature_mc.cpu.AP": "44800",
        "temperature_mc.gpu.G3D": "41250",
        "temperature_mc.battery.BAT": "32400",
        "temperature_mc.skin.SKIN": "38300",
        "temperature_mc.npu.TPU": "40500",
    }


def test_a_phone_whose_hardware_tells_nothing_has_the_last_that_the_service_heard() -> None:
    text = HEAT.partition("Current temperatures")[0] + "Current temperatures from HAL:\n"
    assert thermalservice(text)["temperature_mc.cpu.AP"] == "38100"


@pytest.mark.parametrize("status", ["7", "-1", "none", ""])
def test_a_status_that_does_not_exist_is_none(status: str) -> None:
    assert "android.thermal_status" not in thermalservice(f"Thermal Status: {status}\n")


def test_the_battery() -> None:
    assert battery(BATTERY) == {
        "power.battery": "Charging",
        "power.mains": "1",
        "power.level_percent": "81",
        "temperature_mc.battery": "28700",
    }


def test_a_phone_off_its_cable() -> None:
    facts = battery(BATTERY.replace("USB powered: true", "USB powered: false"))
    assert facts["power.mains"] == "0"
    assert battery(BATTERY.replace("status: 2", "status: 3"))["power.battery"] == "Discharging"


LINES = st.sampled_from(
    [
        "Thermal Status: 3",
        "Current temperatures from HAL:",
        "Temperature{mValue=1e9, mType=0, mName=A, mStatus=0}",
        "Temperature{mValue=NaN, mType=0, mName=A, mStatus=0}",
        "Temperature{mValue=9999.5, mType=0, mName=A, mStatus=0}",
        "Temperature{mValue=41.5, mType=0, mName=\x1b[31m, mStatus=0}",
        "  temperature: 99999999999",
        "  temperature: -50",
        "  level: 5",
        "  scale: 0",
        "  status: 9",
        "  AC powered: maybe",
    ]
)


@settings(deadline=None)
@given(st.one_of(st.text(), st.lists(LINES).map("\n".join)))
def test_any_text_is_read_or_passed_over(text: str) -> None:
    for facts in (thermalservice(text), battery(text)):
        for name, value in facts.items():
            if name.startswith("temperature_mc.") and "battery" not in name:
                assert -40_000 < int(value) < 200_000
