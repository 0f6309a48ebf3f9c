"""Results that were measured are kept, and `edgekit report` draws them again."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edgekit import storage
from edgekit.cli.app import app
from edgekit.errors import EdgekitError
from edgekit.records import BenchResult, EvalResult
from edgekit.records.scores import Score
from edgekit.results import reading
from edgekit.results.store import Store
from tests import fakes

RunCli = Callable[..., "subprocess.CompletedProcess[str]"]

SCHEMA_1 = Path(__file__).parents[1] / "data" / "bench-schema-1.json"
QUICK = ("--profile", "quick")


@pytest.fixture(scope="module")
def with_fakes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which runtimes that misbehave are installed."""
    return {"PYTHONPATH": fakes.install(tmp_path_factory.mktemp("fakes"))}


@pytest.fixture(scope="module")
def measured(
    tmp_path_factory: pytest.TempPathFactory, run_cli: RunCli, with_fakes: dict[str, str]
) -> tuple[Path, str]:
    """A folder with the results of one run, and what `bench` printed: one leg, and two failed."""
    folder = tmp_path_factory.mktemp("measured")
    (folder / "net.onnx").write_bytes(b"anything")
    files = (folder / "net.onnx", folder / "none.onnx")
    results = folder / "results"
    command = ("bench", *files, "--runtime", "calm,raising", *QUICK, "--results", results)
    done = run_cli(*command, env=with_fakes)
    assert done.returncode == 4, done.stderr
    assert "edgekit report 2" in done.stderr
    return results, done.stdout


def draw(*args: object) -> Any:
    """`edgekit report *args` in this process, which is quicker than one of its own."""
    words = ["report", *map(str, args)]
    return CliRunner().invoke(app, words, env={"COLUMNS": "200", "TERM": "dumb"})


def legs_of(path: Path) -> tuple[BenchResult, ...]:
    return reading.read(path).results


def run_of(results: Path) -> str:
    return min(path.name for path in results.glob("2*.json")).rpartition("-001-")[0]


def test_the_last_run_is_drawn_as_bench_drew_it(
    measured: tuple[Path, str], run_cli: RunCli
) -> None:
    results, printed = measured
    assert len(list(results.glob("2*.json"))) == 3
    done = run_cli("report", "--results", results)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", printed)
    for run in (run_of(results), run_of(results)[:12]):
        assert draw(run, "--results", results).stdout == printed


def test_an_artifact_is_drawn_by_any_of_its_names(
    measured: tuple[Path, str], tmp_path: Path
) -> None:
    results, _ = measured
    model = results.parent / "net.onnx"
    names = ("net.onnx", model, storage.file_sha256(model)[:12])
    for name in names:
        done = draw(name, "--results", results)
        assert done.exit_code == 0, done.stderr
        assert "calm" in done.stdout
        assert "raising" in done.stdout
        assert "none.onnx" not in done.stdout


