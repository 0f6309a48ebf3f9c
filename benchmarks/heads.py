"""Every short name with every head in every format: parity with the torch network, or why not.

python benchmarks/heads.py run [NAME ...] [--heads detect,...] [--results FILE]
python benchmarks/heads.py table [--results FILE]

`run` traces each model once with each head and makes the three formats of it, in float32, and for
four of the models in int8 too. A line is added to FILE as soon as a cell is known, and what stands
there is not done again: stop it and start it as you like. Each model and head has a process of
its own, so that a crash is a cell like any other.

Weights are random, with norms that fit them and last layers that are heard, so that the image is
not lost on the way: it shows that every operator is carried over, not that anything is found.

`table` draws what is known.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch  # noqa: TID253 -- a script, not the package
from torch import nn  # noqa: TID253

sys.path.insert(0, str(Path(__file__).parents[1]))

from edgekit.errors import UsageError
from edgekit.models import catalog, network, tracing
from edgekit.quantization.target import target
from edgekit.records import ExportLeg, Format, ModelRequest, Precision
from edgekit.workflows import export as workflow
from edgekit.workflows.export import ExportPlan

HEADS_ASKED = ("detect", "segment", "detect-rcnn", "segment-fpn", "embed", "classify")
FORMATS = (Format.ONNX, Format.OPENVINO, Format.LITERT)
INT8 = {"mobilenet", "efficientnet", "vit", "resnet"}
# Three maps of odd sizes: 12, 6 and 3 cells.
SIZE = 96
CLASSES = 5
# Layers that start out next to silent, and what makes them heard.
LAST = ("last.weight", "cls_logits.weight", "bbox_pred.weight")
LOUDER = 30.0
PRELOADED = ["edgekit.models.network", "timm", "torchvision", "openvino", "litert_torch", "onnx"]


@dataclass(frozen=True)
class Cell:
    """What came of one file, or of all files where the model itself can't be had.

    Attributes:
        name: The model.
        head: Its head.
        format: The file's format.
        precision: Its precision.
        kind: `ok`, `refused`, `parity` (too far from the torch network), `failed` or `crash`.
        db: Least SQNR of all outputs and batches; None where equal to the last bit, or no file.
        words: Why there is no file.
        seconds: CPU time of all files of the model and head, and of what ran them.
    """

    name: str
    head: str
    format: str
    precision: str
    kind: str
    db: float | None
    words: str
    seconds: float


def request_of(name: str, head: str) -> ModelRequest:
    """The network that stands for `name` with `head`."""
    kinds = None if head == "embed" else CLASSES
    return ModelRequest(name, head, kinds, "random", SIZE)


def checkpoint(request: ModelRequest, path: Path) -> None:
    """Weights whose norms were taken from noise, and whose last layers tell places apart."""
    if request.head == "embed":  # its weights are those of the whole classifier
        request = replace(request, head="classify")
    built = network.unfused(request, *catalog.resolve(request.name))
    module = built.module.train()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d | nn.BatchNorm1d):
            part.momentum = None  # the mean over all that is seen
    look = module
    if hasattr(module, "detector"):
        look = module.detector.backbone
    elif hasattr(module, "body"):
        look = module.body
    with torch.no_grad():
        look(tracing.example(built.preprocess.size, 8))
        for name, one in module.named_parameters():
            if name.endswith(LAST):
                one.mul_(LOUDER)
    torch.save(module.state_dict(), path)


def cells(
    name: str, head: str, formats: tuple[Format, ...], precision: Precision
) -> Iterable[Cell]:
    """What comes of one model with one head: a cell a file."""
    files = [(format, precision) for format in formats]
    found: dict[tuple[Format, Precision], tuple[str, float | None, str]]
    request = request_of(name, head)
    try:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder)
            checkpoint(request, out / "weights.pth")
            trained = replace(request, weights=str(out / "weights.pth"))
            plan = ExportPlan(trained, formats, (precision,), target("host"), out)
            made = {(leg.format, leg.precision): leg for leg in workflow.export(plan, _silent)}
            found = {file: _judged(made[file]) for file in files}
    except UsageError as error:
        found = dict.fromkeys(files, ("refused", None, str(error)))
    except Exception as error:  # noqa: BLE001 -- a defect is a cell like any other
        found = dict.fromkeys(files, ("failed", None, f"{type(error).__name__}: {error}"))
    seconds = round(sum(os.times()[:4]), 1)
    return [
        Cell(name, head, format.value, precision.value, *found[format, precision], seconds)
        for format, precision in files
    ]


def _silent(_: str) -> None:
    pass


def _judged(leg: ExportLeg) -> tuple[str, float | None, str]:
    """Kind, SQNR and words of one file."""
    if leg.failure:
        kind = "refused" if leg.failure.kind == "UsageError" else "failed"
        return kind, None, leg.failure.message
    parity = leg.artifact.parity if leg.artifact else None
    found = parity.batches.values() if parity else ()
    worst = min((one.sqnr_db for one in found if one.sqnr_db is not None), default=None)
    return "ok", worst, parity.reason if parity else "not measured"


def _work(results: Path, *asked: Any) -> None:
    torch.set_num_threads(1)
    gc.disable()  # a tenth of the time; the process ends before that is much memory
    for cell in cells(*asked):
        _add(results, asdict(cell))


def _add(results: Path, row: dict[str, Any]) -> None:
    with results.open("a") as file:
        file.write(json.dumps(row) + "\n")


def _rows(results: Path) -> list[dict[str, Any]]:
    lines = results.read_text().splitlines() if results.exists() else ()
    return [json.loads(line) for line in lines]


def _aside(work: Callable[..., None], *given: object) -> int:
    """Run `work` in a process of its own; its exit code, negative for a signal."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=work, args=given)
    process.start()
    process.join()
    return process.exitcode or 0


