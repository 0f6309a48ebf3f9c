"""What phone it is, and its big cores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.android.properties import big_mask, phone, strengths

DATA = Path(__file__).parents[2] / "data" / "devices"
# Two big cores, two middling ones, four little ones, by `cpu_capacity`.
TENSOR = {0: 124, 1: 124, 2: 124, 3: 124, 4: 427, 5: 427, 6: 1024, 7: 1024}


def test_a_phone_says_what_it_is() -> None:
    assert phone((DATA / "getprop.txt").read_text()) == {
        "board.kind": "android",
        "board.model": "Google Pixel 7",
        "board.soc": "GS201",
        "android.abi": "arm64-v8a",
        "android.sdk": "34",
        "android.release": "14",
    }


def test_an_older_phone_names_its_platform() -> None:
    text = "[ro.board.platform]: [msm8998]\r\n[ro.product.cpu.abi]: [armeabi-v7a]\r\n"
    facts = phone(text)
    assert (facts["board.soc"], facts["android.abi"]) == ("msm8998", "armeabi-v7a")


CPU = "/sys/devices/system/cpu/cpu{}/{}"


def told(name: str, values: Mapping[int, float]) -> str:
    return "".join(f"{CPU.format(cpu, name)}:{value:g}\n" for cpu, value in values.items())


def test_a_phone_tells_how_strong_its_cores_are() -> None:
    clocks = told("cpufreq/cpuinfo_max_freq", dict.fromkeys(TENSOR, 2.0))
    assert strengths(told("cpu_capacity", TENSOR) + clocks) == TENSOR
    assert strengths(clocks) == dict.fromkeys(TENSOR, 2.0)
    assert strengths("grep: /sys/devices/system/cpu: Permission denied\n") == {}


@pytest.mark.parametrize(
    ("threads", "mask"), [(1, "c0"), (2, "c0"), (3, "f0"), (4, "f0"), (5, "ff"), (9, "ff")]
)
def test_as_many_big_cores_as_there_are_threads(threads: int, mask: str) -> None:
    assert big_mask(TENSOR, threads) == mask


def test_cores_that_hardly_differ_are_of_one_kind() -> None:
    assert big_mask({0: 1_000, 1: 950}) == "3"


def test_nothing_told_is_no_mask() -> None:
    assert big_mask({}) == ""


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 63), st.floats(1, 1e7), min_size=1), st.integers(1, 64))
def test_a_mask_has_the_strongest_core_and_enough_of_them(
    strength: dict[int, float], threads: int
) -> None:
    mask = int(big_mask(strength, threads), 16)
    chosen = {cpu for cpu in range(64) if mask >> cpu & 1}
    assert chosen <= strength.keys()
    assert len(chosen) >= min(threads, len(strength))
    weakest = min(strength[cpu] for cpu in chosen)
    assert all(cpu in chosen for cpu, value in strength.items() if value > weakest)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_phone_of_which_little_is_known(text: str) -> None:
    assert all(value.isprintable() for value in phone(text).values())
    assert all(value >= 0 for value in strengths(text).values())
