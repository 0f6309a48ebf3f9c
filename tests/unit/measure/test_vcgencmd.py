"""What the firmware of a Raspberry Pi says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.measure import vcgencmd
from edgekit.measure.state import state
from tests.system_trees import quiet


def pi(root: Path, says: str, question: str = "get_throttled") -> Path:
    program = quiet(root) / "usr/bin/vcgencmd"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\n[ "$*" = "{question}" ] || exit 9\necho "{says}"\n')
    program.chmod(0o755)
    return root


@pytest.mark.parametrize(
    ("says", "bits"),
    [
        ("throttled=0x0", 0),
        ("throttled=0x50005", 0x50005),
        ("throttled=0xE0008", 0xE0008),
        ("50000", 0x50000),
        ("VCHI initialization failed", None),
        ("", None),
        ("throttled=0x123456789", None),
    ],
)
def test_the_bits_of_throttling(says: str, bits: int | None) -> None:
    assert vcgencmd.throttled(says + "\n") == bits


def test_the_program_is_asked_where_the_kernel_has_no_file(tmp_path: Path) -> None:
    assert state(pi(tmp_path, "throttled=0x50005"))["pi.throttled"] == "0x50005"


def test_a_firmware_that_answers_with_words_throttles_nothing(tmp_path: Path) -> None:
    assert "pi.throttled" not in state(pi(tmp_path, "VCHI initialization failed"))


def test_a_question_of_two_words(tmp_path: Path) -> None:
    root = pi(tmp_path, "frequency(0)=1500345728", "measure_clock arm")
    assert vcgencmd.clock_hz(vcgencmd.ask(root, "measure_clock arm")) == 1_500_345_728


def test_there_may_be_no_such_program(tmp_path: Path) -> None:
    assert vcgencmd.ask(tmp_path, "get_throttled") == ""


@pytest.mark.parametrize(
    ("says", "millidegrees"), [("temp=51.2'C", 51_200), ("temp=-3.0'C", -3_000), ("51.2", None)]
)
def test_the_temperature(says: str, millidegrees: int | None) -> None:
    assert vcgencmd.temperature_mc(says + "\n") == millidegrees


@pytest.mark.parametrize(
    ("says", "hz"),
    [("frequency(48)=2400000000", 2_400_000_000), ("frequency(0)=0", None), ("nonsense", None)],
)
def test_a_clock_of_nought_is_none(says: str, hz: int | None) -> None:
    assert vcgencmd.clock_hz(says) == hz


@settings(deadline=None)
@given(st.text())
def test_any_answer_is_read_or_refused(text: str) -> None:
    for read in (vcgencmd.temperature_mc, vcgencmd.clock_hz, vcgencmd.pmic_uw):
        assert read(text) is None or isinstance(read(text), int)
    bits = vcgencmd.throttled(text)
    assert bits is None or 0 <= bits < 2**32
