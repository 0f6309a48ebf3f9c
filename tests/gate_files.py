"""Artifacts and plans to compare, of which the files are small and really there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from edgekit import storage
from edgekit.records import Artifact, BenchPlan, Device, GatePlan
from edgekit.wire import TensorSpec
from edgekit.workflows.turns import ALONE
from tests import bench_results, foreign_files

SIZE = foreign_files.SIZE
INPUT = TensorSpec("x", (None, 3, SIZE, SIZE), "float32", "NCHW")


def artifact(
    folder: Path, model: onnx.ModelProto | None = None, *, golden: bool = True, **fields: Any
) -> Artifact:
    """An artifact in `folder`: a small network, six samples, other `fields` as given."""
    folder.mkdir(parents=True)
    onnx.save(model or foreign_files.net(), folder / "model.onnx")
    files = [storage.describe(folder, "model.onnx", "model")]
    if golden:
        images = np.random.default_rng(0).normal(size=(6, 3, SIZE, SIZE)).astype(np.float32)
        arrays: dict[str, Any] = {"input:x": images}
        np.savez(folder / "golden.npz", **arrays)
        files.append(storage.describe(folder, "golden.npz", "golden"))
    made = bench_results.artifact()
    spec = replace(made.spec, inputs=(INPUT,), classes=foreign_files.CLASSES)
    squared = replace(made.photos, size=(SIZE, SIZE), resize=(SIZE, SIZE))
    made = replace(
        made,
        path=folder,
        files=tuple(files),
        sha256=storage.model_sha256(files),
        size_bytes=storage.model_size_bytes(files),
        **{"inputs": (INPUT,), "spec": spec, "preprocess": squared, **fields},
    )
    storage.write_record(made)
    return storage.load(folder)


def plan(base: Path, head: Path, **fields: Any) -> GatePlan:
    """The plan of two files or artifacts."""
    return GatePlan("net", _leg(base), _leg(head), **fields)


def _leg(path: Path) -> BenchPlan:
    return BenchPlan(storage.subject(path), "onnxruntime", Device(), 1, None, ALONE)
