"""Trained here and now, then made int8: how good each task's files are, in each runtime.

python benchmarks/tasks.py [NAME ...] [--work DIR]     prints a Markdown table; minutes a row

A row is a network trained on a generated set of images and measured on the part of it that was
held out, first by torch, then by the runtimes that serve its float and int8 files. In DIR a row
that was made is found again: a training that was stopped goes on.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMATS = ("onnx", "openvino", "litert")
PRECISIONS = ("fp32", "int8")


@dataclass(frozen=True)
class Row:
    """A task.

    Attributes:
        name: Name of the row.
        data: Name of the generated set.
        model: The network.
        options: What `edgekit train` is told.
        least: Least value of the metric that the float network has to have.
        most_s: Most seconds that the training may take on two cores.
        loss_points: Most points that int8 may lose.
        metric: What is judged; the main one that is measured, or one of the others.
        formats: The formats that can hold the network.
    """

    name: str
    data: str
    model: str
    options: tuple[str, ...]
    least: float
    most_s: float
    loss_points: float
    metric: str = "top1"
    formats: tuple[str, ...] = FORMATS


ROWS = (
    Row(
        "digits, all weights, from random ones",
        "digits",
        "mobilenet",
        ("--method", "full", "--weights", "random", "--input-size", "64", "--epochs", "9"),
        0.97,
        360,
        1.0,
    ),
    Row(
        "digits, the head alone",
        "digits",
        "efficientnet",
        ("--method", "probe", "--input-size", "128"),
        0.95,
        360,
        1.0,
    ),
    Row(
        "digits, low-rank adapters",
        "digits",
        "efficientnet",
        ("--method", "lora", "--input-size", "64", "--epochs", "6"),
        0.97,
        360,
        1.0,
    ),
    Row(
        "shapes, boxes in one stage",
        "shapes",
        "efficientnet",
        ("--head", "detect", "--input-size", "128", "--batch", "16", "--epochs", "8"),
        0.90,
        900,
        2.0,
        metric="map50",
    ),
    Row(
        "shapes, boxes in two stages",
        "shapes",
        "efficientnet",
        ("--head", "detect-rcnn", "--input-size", "128", "--batch", "16", "--epochs", "4"),
        0.85,
        900,
        2.0,
        metric="map50",
        # LiteRT has no operator that cuts boxes out of maps.
        formats=("onnx", "openvino"),
    ),
    Row(
        "shapes, masks",
        "shapes",
        "efficientnet",
        (
            *("--head", "segment-fpn", "--input-size", "192", "--batch", "16"),
            *("--epochs", "8", "--lr", "0.005", "--flip"),
        ),
        0.90,
        900,
        2.0,
        metric="miou",
    ),
)


def edgekit(*arguments: object) -> str:
    """What a command prints; it must succeed."""
    command = [sys.executable, "-m", "edgekit", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def measure(row: Row, work: Path) -> list[str]:
    """The cells of a row: trained, then each format in each precision."""
    data = work / row.data
    if not data.exists():
        edgekit("data", row.data, data)
    folder = work / row.name.replace(" ", "-").replace(",", "")
    start_s = time.monotonic()
    trained = json.loads(
        edgekit("train", row.model, "--data", data, *row.options, "--out", folder, "--json")
    )
    took_s = time.monotonic() - start_s
    share = trained["trained_parameters"] / trained["parameters"]
    value = metric(row, trained["score"])
    cells = [row.name, row.model, f"{share:.1%}", f"{took_s:.0f} s", f"{value:.4f}"]
    weights = folder / trained["file"]
    kinds = ("--format", ",".join(row.formats), "--precision", ",".join(PRECISIONS))
    network = (row.model, "--head", trained["head"], "--weights", weights)
    options = ("--calib", data / "train", "--no-verdict")
    edgekit("export", *network, *kinds, *options, "--out", folder / "exported")
    made = folder / "exported" / row.model
    legs = [f"{format}-{precision}" for format in FORMATS for precision in PRECISIONS]
    found = [_value(row, made / leg, data) for leg in legs]
    return [*cells, *found, _verdict(row, value, took_s, found)]


def metric(row: Row, score: dict[str, Any]) -> float:
    """What the row is judged by."""
    values = {score["metric"]: score["value"], **score["others"]}
    return float(values[row.metric])


def _value(row: Row, artifact: Path, data: Path) -> str:
    if not artifact.is_dir():
        return "-"
    report: dict[str, Any] = json.loads(
        edgekit("eval", artifact, "--data", data / "test", "--json")
    )
    return f"{metric(row, report['score']):.4f}"


def _verdict(row: Row, value: float, took_s: float, cells: list[str]) -> str:
    """What is wrong, in a few words; `ok` if nothing is."""
    faults = [f"below {row.least}"] * (value < row.least)
    faults += [f"slower than {row.most_s:.0f} s"] * (took_s > row.most_s)
    for format in row.formats:
        place = len(PRECISIONS) * FORMATS.index(format)
        before, after = cells[place : place + len(PRECISIONS)]
        if "-" in (before, after):
            faults.append(f"{format} is missing")
        elif 100 * (float(before) - float(after)) > row.loss_points:
            faults.append(f"{format} int8 loses too much")
    return "; ".join(faults) or "ok"


def main() -> None:
    """Measure each row that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of names of rows; all if none is given")
    parser.add_argument("--work", type=Path, help="folder to work in; default: a new one")
    asked = parser.parse_args()
    columns = ["task", "network", "trained", "took", "torch"]
    columns += [f"{format} {precision}" for format in FORMATS for precision in PRECISIONS]
    print(f"| {' | '.join([*columns, 'verdict'])} |\n|{'---|' * (len(columns) + 1)}")
    with tempfile.TemporaryDirectory() as fresh:
        work = asked.work or Path(fresh)
        work.mkdir(parents=True, exist_ok=True)
        for row in ROWS:
            if not asked.names or any(name in row.name for name in asked.names):
                print(f"| {' | '.join(measure(row, work))} |", flush=True)


if __name__ == "__main__":
    main()
