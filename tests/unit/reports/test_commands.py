from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from edgekit.records import Calibration, Subject, Weights
from edgekit.reports import commands
from edgekit.wire import EndToEnd, Scenario
from tests import bench_results as made


def test_only_what_differs_from_the_defaults_is_said():
    plan = replace(made.plan(), profile_name="default")
    assert commands.bench(plan) == (
        "edgekit bench exported/toy/onnx-fp32 --threads 2 --runtime onnxruntime"
    )


def test_every_option_comes_back_from_the_shell():
    plan = replace(
        made.foreign("it's; rm -rf $HOME.onnx"),
        batch=4,
        shapes={"in put": [1, 3, 8, 8]},
        require_int8=0.9,
        profile_name="quick",
        scenario=Scenario("server", 20.0, p99_ms=5.5),
    )
    words = shlex.split(commands.bench(plan))
    assert words[:3] == ["edgekit", "bench", "models/it's; rm -rf $HOME.onnx"]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    assert options == {
        "--threads": "1",
        "--runtime": "onnxruntime",
        "--batch": "4",
        "--profile": "quick",
        "--shape": "in put=1,3,8,8",
        "--require-int8": "0.9",
        "--mode": "server",
        "--rate": "20",
        "--p99-ms": "5.5",
    }


def test_modes_and_whole_applications_are_said():
    plan = made.plan()
    assert plan.subject.artifact
    offline = replace(plan, scenario=Scenario("offline", streams=1))
    asked = replace(plan, scenario=Scenario("offline", loadgen=True))
    assert commands.bench(offline).endswith("--mode offline --streams 1")
    assert commands.bench(asked).endswith("--mode offline --loadgen")
    own = EndToEnd(
        ["my photos/a.png", "my photos/b.png"], plan.subject.artifact.photos, "classify"
    )
    packaged = replace(own, photos=["one/a.png", "other/b.png"])
    assert commands.bench(replace(plan, end_to_end=own)).endswith(
        "--end-to-end --images 'my photos'"
    )
    assert commands.bench(replace(plan, end_to_end=packaged)).endswith("--end-to-end")


def test_a_line_break_in_a_name_ends_no_command():
    plan = replace(made.foreign("x"), subject=Subject(Path("a\nreboot"), "", 0))
    assert "\n" not in commands.bench(plan)


def test_the_export_is_told_where_the_record_can_tell_it():
    artifact = made.artifact("toy", "litert", "int8")
    assert shlex.split(commands.export(artifact)) == [
        *("edgekit", "export", "toy", "--format", "litert", "--precision", "int8"),
        *("--weights", "random", "--input-size", "32", "--out", "exported"),
    ]


def test_a_target_is_said_where_it_is_a_choice():
    artifact = made.artifact()
    for name, said in {"any": False, "host": False, "arm64": True}.items():
        aimed = replace(artifact, target=replace(artifact.target, name=name))
        assert ("--target" in commands.export(aimed)) is said


def test_no_export_is_told_where_the_users_own_files_took_part():
    artifact = made.artifact()
    own = Calibration("my-photos", (), (), "")
    packaged = replace(own, source="photos of scikit-image")
    checkpoint = replace(artifact.spec, weights=Weights("file:mine.pt"))
    assert commands.export(replace(artifact, calibration=own)) == ""
    assert commands.export(replace(artifact, calibration=packaged)) != ""
    assert commands.export(replace(artifact, spec=checkpoint)) == ""
    assert commands.export(replace(artifact, spec=replace(artifact.spec, family="file"))) == ""
