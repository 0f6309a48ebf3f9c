"""A phone's `benchmark_model` that isn't one, and an artifact for it.

**Unverified on hardware**: the real program can't be had from a package registry. The stand-in
takes the flags of LiteRT's sources and prints their format, with numbers made up; it gives its
input back as its output.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgekit import storage
from edgekit.records import Artifact, Format
from edgekit.wire import TensorSpec
from tests import bench_results

SAMPLES = 3
# Where it notes each start, of as many runs as it was asked for.
NOTES = "/data/local/tmp/starts"
_PROGRAM = """#!/system/bin/sh
for word in "$@"; do
  value=${word#*=}
  case $word in
    --num_runs=*) runs=$value ;;
    --output_filepath=*) output=$value ;;
    --input_layer_value_files=*) input=${value#*:} ;;
  esac
done
echo "$runs" >> NOTES
WORK
[ -n "$output" ] && [ -n "$input" ] && WRITE
echo "INFO: Initialized session in 6.395ms."
echo "INFO: count=7 first=2761 curr=2885 min=2605 max=18080 avg=3243.58 std=2165 p5=2630 median=2761 p95=5331"
echo "INFO: count=$runs first=2881 curr=2703 min=2605 max=20356 avg=2942.27 std=1190 p5=2647 median=2781 p95=3169"
echo "INFO: Inference timings in us: Init: 6395, First inference: 2761, Warmup (avg): 3243.58, Inference (avg): 2942.27"
echo "INFO: Memory footprint delta from the start of the tool (MB): init=39.4531 overall=40.8281"
"""


def benchmark_model(
    path: Path, *, work: str = ":", write: str = 'cat "$input" > "$output"'
) -> Path:
    """Write the stand-in.

    Args:
        path: The file to write.
        work: What it does in Android's shell before it prints; `$runs` is 1 for a check.
        write: How it writes `$output`.
    """
    text = _PROGRAM.replace("NOTES", NOTES).replace("WORK", work).replace("WRITE", write)
    path.write_text(text)
    return path


def artifact(folder: Path) -> Artifact:
    """A LiteRT artifact of which the outputs are the inputs, in a folder of its own."""
    folder.mkdir(parents=True)
    (folder / "model.tflite").write_bytes(b"TFL3" + bytes(1000))
    images = np.random.default_rng(0).normal(size=(SAMPLES, 3, 4, 4)).astype(np.float32)
    outputs = images.transpose(0, 2, 3, 1).reshape(SAMPLES, -1)
    arrays: dict[str, Any] = {"input:x": images, "output:0": outputs}
    np.savez(folder / "golden.npz", **arrays)
    names = {"model.tflite": "model", "golden.npz": "golden"}
    files = [storage.describe(folder, name, role) for name, role in names.items()]
    made = bench_results.artifact()
    made = replace(
        made,
        path=folder,
        format=Format.LITERT,
        inputs=(TensorSpec("x", (1, 4, 4, 3), "float32", "NHWC"),),
        files=tuple(files),
        sha256=storage.model_sha256(files),
        size_bytes=storage.model_size_bytes(files),
    )
    storage.write_record(made)
    return storage.load(folder)
