"""What LiteRT's `benchmark_model` says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.android.benchmark_model import command, fed, parse, timed, written
from edgekit.errors import ToolError
from edgekit.wire import Profile

DATA = Path(__file__).parents[2] / "data" / "devices"


def recorded(name: str) -> str:
    return (DATA / f"{name}.txt").read_text()


def test_the_timed_runs_count_and_not_the_warm_up() -> None:
    found = parse(recorded("benchmark_model"))
    assert (found.runs, found.mean_ns, found.least_ns, found.most_ns) == (
        337,
        2_942_270,
        2_605_000,
        20_356_000,
    )
    assert (found.p50_ns, found.p95_ns, found.std_ns) == (2_781_000, 3_169_000, 1_190_000)
    assert (found.init_ns, found.first_ns, found.warmup_ns) == (6_395_000, 2_761_000, 3_243_580)
    assert found.memory_bytes == round(40.8281 * 2**20)
    assert found.delegates == ("Created TensorFlow Lite XNNPACK delegate for CPU.",)


def test_an_old_one_tells_less() -> None:
    found = parse(recorded("benchmark_model-old"))
    assert (found.runs, found.mean_ns, found.p50_ns) == (50, 2_950_340_000, None)
    assert (found.memory_bytes, found.delegates) == (None, ())


def test_by_way_of_a_phones_log() -> None:
    head = "07-08 15:34:26.201 I/tflite  ( 5395): "
    lines = recorded("benchmark_model").replace("INFO: ", head)
    assert parse(lines) == parse(recorded("benchmark_model"))


def test_one_that_failed_says_why_in_its_last_lines() -> None:
    with pytest.raises(ToolError, match="says no times") as caught:
        parse(recorded("benchmark_model-failed") + "\x1b[2J")
    assert "Failed to mmap model" in caught.value.stderr_tail
    assert "\x1b" not in caught.value.stderr_tail


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("count=337", "count=0"),
        ("min=2605 max=20356", "min=3605 max=20356"),
        ("max=20356", "max=100"),
        ("Inference (avg): 2942.27", "Inference (avg): 0"),
        ("Inference (avg): 2942.27", "Inference (avg): 9e50"),
        ("Inference (avg): 2942.27", "Inference (avg): nan"),
    ],
)
def test_times_that_contradict_each_other_are_refused(old: str, new: str) -> None:
    with pytest.raises(ToolError):
        parse(recorded("benchmark_model").replace(old, new))


def test_the_words_that_start_it() -> None:
    words = command("/d/benchmark_model", "/d/my model.tflite", threads=4)
    assert words == ["/d/benchmark_model", "--graph=/d/my model.tflite", "--num_threads=4"]
    pinned = command("/d/b", "/d/m", threads=1, mask="f0")
    assert pinned[:3] == ["taskset", "f0", "/d/b"]


def test_it_measures_for_as_long_as_the_profile_says() -> None:
    assert timed(Profile(64, 1.5, 30.0, 5, 0.5, 10.0)) == [
        "--warmup_runs=5",
        "--warmup_min_secs=0.5",
        "--num_runs=64",
        "--min_secs=1.5",
        "--max_secs=30",
    ]


def test_inputs_have_names_of_ours_and_outputs_a_file() -> None:
    shapes = [(1, 224, 224, 3), (1, 4)]
    assert fed(shapes, ["/d/a", "/d/b"]) == [
        "--input_layer=input0,input1",
        "--input_layer_shape=1,224,224,3:1,4",
        "--input_layer_value_files=input0:/d/a,input1:/d/b",
    ]
    assert fed(shapes) == fed(shapes, ["/d/a", "/d/b"])[:2]
    assert written("/d/o") == ["--output_filepath=/d/o"]


PIECES = st.sampled_from(
    ["count=", "count=3 min=1 max=2 avg=1.5", "7", "e+999", "NaN", "Inference timings in us: ",
     "Init: 1, First inference: 2, Warmup (avg): 3, Inference (avg): 4", "\n", " ", "-1",
     "Memory footprint delta (MB): init=-1 overall=-1", "count=5 curr=4"]
)  # fmt: skip


@settings(deadline=None)
@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except ToolError:
        return
    assert found.runs > 0
    assert 0 < found.mean_ns < 10**18