def run(names: list[str], heads: list[str], formats: list[Format], results: Path) -> None:
    """All cells that aren't known yet; those in int8, which take longest, last."""
    known = {(row["name"], row["head"], row["format"], row["precision"]) for row in _rows(results)}
    short = [name for name in names if name not in catalog.DETECTORS]
    pairs = [(name, head) for head in heads for name in short]
    pairs += [(name, one.head) for name, one in catalog.DETECTORS.items() if name in names]
    wanted = [(*pair, Precision.FP32) for pair in pairs]
    wanted += [(*pair, Precision.INT8) for pair in pairs if pair[0] in INT8]
    for name, head, precision in wanted:
        left = [one for one in formats if (name, head, one.value, precision.value) not in known]
        if not left or _aside(_work, results, name, head, tuple(left), precision) == 0:
            continue
        for format in left:  # which of them is it?
            if code := _aside(_work, results, name, head, (format,), precision):
                words = f"the process ended with {code}"
                end = Cell(name, head, format, precision, "crash", None, words, 0)
                _add(results, asdict(end))


def table(results: Path) -> None:
    """What is known, as Markdown: a row a model, a column a head, in a cell each format."""
    rows = _rows(results)
    names = [*catalog.short_names(), *catalog.DETECTORS]
    for precision in ("fp32", "int8"):
        own = {(r["name"], r["head"], r["format"]): r for r in rows if r["precision"] == precision}
        heads = [head for head in (*HEADS_ASKED, "detect-ssd") if any(head in key for key in own)]
        if not heads:
            continue
        reasons: dict[str, str] = {}
        print(f"\n| {precision} | {' | '.join(heads)} |\n|---{'|---' * len(heads)}|")
        for name in names:
            cells = [[own.get((name, head, format)) for format in FORMATS] for head in heads]
            if any(map(any, cells)):
                shown = (
                    " / ".join(_shown(each, reasons) for each in cell) if any(cell) else ""
                    for cell in cells
                )
                print(f"| {name} | {' | '.join(shown)} |")
        for reason, sign in reasons.items():
            print(f"\n{sign}: {reason}")


def _shown(row: dict[str, Any] | None, reasons: dict[str, str]) -> str:
    if row is None:
        return "-"
    if row["kind"] == "ok":
        return "equal" if row["db"] is None else f"{row['db']:.0f}"
    why = f"{row['kind']}: {row['words']}"
    return reasons.setdefault(why, chr(ord("a") + len(reasons)))


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--heads", default=",".join(HEADS_ASKED))
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--results", type=Path, default=Path("/tmp/heads.jsonl"))
    given = parser.parse_args()
    os.environ["PYTHONPATH"] = sys.path[0]  # of the processes that it starts
    names = given.names or [*catalog.short_names(), *catalog.DETECTORS]
    if given.what == "run":
        formats = list(map(Format, given.formats.split(",")))
        run(names, given.heads.split(","), formats, given.results)
    else:
        table(given.results)


if __name__ == "__main__":
    main()
