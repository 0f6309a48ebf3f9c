"""Detectors and segmenters of a few operators, and drawn sets that they know something of.

Photos hold red and green squares on noise. The detector takes a cell of 16 input pixels for a box
where it is red or green; the segmenter compares each pixel's colours. Neither is right always.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from edgekit import storage
from edgekit.records import Artifact, Precision
from edgekit.wire import TensorSpec
from tests import bench_results

SIZE = 64
# Larger than the input, so that what is found has to be brought back.
PHOTO = (96, 120)  # height, width
NAMES = ("red", "green")
GROUND = ("ground", *NAMES)
INPUT = TensorSpec("x", (None, 3, SIZE, SIZE), "float32", "NCHW")
# Rows of colours, of what a class is told by, in inputs of mean 0.5 and spread 0.5.
_TELLS = np.array([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0]], np.float32)


def detector(reach: float = 0.5) -> onnx.ModelProto:
    """The raw outputs of head `detect`; its boxes reach `reach` strides from a cell's centre."""
    nodes, constants = [], {"shape4": np.array([0, 4, -1]), "shape2": np.array([0, 2, -1])}
    for stride in (8, 16, 32):
        weight = np.repeat(_TELLS[:, :, None], stride**2, 2).reshape(2, 3, stride, stride)
        constants |= {
            f"w{stride}": (4 * weight / stride**2).astype(np.float32),
            f"b{stride}": np.full(2, -2.0 if stride == 16 else -30.0, np.float32),
            f"z{stride}": np.zeros((4, 3, stride, stride), np.float32),
            f"d{stride}": np.full(4, reach, np.float32),
        }
        for kind, inputs in (("s", ("w", "b")), ("r", ("z", "d"))):
            given = ["x", *(f"{name}{stride}" for name in inputs)]
            shape = "shape2" if kind == "s" else "shape4"
            map_, flat, rows = (f"{kind}{part}{stride}" for part in ("m", "f", "t"))
            nodes += [
                helper.make_node("Conv", given, [map_], strides=[stride] * 2),
                helper.make_node("Reshape", [map_, shape], [flat]),
                helper.make_node("Transpose", [flat], [rows], perm=[0, 2, 1]),
            ]
    nodes += [
        helper.make_node("Concat", [f"{kind}t{stride}" for stride in (8, 16, 32)], [out], axis=1)
        for kind, out in (("r", "boxes"), ("s", "scores"))
    ]
    return _model(nodes, constants, {"boxes": ("N", 84, 4), "scores": ("N", 84, 2)})


def segmenter(bias: float = 0.6) -> onnx.ModelProto:
    """The raw output of head `segment`: ground where no colour leads by more than `bias`."""
    weight = np.concatenate([np.zeros((1, 3), np.float32), _TELLS])[:, :, None, None]
    constants = {"w": weight, "b": np.array([bias, 0, 0], np.float32)}
    node = helper.make_node("Conv", ["x", "w", "b"], ["logits"])
    return _model([node], constants, {"logits": ("N", 3, SIZE, SIZE)})


def artifact(
    folder: Path,
    model: onnx.ModelProto,
    names: tuple[str, ...] = (),
    *,
    precision: Precision = Precision.FP32,
) -> Artifact:
    """The artifact of `model` in `folder`, which is `onnx-fp32` or the like."""
    folder.mkdir(parents=True)
    onnx.save(model, folder / "model.onnx")
    (folder / "labels.txt").write_text("".join(f"{name}\n" for name in names))
    roles = {"model.onnx": "model", **({"labels.txt": "labels"} if names else {})}
    files = tuple(storage.describe(folder, name, role) for name, role in roles.items())
    outputs = model.graph.output
    head = "segment" if len(outputs) == 1 else "detect"
    made = bench_results.artifact()
    spec = replace(made.spec, head=head, classes=3 if head == "segment" else 2, inputs=(INPUT,))
    made = replace(
        made,
        path=folder,
        precision=precision,
        spec=spec,
        inputs=(INPUT,),
        preprocess=replace(made.photos, size=(SIZE, SIZE), resize=(SIZE, SIZE)),
        files=files,
        sha256=storage.model_sha256(files),
        size_bytes=storage.model_size_bytes(files),
    )
    storage.write_record(made)
    return storage.load(folder)


def drawn(root: Path, count: int = 6, names: tuple[str, ...] = GROUND) -> Path:
    """A folder with both COCO's boxes and masks: squares of about a cell, somewhat off its grid.

    Args:
        root: Folder to make.
        count: Number of photos.
        names: Names of the masks' classes in order; boxes are of all but the first.
    """
    height, width = PHOTO
    coco = {"images": [], "annotations": [], "categories": []}
    coco["categories"] = [{"id": at, "name": name} for at, name in enumerate(NAMES, 1)]
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    random = np.random.default_rng(0)
    for index in range(1, count + 1):
        picture = random.integers(90, 160, (height, width, 3))
        mask = np.zeros((height, width), np.uint8)
        for place in random.choice(16, 4, replace=False):
            row, column = divmod(int(place), 4)
            kind = int(random.integers(2))
            off = random.integers(-6, 7, 2)
            left, top = max(int(column * 30 + off[0]), 0), max(int(row * 24 + off[1]), 0)
            right, bottom = min(left + 30, width), min(top + 24, height)
            picture[top:bottom, left:right, kind] = random.integers(170, 255)
            picture[top:bottom, left:right, 1 - kind] = random.integers(60, 140)
            mask[top:bottom, left:right] = names.index(NAMES[kind])
            box = [left, top, right - left, bottom - top]
            coco["annotations"].append({"image_id": index, "category_id": kind + 1, "bbox": box})
        file = f"{index}.png"
        Image.fromarray(picture.astype(np.uint8)).save(root / "images" / file)
        Image.fromarray(mask).save(root / "masks" / file)
        coco["images"].append({"id": index, "file_name": file, "width": width, "height": height})
    (root / "annotations.json").write_text(json.dumps(coco))
    (root / "classes.txt").write_text("\n".join(names))
    return root


def _model(nodes, constants, outputs):
    tensors = [numpy_helper.from_array(values, name) for name, values in constants.items()]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, SIZE, SIZE])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in outputs.items()
        ],
        tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