def test_records_and_saved_answers_are_drawn(measured: tuple[Path, str], tmp_path: Path) -> None:
    results, _ = measured
    (record,) = results.glob("*-net.onnx-raising.json")
    done = draw(record, SCHEMA_1, record, "--results", tmp_path, "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["schema_version"] == 4
    assert [leg["artifact"]["path"] for leg in found["results"]] == [
        "exported/toy/onnx-fp32",
        "exported/toy/onnx-int8",
    ]
    assert len(found["results"][0]["launches"][0]["latency_ns"]) == 20
    assert [leg["failure"]["stage"] for leg in found["failures"]] == ["first", "load"]
    assert len(found["verdicts"]) == 1
    # What is printed now is read as well.
    (tmp_path / "again.json").write_text(done.stdout)
    again = draw(tmp_path / "again.json", "--results", tmp_path, "--json")
    assert json.loads(again.stdout) == found


def test_runs_are_listed(measured: tuple[Path, str], tmp_path: Path) -> None:
    results, _ = measured
    done = draw("--list", "--results", results)
    assert run_of(results) in done.stdout
    assert "none.onnx" in done.stdout
    (run,) = json.loads(draw("--list", "--results", results, "--json").stdout)["runs"]
    assert [leg["failure"] for leg in run["legs"]] == [None, "ToolError", "UsageError"]
    assert run["legs"][0]["p50_ms"] > 0
    assert "no runs" in draw("--list", "--results", tmp_path).stdout


def test_what_is_not_there_is_refused(measured: tuple[Path, str], tmp_path: Path) -> None:
    results, _ = measured
    (tmp_path / "poem.json").write_text("{}")
    cases = [
        (("--results", tmp_path / "none"), 2, "no results in"),
        (("other.onnx", "--results", results), 2, "no result of 'other.onnx'"),
        (("", "--results", results), 2, "no result of ''"),
        (("net.onnx", "--list", "--results", results), 2, "--list"),
        ((tmp_path / "poem.json",), 6, "poem.json"),
        (("--html", tmp_path / "no" / "a.html", "--results", results), 2, "mkdir -p"),
        (("--csv", tmp_path, "--results", results), 2, "is a folder"),
        (("--csv", "/proc/a.csv", "--results", results), 6, "--csv"),
        (("--results", tmp_path / "poem.json"), 6, "can't be read"),
    ]
    for arguments, status, words in cases:
        done = draw(*arguments)
        assert isinstance(done.exception, EdgekitError), arguments
        assert done.exception.exit_code == status
        assert words in f"{done.exception} {done.exception.hint}"
        assert done.stdout == ""


def test_a_broken_record_is_left_out(tmp_path: Path) -> None:
    for result in legs_of(SCHEMA_1):
        Store(tmp_path).save(result, "20261125T000000.000000Z")
    good, bad, _ = sorted(tmp_path.glob("2*.json"))
    bad.write_text(bad.read_text().replace("onnx-int8", "onnx-int4"))
    done = draw("--results", tmp_path)
    assert done.exit_code == 0, done.stderr
    assert f"left out: {bad}: it was changed" in done.stderr
    assert done.stderr.count("left out") == 1
    assert "onnx-fp32" in done.stdout
    assert "onnx-int" not in done.stdout
    done = draw(good, bad, "--results", tmp_path)
    assert "was changed" in str(done.exception)


def test_accuracy_stands_beside_latency(tmp_path: Path) -> None:
    fp32, *_ = legs_of(SCHEMA_1)
    digest = fp32.plan.subject.sha256
    Store(tmp_path).save(
        EvalResult("toy/onnx-fp32", digest, "onnxruntime", 40, Score("top1", 0.5, {}), 1.0)
    )
    done = draw(SCHEMA_1, "--results", tmp_path)
    assert "onnx-fp32: top-1 50 %, agreement 100 % of 40 images (onnxruntime)" in done.stdout
    found = json.loads(draw(SCHEMA_1, "--results", tmp_path, "--json").stdout)
    assert [accuracy["sha256"] for accuracy in found["accuracies"]] == [digest]


def test_files_are_written(measured: tuple[Path, str], tmp_path: Path) -> None:
    pytest.importorskip("edgekit.reports.csv")
    results, printed = measured
    paths = {kind: tmp_path / f"a.{kind}" for kind in ("html", "markdown", "csv")}
    options = [word for kind, path in paths.items() for word in (f"--{kind}", path)]
    done = draw("--results", results, *options)
    assert done.exit_code == 0, done.stderr
    assert done.stdout == printed
    assert "net.onnx" in paths["html"].read_text()
    assert "net.onnx" in paths["markdown"].read_text()
    assert len(list(csv.reader(paths["csv"].read_text().splitlines()))) == 4
    assert sorted(tmp_path.iterdir()) == sorted(paths.values())


@pytest.mark.parametrize("place", ["/proc/results", "file/results"])
def test_nothing_is_measured_that_can_not_be_kept(
    run_cli: RunCli, with_fakes: dict[str, str], tmp_path: Path, place: str
) -> None:
    model = tmp_path / "file"
    model.write_bytes(b"anything")
    (tmp_path / "net.onnx").write_bytes(b"anything")
    options = ("--runtime", "raising", *QUICK, "--results", tmp_path / place)
    done = run_cli("bench", tmp_path / "net.onnx", *options, env=with_fakes)
    assert done.returncode == 6
    assert "--results" in done.stderr
    assert "measuring" not in done.stderr
    assert done.stdout == ""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("making a small disk needs root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_fills_up_loses_no_number(
    run_cli: RunCli, with_fakes: dict[str, str], small_disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "net.onnx").write_bytes(b"anything")
    options = ("--runtime", "calm,raising", *QUICK, "--results", small_disk / "results")
    # The thousands of times of a runtime that does nothing take more room than there is.
    done = run_cli("bench", tmp_path / "net.onnx", *options, env=with_fakes)
    assert done.returncode == 6
    assert "is full" in done.stderr
    assert "--results" in done.stderr
    assert "calm" in done.stdout
    assert "failed in first: ToolError" in done.stdout
    # What was small enough is kept, and nothing is left half written.
    names = [path.name for path in (small_disk / "results").iterdir()]
    (kept,) = [name for name in names if name.startswith("2")]
    assert kept.endswith("-raising.json")
    assert not [name for name in names if name.endswith(".part")]
    # A disk that is full already isn't measured for.
    with contextlib.suppress(OSError):
        (small_disk / "ballast").write_bytes(bytes(32_000))
    done = run_cli("bench", tmp_path / "net.onnx", *options, env=with_fakes)
    assert (done.returncode, done.stdout) == (6, "")
    assert "is full" in done.stderr


def test_ctrl_c_keeps_the_legs_that_are_done(
    run_cli: RunCli, with_fakes: dict[str, str], tmp_path: Path
) -> None:
    model, results = tmp_path / "net.onnx", tmp_path / "results"
    model.write_bytes(b"anything")
    command = ["bench", model, "--runtime", "calm,hanging", *QUICK, "--results", results]
    with subprocess.Popen(
        [sys.executable, "-m", "edgekit", *map(str, command)],
        env={**os.environ, **with_fakes, "TMPDIR": str(tmp_path), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as bench:
        for _ in range(1200):
            if (tmp_path / "hanging").exists():
                break
            time.sleep(0.05)
        bench.send_signal(signal.SIGINT)
        stdout, stderr = bench.communicate(timeout=60)
    assert bench.returncode == 130
    assert "interrupted; kept in" in stderr
    assert "calm" in stdout
    assert "hanging" not in stdout
    (record,) = results.glob("2*.json")
    assert record.name.endswith("-001-net.onnx-calm.json")
    assert run_cli("report", "--results", results).stdout == stdout
