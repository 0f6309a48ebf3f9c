"""What a launch's state before and after says about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.measure.state import state
from edgekit.records import BenchPlan, Device, Subject
from edgekit.wire import Profile, Samples
from edgekit.workflows import bench
from edgekit.workflows.validity import disturbed, machine_class
from tests import fakes, system_trees

SAMPLES = Samples(
    latency_ns=[1], cpu_ns=[1], warmup_ns=[], load_ns=1, first_ns=1, steady=True, memory=[],
    settings={}, versions={}, inputs=[], outputs=[], defaulted={}, golden=None, output_sha256="",
    execution=[], environment={},
)  # fmt: skip

# Ten seconds of a quiet machine with two CPUs, of which the worker used one.
BEFORE = {
    "counter.clock_ns": "1000000000",
    "counter.cpu.total_ms": "100000",
    "counter.cpu.busy_ms": "50000",
    "counter.cpu.stolen_ms": "300",
    "counter.self.cpu_ns": "700000000",
    "counter.self.waited_ns": "500000000",
    "counter.self.major_faults": "12",
    "counter.pressure.cpu_us": "5000000",
    "counter.swapped_in_pages": "7",
    "counter.group.throttled": "4",
    "counter.group.throttled_us": "100000",
    "counter.throttled": "9",
    "counter.overcurrent": "2",
    "jetson.power_mode": "15W (1)",
    "counter.cooled_ms.cpufreq-cpu0": "40",
    "cooling.cpufreq-cpu0": "0",
    "cpu.governor": "performance",
    "cpu.khz": "0:1800000 4:2400000",
    "cpu.cap_khz": "0:1800000 4:2400000",
    "temperature_mc.cpu-thermal": "60000",
    "trip_mc.cpu-thermal": "85000",
    "power.battery": "Charging",
    "power.mains": "1",
    "pi.throttled": "0x0",
    "self.uses_gpu": "1",
    "gpu0.clock_reasons": "",
    "gpu0.processes": "812",
}
AFTER = {
    **BEFORE,
    "counter.clock_ns": "11000000000",
    "counter.cpu.total_ms": "120000",
    "counter.cpu.busy_ms": "60300",
    "counter.self.cpu_ns": "10700000000",
}
# Half of the CPU time that was used was somebody else's.
OTHERS = {"counter.cpu.busy_ms": "70000", "counter.self.waited_ns": "3000000000"}


def samples(after: dict[str, str], before: dict[str, str] | None = None) -> Samples:
    first = {f"before.{name}": value for name, value in {**BEFORE, **(before or {})}.items()}
    last = {f"after.{name}": value for name, value in {**AFTER, **after}.items()}
    return replace(SAMPLES, environment={**first, **last})


def test_a_quiet_machine_disturbs_nothing() -> None:
    assert disturbed(samples({})) == ()
    assert machine_class(samples({})) == "quiet"


def test_a_machine_that_tells_nothing_is_held_against_nobody() -> None:
    assert disturbed(SAMPLES) == ()
    assert machine_class(SAMPLES) == "unknown"


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({"counter.cooled_ms.cpufreq-cpu0": "250"}, "cpufreq-cpu0 was slowed down for 210 ms"),
        ({"cooling.thermal-devfreq-1": "2"}, "thermal-devfreq-1 is slowed down to cool it (state 2)"),
        ({"counter.throttled": "21"}, "counters rose by 12"),
        ({"counter.overcurrent": "5"}, "the power supply was too weak 3 times"),
        ({"android.thermal_status": "2"}, "Android's thermal status is 2 of 6"),
        ({"jetson.power_mode": "MAXN (0)"}, "the power mode was changed from 15W (1) to MAXN (0)"),
        ({"cpu.cap_khz": "0:1800000 4:1500000"}, "CPU 4 was lowered from 2400 to 1500 MHz"),
        ({"cpu.khz": "0:1800000 4:2200000"}, "the clock fell from 2400 to 2200 MHz"),
        ({"temperature_mc.cpu-thermal": "80000"}, "cpu-thermal is at 80 C, and throttled from 85 C"),
        ({"pi.throttled": "0x1"}, "under-voltage"),
        ({"pi.throttled": "0x4"}, "tells of throttled (0x4)"),
        ({"pi.throttled": "0x80000"}, "soft temperature limit"),
        ({"alarm.ina3221.curr1_max_alarm": "1"}, "curr1_max_alarm is raised"),
        ({"counter.group.throttled": "14", "counter.group.throttled_us": "900000"}, "10 times, for 800 ms"),
        ({"counter.self.major_faults": "112"}, "100 times for a page"),
        ({"counter.swapped_in_pages": "2007"}, "2000 pages were swapped in"),
        ({"counter.cpu.stolen_ms": "2500"}, "gave 11% of the CPU time"),
        ({**OTHERS, "counter.pressure.cpu_us": "11000000"}, "CPU 60% of the time, the worker's own threads 20%"),
        ({**OTHERS, "counter.pressure.cpu_us": "11000000", "counter.self.waited_ns": "?"}, "CPU 60% of the time"),
        ({"power.mains": "0", "power.battery": "Discharging"}, "went on its battery"),
        ({"power.battery": "Discharging"}, "went on its battery"),
        ({"gpu0.clock_reasons": "hw_slowdown hw_thermal"}, "gpu0: hw_slowdown, hw_thermal"),
        ({"gpu0.processes": "812 4711"}, "began to use gpu0 meanwhile: 1"),
    ],
)  # fmt: skip
def test_each_alone(after: dict[str, str], words: str) -> None:
    (reason,) = disturbed(samples(after))
    assert words in reason


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # A fan cools and slows nothing down; no more does a screen.
        ({}, {"cooling.pwm-fan": "3", "cooling.LCD": "40", "counter.cooled_ms.Fan": "9000"}),
        # Where times are told, the state at the end says nothing of the stretch.
        ({}, {"cooling.cpufreq-cpu0": "1"}),
        # A governor that follows the load lets the clock fall when the last inference has ended.
        (
            {"cpu.governor": "schedutil"},
            {"cpu.governor": "schedutil", "cpu.khz": "0:600000 4:600000"},
        ),
        ({}, {"cpu.khz": "0:600000 4:2300000"}),
        # Bits of long ago.
        ({"pi.throttled": "0x50000"}, {"pi.throttled": "0x50000"}),
        # Threads of our own that wait for each other.
        ({}, {"counter.pressure.cpu_us": "14000000"}),
        # Tasks of low priority, which wait themselves.
        (
            {},
            {
                **OTHERS,
                "counter.pressure.cpu_us": "11000000",
                "counter.self.waited_ns": "600000000",
            },
        ),
        ({}, {"counter.group.throttled": "5", "counter.group.throttled_us": "150000"}),
        ({}, {"counter.self.major_faults": "15", "counter.swapped_in_pages": "100"}),
        (
            {"power.battery": "Discharging", "power.mains": "0"},
            {"power.battery": "Discharging", "power.mains": "0"},
        ),
        ({}, {"gpu0.clock_reasons": "gpu_idle"}),
        # What a GPU does while the CPU is measured.
        ({}, {"self.uses_gpu": "", "gpu0.clock_reasons": "hw_thermal", "gpu0.processes": "1 2"}),
        # A stretch too short for counts in ticks of 10 ms.
        ({}, {**OTHERS, "counter.clock_ns": "1010000000", "counter.pressure.cpu_us": "5009000"}),
    ],
)
def test_what_disturbs_nothing(before: dict[str, str], after: dict[str, str]) -> None:
    assert disturbed(samples(after, before)) == ()


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({**OTHERS, "counter.pressure.cpu_us": "5400000"}, "quiet"),
        ({**OTHERS, "counter.pressure.cpu_us": "5600000"}, "noisy"),
        ({**OTHERS, "counter.pressure.cpu_us": "10100000"}, "hostile"),
        ({"counter.cpu.stolen_ms": "480"}, "quiet"),
        ({"counter.cpu.stolen_ms": "520"}, "noisy"),
        ({"counter.cpu.stolen_ms": "2400"}, "hostile"),
        ({"counter.pressure.cpu_us": "14000000"}, "quiet"),
        # Counters that were set back say nothing.
        ({**OTHERS, "counter.pressure.cpu_us": "4", "counter.cpu.stolen_ms": "4"}, "unknown"),
    ],
)
def test_classes(after: dict[str, str], expected: str) -> None:
    assert machine_class(samples(after)) == expected


NAMES = st.sampled_from([*AFTER, "gpu1.clock_reasons", "alarm.\x1b[2J", "cooling.cpu\n"])
VALUES = st.one_of(
    st.sampled_from(
        [
            "nan",
            "inf",
            "-1",
            "1e400",
            "0x",
            "9" * 5000,
            "0:nan 1:1e9",
            "0:5 0:-5",
            "9" * 999 + ":1",
            "",
        ]
    ),
    st.integers(-(10**20), 10**20).map(str),
    st.text("0123456789abcdefx:.- %\x1b\n\u0663", max_size=8),
)


@given(st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES))
def test_whatever_a_device_sends(before: dict[str, str], after: dict[str, str]) -> None:
    found = samples(after, before)
    for reason in disturbed(found):
        assert reason.isprintable()
        assert len(reason) < 200
    assert machine_class(found) in {"quiet", "noisy", "hostile", "unknown"}


@pytest.mark.parametrize(
    "make", [system_trees.quiet, system_trees.laptop, system_trees.raspberry_pi_5, system_trees.jetson]
)  # fmt: skip
def test_machines_at_rest(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path)
    facts = state(tmp_path)
    at_rest = {
        f"{when}.{name}": fact for when in ("before", "after") for name, fact in facts.items()
    }
    assert disturbed(replace(SAMPLES, environment=at_rest)) == ()


def test_a_board_that_throttles_gives_an_invalid_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = system_trees.throttling(tmp_path / "root")
    (tmp_path / "fakes").mkdir()
    monkeypatch.setenv("PYTHONPATH", fakes.install(tmp_path / "fakes"))
    monkeypatch.setenv("TMPDIR", str(root))
    plan = BenchPlan(
        Subject(tmp_path / "any.onnx", sha256="", size_bytes=0),
        runtime="heating",
        device=Device(root=str(root)),
        threads=1,
        batch=None,
        profile=Profile(5, 0.0, 5.0, 2, 0.0, 0.1),
    )
    steps = []
    (result,) = bench.bench([plan], lambda step: steps.append(step.phase))
    assert result.failure is None
    assert steps.count("run") == 3
    assert len(result.launches) == 1
    assert not result.valid
    assert "throttled: cpufreq-cpu0 was slowed down for 50 ms to cool it" in result.reasons
    assert len(result.disturbed) == 2
