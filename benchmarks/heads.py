"""Every short name with every dense head in every format, float32, random weights.

python benchmarks/heads.py [--heads detect,segment] [--classes 5] [NAME ...]

Prints a Markdown table: signal to noise of the worst output against the torch network, or why
there is no file. Random weights show that every operator is carried over, not that anything is
found. About a minute a row on 2 cores; while the file /tmp/quiet exists, it waits.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from edgekit.models import HEADS, catalog

FORMATS = ("onnx", "openvino", "litert")
QUIET = Path("/tmp/quiet")


def dense_heads() -> list[str]:
    """Heads that stand on maps."""
    return [name for name in HEADS.names() if HEADS.get(name).necks]


def export(name: str, head: str, classes: int, out: str) -> dict[str, str]:
    """Cells of one model with one head, by format."""
    command = [sys.executable, "-m", "edgekit", "export", name, "--weights", "random", "--json"]
    command += ["--format", ",".join(FORMATS), "--out", out, "--head", head, "--no-verdict"]
    command += ["--classes", str(classes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:
        return dict.fromkeys(FORMATS, done.stderr.strip().splitlines()[-1])
    report = json.loads(done.stdout)
    cells = {}
    for made in report["artifacts"]:
        found = made["parity"]["batches"]
        worst = min(closeness["sqnr_db"] or 999.0 for closeness in found.values())
        cells[made["format"]] = f"{worst:.0f} dB"
    for failed in report["failures"]:
        cells[failed["format"]] = failed["message"].splitlines()[0][:140]
    return cells


def main() -> None:
    """Print one row a model and head."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=catalog.short_names())
    parser.add_argument("--heads", default=",".join(dense_heads()))
    parser.add_argument("--classes", type=int, default=5)
    given = parser.parse_args()
    print("| model | head | " + " | ".join(FORMATS) + " | seconds |")
    print("|---|---|" + "---|" * len(FORMATS) + "---:|", flush=True)
    for head in given.heads.split(","):
        for name in given.names:
            while QUIET.exists():
                time.sleep(5)
            start = time.perf_counter()
            with tempfile.TemporaryDirectory() as out:
                cells = export(name, head, given.classes, out)
            row = " | ".join(cells.get(format, "-") for format in FORMATS)
            print(f"| {name} | {head} | {row} | {time.perf_counter() - start:.0f} |", flush=True)


if __name__ == "__main__":
    main()
