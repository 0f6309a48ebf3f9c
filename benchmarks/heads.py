"""Every short name with every dense head in every format, float32, random weights.

python benchmarks/heads.py [--heads detect,segment] [--classes 5] [NAME ...]

Prints a Markdown table: signal to noise of the worst output against the torch network, or why
there is no file. Random weights show that every operator is carried over, not that anything is
found. About a minute a row on 2 cores; while the file /tmp/quiet exists, it waits.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from edgekit.errors import EdgekitError
from edgekit.models import HEADS, catalog
from edgekit.quantization.target import target
from edgekit.records import ExportLeg, Format, ModelRequest
from edgekit.workflows import export as workflow
from edgekit.workflows.export import ExportPlan

FORMATS = (Format.ONNX, Format.OPENVINO, Format.LITERT)
QUIET = Path("/tmp/quiet")


def dense_heads() -> list[str]:
    """Heads that stand on maps."""
    return [name for name in HEADS.names() if HEADS.get(name).necks]


def export(name: str, head: str, classes: int, out: Path) -> dict[Format, str]:
    """Cells of one model with one head, by format."""
    own = None if name != "toy" else 64
    plan = ExportPlan(
        ModelRequest(name, head, classes, weights="random", input_size=own),
        FORMATS,
        (),
        target("host"),
        out,
    )
    try:
        legs = workflow.export(plan, lambda _: None)
    except EdgekitError as error:
        return dict.fromkeys(FORMATS, str(error).splitlines()[0])
    return {leg.format: _cell(leg) for leg in legs}


def _cell(leg: ExportLeg) -> str:
    if leg.failure:
        return leg.failure.message.splitlines()[0][:140]
    parity = leg.artifact.parity if leg.artifact else None
    found = parity.batches.values() if parity else ()
    worst = min((one.sqnr_db or 999.0 for one in found), default=0.0)
    note = f" ({parity.reason})" if parity and parity.reason else ""
    return f"{worst:.0f} dB{note}"


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
                cells = export(name, head, given.classes, Path(out))
            row = " | ".join(cells.get(format, "-") for format in FORMATS)
            print(f"| {name} | {head} | {row} | {time.perf_counter() - start:.0f} |", flush=True)


if __name__ == "__main__":
    main()
