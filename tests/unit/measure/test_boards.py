"""What kind of device it is: made trees with the layout of real ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.measure.boards import board
from edgekit.measure.clocks import clocks
from edgekit.measure.environment import machine
from edgekit.measure.jetson import jetpack, l4t, nvpmodel, power_mode, tegrastats
from edgekit.measure.state import state
from tests.system_trees import quiet, write

DATA = Path(__file__).parents[2] / "data" / "devices"
TREE = "sys/firmware/devicetree/base"
ORIN = {
    f"{TREE}/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
    f"{TREE}/compatible": "nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0",
}
PI = {
    "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
    "proc/device-tree/compatible": "raspberrypi,5-model-b\0brcm,bcm2712\0",
}
ROCK = {
    f"{TREE}/model": "Radxa ROCK 5B\0",
    f"{TREE}/compatible": "radxa,rock-5b\0rockchip,rk3588\0",
}
PC = {"sys/class/dmi/id/sys_vendor": "LENOVO\n", "sys/class/dmi/id/product_name": "21CB\n"}


def recorded(name: str) -> str:
    return (DATA / f"{name}.txt").read_text()


def program(root: Path, place: str, says: str) -> Path:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n[ \"$1\" = -q ] || exit 9\ncat <<'END'\n{says}\nEND\n")
    path.chmod(0o755)
    return root


@pytest.mark.parametrize(
    ("files", "kind", "model", "soc"),
    [
        (ORIN, "jetson", "NVIDIA Jetson Orin Nano Developer Kit", "tegra234"),
        (PI, "raspberry-pi", "Raspberry Pi 5 Model B Rev 1.0", "bcm2712"),
        (ROCK, "linux", "Radxa ROCK 5B", "rk3588"),
        (PC, "linux", "LENOVO 21CB", None),
        ({}, "linux", None, None),
    ],
)
def test_a_device_says_what_it_is(
    tmp_path: Path, files: dict[str, str], kind: str, model: str | None, soc: str | None
) -> None:
    facts = board(write(tmp_path, files))
    found = (facts["board.kind"], facts.get("board.model"), facts.get("board.soc"))
    assert found == (kind, model, soc)


@pytest.mark.parametrize(
    ("name", "release", "major"),
    [("jetpack4", "32.7.1", "4"), ("jetpack5", "35.4.1", "5"), ("jetpack6", "36.4.3", "6")],
)
def test_a_jetson_tells_its_jetpack(tmp_path: Path, name: str, release: str, major: str) -> None:
    text = recorded(f"nv_tegra_release-{name}")
    # In a container the device tree may be hidden.
    facts = board(write(tmp_path, {"etc/nv_tegra_release": text}))
    assert facts == {"board.kind": "jetson", "board.l4t": release, "board.jetpack": major}


def test_a_release_of_tomorrow_has_no_jetpack_that_we_know() -> None:
    assert l4t("# R99 (release), REVISION: 1.0, GCID: 1") == "99.1.0"
    assert jetpack("99.1.0") == ""


def test_the_processor_of_a_board_is_the_board(tmp_path: Path) -> None:
    assert machine(write(tmp_path, ORIN))["cpu.model"] == "NVIDIA Jetson Orin Nano Developer Kit"


@pytest.mark.parametrize(
    ("name", "mode"), [("nvpmodel-jetpack4", "MAXN (0)"), ("nvpmodel-jetpack6", "15W (1)")]
)
def test_the_power_mode_is_part_of_the_state(tmp_path: Path, name: str, mode: str) -> None:
    root = program(quiet(tmp_path), "usr/sbin/nvpmodel", recorded(name))
    assert state(root)["jetson.power_mode"] == mode


def test_a_board_without_power_modes_has_none(tmp_path: Path) -> None:
    assert power_mode(tmp_path) == {}
    says_nothing = program(tmp_path, "usr/sbin/nvpmodel", "NVPM ERROR: permission denied")
    assert power_mode(says_nothing) == {}


def test_the_clocks_of_a_gpu(tmp_path: Path) -> None:
    folder = "sys/class/devfreq/17000000.gpu"
    files = {"cur_freq": "305000000", "min_freq": "305000000", "max_freq": "624750000"}
    root = write(tmp_path, {f"{folder}/{name}": text + "\n" for name, text in files.items()})
    write(root, {f"{folder}/governor": "nvhost_podgov\n"})
    assert clocks(root) == {
        "devfreq.hz": "17000000.gpu:305000000",
        "devfreq.least_hz": "17000000.gpu:305000000",
        "devfreq.cap_hz": "17000000.gpu:624750000",
        "devfreq.governor": "17000000.gpu:nvhost_podgov",
    }


def test_a_weak_supply_is_counted(tmp_path: Path) -> None:
    monitor = "sys/class/hwmon/hwmon3"
    files = {f"{monitor}/oc{number}_event_cnt": f"{number}\n" for number in (1, 2, 3)}
    root = write(quiet(tmp_path), {f"{monitor}/name": "soctherm_oc\n", **files})
    assert state(root)["counter.overcurrent"] == "6"


def test_a_line_of_a_nano() -> None:
    assert tegrastats(recorded("tegrastats-jetpack4-nano")) == {
        "temperature_mc.PLL": "38500",
        "temperature_mc.CPU": "41000",
        "temperature_mc.PMIC": "100000",
        "temperature_mc.GPU": "39500",
        "temperature_mc.AO": "47000",
        "temperature_mc.thermal": "40250",
        "rail_mw.POM_5V_IN": "2150",
        "rail_mw.POM_5V_GPU": "40",
        "rail_mw.POM_5V_CPU": "484",
        "memory.used_bytes": str(702 * 2**20),
        "memory.total_bytes": str(3956 * 2**20),
        "swap.used_bytes": "0",
        "swap.total_bytes": str(1978 * 2**20),
        "gpu.load_percent": "37",
        "cpu.load_percent": "12 8",
    }


@pytest.mark.parametrize(
    ("name", "rails", "gpu", "cpus"),
    [
        ("tegrastats-jetpack5-xavier", (5336, 1617, 1478), "61", "21 19 18"),
        ("tegrastats-jetpack6-orin", (5056, 1204, 1400), "45", "12 5 0 1"),
    ],
)
def test_a_line_of_later_boards(name: str, rails: tuple[int, ...], gpu: str, cpus: str) -> None:
    facts = tegrastats(recorded(name))
    names = ("VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC")
    assert tuple(int(facts[f"rail_mw.{rail}"]) for rail in names) == rails
    assert (facts["gpu.load_percent"], facts["cpu.load_percent"]) == (gpu, cpus)


def test_a_sensor_whose_rail_is_off_tells_nothing() -> None:
    facts = tegrastats(recorded("tegrastats-jetpack6-orin"))
    assert "temperature_mc.cv0" not in facts
    assert facts["temperature_mc.tj"] == "49093"


# What could be mistaken for a line, rather than any text.
WORDS = st.sampled_from(
    [
        "RAM",
        "SWAP",
        "CPU",
        "1/2MB",
        "3mW/4mW",
        "VDD_IN",
        "5/6",
        "[1%@2,off]",
        "[",
        "]",
        "GR3D_FREQ",
        "7%",
        "7%@[9]",
        "cpu@1.5C",
        "cv0@-256C",
        "@C",
        "x@9999999C",
        "NV",
        "Power",
        "Mode:",
        "15W",
        "\n",
        "1",
        "#",
        "R36",
        "(release),",
        "REVISION:",
        "4.3",
    ]
)


@settings(deadline=None)
@given(st.one_of(st.text(), st.lists(WORDS).map(" ".join)))
def test_any_line_is_read_or_passed_over(text: str) -> None:
    for name, fact in tegrastats(text).items():
        assert name.isprintable()
        assert all(word.lstrip("-").isdigit() for word in fact.split())
    name, number = nvpmodel(text)
    assert bool(name) == bool(number)
    assert l4t(text).replace(".", "").isdigit() or l4t(text) == ""
