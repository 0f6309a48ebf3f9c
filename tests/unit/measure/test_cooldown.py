"""The gate before a measurement, on a clock of our own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.errors import DeviceError
from edgekit.measure.cooldown import cool_down, hottest
from edgekit.measure.heat import temperatures
from edgekit.wire import Cooldown
from tests.system_trees import jetson


class Board:
    """A board that has `hot_c` more than its surroundings, of which a tenth goes each second."""

    def __init__(self, hot_c: float, air_c: float = 30.0) -> None:
        self.now_s = 0.0
        self.hot_c, self.air_c = hot_c, air_c
        self.looks = 0

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now_s += seconds
        self.hot_c *= 0.9**seconds

    def look(self) -> Mapping[str, str]:
        self.looks += 1
        millidegrees = round(1000 * (self.air_c + self.hot_c))
        return {"temperature_mc.cpu-thermal": str(millidegrees), "temperature_mc.PMIC": "100000"}

    def cool_down(self, wanted: Cooldown) -> dict[str, str]:
        return cool_down(wanted, self.look, clock=self.clock, sleep=self.sleep)


def test_a_cool_board_does_not_wait() -> None:
    board = Board(5.0)
    assert board.cool_down(Cooldown(45.0)) == {
        "cooldown.outcome": "cool",
        "cooldown.limit_c": "45",
        "cooldown.waited_s": "0.0",
        "cooldown.zone": "cpu-thermal",
        "cooldown.before_c": "35.0",
        "cooldown.after_c": "35.0",
    }
    assert board.looks == 1


def test_a_hot_board_waits_until_it_is_cool() -> None:
    board = Board(40.0)
    facts = board.cool_down(Cooldown(45.0))
    assert (facts["cooldown.outcome"], facts["cooldown.before_c"]) == ("cool", "70.0")
    assert 40.0 < float(facts["cooldown.after_c"]) < 45.0
    assert float(facts["cooldown.waited_s"]) == board.now_s == 10.0


def test_the_wait_has_an_end_and_a_warning() -> None:
    board = Board(40.0, air_c=50.0)  # it never gets below 45 C here
    facts = board.cool_down(Cooldown(45.0, max_wait_s=20.5))
    assert (facts["cooldown.outcome"], facts["cooldown.waited_s"]) == ("hot", "20.5")


def test_or_an_error() -> None:
    board = Board(40.0, air_c=50.0)
    with pytest.raises(DeviceError, match="cpu-thermal is still at 5") as caught:
        board.cool_down(Cooldown(45.0, 20.0, "fail"))
    assert caught.value.stage == "cooldown"


def test_exactly_at_the_limit_is_not_below_it() -> None:
    assert Board(15.0).cool_down(Cooldown(45.0, 0.0))["cooldown.outcome"] == "hot"


@pytest.mark.parametrize("facts", [{}, {"temperature_mc.cpu": "warm"}, {"load_1min": "0"}])
def test_a_machine_without_sensors_begins_at_once_and_says_so(facts: dict[str, str]) -> None:
    board = Board(0.0)

    def begun(on_timeout: str) -> dict[str, str]:
        wanted = Cooldown(45.0, 300.0, on_timeout)
        return cool_down(wanted, lambda: facts, clock=board.clock, sleep=board.sleep)

    assert begun("warn")["cooldown.outcome"] == "unknown"
    assert board.now_s == 0.0
    with pytest.raises(DeviceError, match="no sensor"):
        begun("fail")


def test_a_sensor_that_stops_to_answer_ends_the_wait() -> None:
    answers = iter([{"temperature_mc.cpu": "70000"}, {}])
    facts = cool_down(Cooldown(45.0), lambda: next(answers), sleep=lambda _: None)
    assert facts["cooldown.outcome"] == "unknown"


@pytest.mark.parametrize(
    ("zones", "zone"),
    [
        # A converter of the Jetson Nano that always tells the same.
        ({"PMIC-Die": 100, "CPU-therm": 41, "GPU-therm": 42}, "GPU-therm"),
        ({"acpitz": 28, "x86_pkg_temp": 54, "iwlwifi_1": 60}, "x86_pkg_temp"),
        ({"battery": 32, "cpu.AP": 44}, "cpu.AP"),
        # None of which anybody knows what it is: then the hottest of all.
        ({"zone-a": 30, "zone-b": 31}, "zone-b"),
    ],
)
def test_what_computes_decides(zones: dict[str, int], zone: str) -> None:
    found = hottest({f"temperature_mc.{name}": str(1000 * at) for name, at in zones.items()})
    assert found is not None
    assert found[0] == zone


def test_a_board_is_asked_by_its_files(tmp_path: Path) -> None:
    assert hottest(temperatures(jetson(tmp_path))) == ("cpu-thermal", 49.8)


@given(
    st.floats(0, 200),
    st.floats(0, 60),
    st.floats(-20, 120),
    st.floats(0, 600),
)
def test_it_never_waits_longer_than_told_and_never_lies(
    hot_c: float, air_c: float, limit_c: float, most_s: float
) -> None:
    board = Board(hot_c, air_c)
    facts = board.cool_down(Cooldown(limit_c, most_s))
    assert board.now_s <= most_s + 1e-6
    is_cool = round(1000 * (board.air_c + board.hot_c)) / 1000 < limit_c
    assert facts["cooldown.outcome"] == ("cool" if is_cool else "hot")
    # It doesn't go on waiting once it is cool.
    assert is_cool or board.now_s >= most_s - 1e-6
