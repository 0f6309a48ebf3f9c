"""NMS in the file against torchvision's `batched_nms` on raw outputs: the same boxes?

python benchmarks/nms.py [NAME ...]

Each detector is exported twice, with `--nms` and without. Both files run on the golden sample's
photos in ONNX Runtime and in OpenVINO. What the first gives is set against what torchvision makes
of the other's raw outputs, by the same bounds. Weights as in `benchmarks/heads.py`: the boxes mean
nothing, but there are hundreds of them, and most are duplicates. Prints a Markdown table.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch  # noqa: TID253 -- a script, not the package
from torchvision.ops import batched_nms, clip_boxes_to_image  # noqa: TID253

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import heads
from edgekit.quantization.target import target
from edgekit.records import Artifact, Format, ModelRequest, Precision
from edgekit.tasks.boxes import CANDIDATES, LEAST_EDGE, LEAST_SCORE, MOST, MOST_OVERLAP
from edgekit.tasks.distances import places
from edgekit.transports import linked
from edgekit.workflows import export as workflow
from edgekit.workflows.export import ExportPlan
from edgekit.workflows.infer import HERE, infer
from edgekit.workflows.routes import RUNTIME_OF

CASES = (
    ("mobilenet", "detect", Precision.FP32),
    ("resnet", "detect-rcnn", Precision.FP32),
    ("ssdlite320_mobilenet_v3_large", "detect-ssd", Precision.FP32),
)
FORMATS = (Format.ONNX, Format.OPENVINO)


@dataclass
class Count:
    """Boxes over all photos.

    Attributes:
        taken: Candidates that went into the suppression.
        left: How many of those torchvision's leaves.
        expected: The surest of them, which are given.
        found: Boxes that the file gives.
        same: Those of the same class and place in the order, within a thousandth of a pixel.
        far: The largest difference of a coordinate, in pixels, among the boxes in the same order.
    """

    taken: int = 0
    left: int = 0
    expected: int = 0
    found: int = 0
    same: int = 0
    far: float = 0.0


def export(request: ModelRequest, precision: Precision, out: Path) -> dict[Format, Artifact]:
    """The files of one detector."""
    plan = ExportPlan(request, FORMATS, (precision,), target("host"), out)
    legs = workflow.export(plan, lambda _: None)
    for leg in legs:
        if leg.failure:
            print(f"{request.name} {leg.format}: {leg.failure.message}", file=sys.stderr)
    wanted = (leg.artifact for leg in legs if leg.precision is precision)
    return {found.format: found for found in wanted if found}


def outputs(artifact: Artifact) -> tuple[Any, ...]:
    """What the file gives for the golden sample's photos, each by itself."""
    with np.load(artifact.file("golden") or "") as golden:
        images = golden["input:input"]
    runtime = RUNTIME_OF[artifact.format][0]
    with linked(HERE) as link:
        return infer(link, artifact, [images], runtime=runtime, batch=1, threads=1)


def compare(raw: Artifact, whole: Artifact) -> Count:
    """Boxes of the file with NMS in it against torchvision's."""
    count = Count()
    size = raw.photos.size
    for before, after in zip(
        zip(*outputs(raw), strict=True), zip(*outputs(whole), strict=True), strict=True
    ):
        given_boxes, given_scores = (torch.from_numpy(output) for output in before)
        taken, boxes, scores, classes = by_torchvision(
            given_boxes, given_scores, raw.spec.head, size
        )
        count.left += len(boxes)
        boxes, scores, classes = boxes[:MOST], scores[:MOST], classes[:MOST]
        ours, scored, kinds = (torch.from_numpy(output) for output in after)
        ours, kinds = ours[scored > 0], kinds[scored > 0]
        count.taken, count.expected = count.taken + taken, count.expected + len(scores)
        count.found += len(ours)
        both = min(len(ours), len(boxes))
        gaps = (ours[:both] - boxes[:both]).abs().max(dim=1).values
        same = (kinds[:both] == classes[:both]) & (gaps < 1e-3)
        count.same += int(same.sum())
        count.far = max(count.far, float(gaps[same].max()) if same.any() else 0.0)
    return count


def by_torchvision(
    boxes: torch.Tensor, scores: torch.Tensor, head: str, size: tuple[int, int]
) -> tuple[int, torch.Tensor, torch.Tensor, torch.Tensor]:
    """How many candidates one image has, and boxes, scores and classes of those that stay."""
    if head == "detect":  # distances in strides, and logits
        centres, steps = map(torch.from_numpy, places(size))
        reach = boxes.clamp(min=0) * steps[:, None]
        boxes = torch.cat([centres - reach[:, :2], centres + reach[:, 2:]], dim=1)
        scores = scores.sigmoid()
    kinds = scores.shape[1]
    each = boxes.reshape(len(boxes), -1, 4).expand(-1, kinds, 4).reshape(-1, 4)
    each = clip_boxes_to_image(each, size)
    flat, classes = scores.reshape(-1), torch.arange(kinds).repeat(len(scores))
    edges = (each[:, 2:] - each[:, :2]).min(dim=1).values
    chosen = torch.where((flat >= LEAST_SCORE) & (edges >= LEAST_EDGE))[0]
    chosen = chosen[flat[chosen].argsort(descending=True, stable=True)][:CANDIDATES]
    picked = each[chosen], flat[chosen], classes[chosen]
    kept = batched_nms(*picked, MOST_OVERLAP)
    return len(chosen), picked[0][kept], picked[1][kept], picked[2][kept]


def sure(path: Path) -> None:
    """Take the prior out of a checkpoint: with it a one-stage head is sure of nothing at first."""
    state = torch.load(path)
    for name, values in state.items():
        if "scores" in name and name.endswith("last.bias"):
            values.zero_()
    torch.save(state, path)


def main() -> None:
    """A row a detector and runtime."""
    os.environ["PYTHONPATH"] = sys.path[0]  # of the processes that it starts
    torch.set_num_threads(1)
    columns = "candidates | left by torchvision | the surest | in the file | same | px apart"
    print(f"| detector | runtime | {columns} |")
    print("|---|---|---:|---:|---:|---:|---:|---:|", flush=True)
    chosen = sys.argv[1:] or [name for name, _, _ in CASES]
    for name, head, precision in (case for case in CASES if case[0] in chosen):
        request = heads.request_of(name, head)
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder)
            heads.checkpoint(request, out / "weights.pth")
            sure(out / "weights.pth")
            trained = replace(request, weights=str(out / "weights.pth"))
            raw = export(trained, precision, out / "raw")
            whole = export(replace(trained, nms=True), precision, out / "nms")
            for format in FORMATS:
                if format in raw and format in whole:
                    c = compare(raw[format], whole[format])
                    what = f"{name}, {head}, {precision}"
                    numbers = (
                        f"{c.taken} | {c.left} | {c.expected} | {c.found} | {c.same} | {c.far:.1e}"
                    )
                    print(f"| {what} | {RUNTIME_OF[format][0]} | {numbers} |", flush=True)


if __name__ == "__main__":
    main()
