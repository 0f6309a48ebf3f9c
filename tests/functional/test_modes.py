"""`edgekit bench --mode` and `--end-to-end` as a user runs them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import fakes

RunCli = Callable[..., "subprocess.CompletedProcess[str]"]
Bench = Callable[..., Any]


@pytest.fixture
def bench(
    run_cli: RunCli, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Any]:
    """Benches a runtime that does nothing and gives its one result."""
    environment = {"PYTHONPATH": fakes.install(tmp_path_factory.mktemp("fakes"))}
    (tmp_path / "model.onnx").write_bytes(b"anything")

    def run(*options: object) -> Any:
        fixed = ("--runtime", "calm", "--profile", "quick", "--json")
        done = run_cli("bench", tmp_path / "model.onnx", *fixed, *options, env=environment)
        found = json.loads(done.stdout)
        assert not found["failures"], done.stderr
        return found["results"][0]

    return run


def test_paced(bench: Bench) -> None:
    found = bench("--mode", "paced", "--rate", 100)
    scenario, (launch,) = found["scenario"], found["launches"]
    assert (scenario["mode"], scenario["rate_per_s"]) == ("paced", 100.0)
    # A hundred a second, whatever it could do: a throughput above it would be a lie.
    assert found["metrics"]["throughput_per_s"] <= 101.0
    assert found["metrics"]["paced_missed_share"] is not None
    assert len(launch["lateness_ns"]) == len(launch["latency_ns"])


def test_server(bench: Bench) -> None:
    found = bench("--mode", "server", "--rate", 500, "--p99-ms", 60_000)
    (trial,) = found["launches"][0]["trials"]
    assert trial["count"] >= 662
    assert found["metrics"]["server_rate_per_s"] == 500.0
    assert found["metrics"]["server_achieved_per_s"] <= 505.0


def test_a_whole_application(run_json: Callable[..., Any], toy: Path) -> None:
    (found,) = run_json("bench", toy / "onnx-fp32", "--profile", "quick", "--end-to-end")[
        "results"
    ]
    metrics = found["metrics"]
    parts = ("decode", "preprocess", "model", "postprocess")
    assert metrics["part_total_p50_ms"] > max(metrics[f"part_{part}_p50_ms"] for part in parts)
    (launch,) = found["launches"]
    assert len(launch["parts_ns"]["total"]) >= 64
    assert len(launch["latency_ns"]) >= 64


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--mode", "sing"), "sing"),
        (("--mode", "paced"), "--rate 30"),
        (("--rate", "3"), "--mode paced"),
        (("--streams", "3"), "--mode offline"),
        (("--mode", "server"), "--p99-ms"),
        (("--end-to-end",), "needs an artifact"),
    ],
)
def test_what_makes_no_sense_is_told_in_two_lines(
    run_cli: RunCli, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    (tmp_path / "model.onnx").write_bytes(b"anything")
    done = run_cli("bench", tmp_path / "model.onnx", *options)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
