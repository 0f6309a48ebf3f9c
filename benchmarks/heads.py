"""Every short name with every dense head in every format, float32, random weights.

python benchmarks/heads.py [--heads detect,segment] [--formats onnx,litert] [NAME ...]

Prints a Markdown table: signal to noise of the worst output against the torch network, or why
there is no file. The weights are random, with norms that fit them, so that the image is not lost
on the way: it shows that every operator is carried over, not that anything is found. About a
minute a row on 2 cores; while the file /tmp/quiet exists, it waits.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch  # noqa: TID253 -- a script, not the package

sys.path.insert(0, str(Path(__file__).parents[1]))

from edgekit.errors import EdgekitError
from edgekit.models import HEADS, catalog, dense, tracing
from edgekit.quantization.target import target
from edgekit.records import ExportLeg, Format, ModelRequest
from edgekit.workflows import export as workflow
from edgekit.workflows.export import ExportPlan

CLASSES = 5
# Layers that start out next to silent, and what makes them heard.
LAST = ("last.weight", "cls_logits.weight", "bbox_pred.weight")
LOUDER = 30.0
QUIET = Path("/tmp/quiet")


def dense_heads() -> list[str]:
    """Heads that stand on maps."""
    return [name for name in HEADS.names() if HEADS.get(name).necks]


def checkpoint(request: ModelRequest, path: Path) -> None:
    """Weights whose norms were taken from noise, and whose last layers tell places apart."""
    built = dense.build(request, *catalog.resolve(request.name))
    module = built.module.train()
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d | torch.nn.BatchNorm1d):
            part.momentum = None  # the mean over all that is seen
    look = module.detector.backbone if hasattr(module, "detector") else module.body
    with torch.no_grad():
        look(tracing.example(built.preprocess.size, 8))
        for name, one in module.named_parameters():
            if name.endswith(LAST):
                one.mul_(LOUDER)
    torch.save(module.state_dict(), path)


def export(request: ModelRequest, formats: tuple[Format, ...], out: Path) -> dict[Format, str]:
    """Cells of one model with one head, by format."""
    try:
        checkpoint(request, out / "weights.pth")
        trained = replace(request, weights=str(out / "weights.pth"))
        plan = ExportPlan(trained, formats, (), target("host"), out)
        legs = workflow.export(plan, lambda _: None)
    except EdgekitError as error:
        return dict.fromkeys(formats, str(error).splitlines()[0])
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
    parser.add_argument("--formats", default="onnx,openvino,litert")
    given = parser.parse_args()
    formats = tuple(map(Format, given.formats.split(",")))
    print("| model | head | " + " | ".join(formats) + " | seconds |")
    print("|---|---|" + "---|" * len(formats) + "---:|", flush=True)
    for head in given.heads.split(","):
        for name in given.names:
            while QUIET.exists():
                time.sleep(5)
            start = time.perf_counter()
            size = 64 if name == "toy" else None
            request = ModelRequest(name, head, CLASSES, "random", size)
            with tempfile.TemporaryDirectory() as out:
                cells = export(request, formats, Path(out))
            row = " | ".join(cells.get(format, "-") for format in formats)
            print(f"| {name} | {head} | {row} | {time.perf_counter() - start:.0f} |", flush=True)


if __name__ == "__main__":
    main()
