"""int8 files of edgekit beside float and beside the peers' defaults: right, and how fast, here.

python benchmarks/quantization.py [NAME ...]     prints Markdown tables; some minutes a network
python benchmarks/quantization.py --export-time  prints how long exports take with and without int8

Photos: ../shared/photos where it is, else those that come with packages. Latency is of one thread;
the files of one runtime take turns in this process, and `x float` is the median of their ratios
within a turn. Rows of peers are their libraries' defaults, made here and now; NNCF's are there if
it is installed (`pip install nncf`).
"""

import argparse
import contextlib
import importlib.util
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit import storage
from edgekit.datasets import images, packaged
from edgekit.measure.closeness import closeness
from edgekit.metrics.classification import share_right
from edgekit.quantization.recipe import recipe
from edgekit.quantization.target import detect, target
from edgekit.quantizers import QUANTIZERS
from edgekit.records import Artifact, Format, Precision, Recipe
from edgekit.runtimes import RUNTIMES, Session
from edgekit.workflows.calibrate import PhotoFeeds

PHOTOS = Path(__file__).resolve().parents[2] / "shared" / "photos"
NAMES = ("efficientnet", "tf_efficientnet_lite1", "tf_efficientnet_lite2")
ROUNDS = 40
TURN = 3

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Photos:
    """What is calibrated on, what is measured on, and what is right for it."""

    calib: images.Photos
    test: images.Photos
    right: tuple[frozenset[int], ...]


@dataclass(frozen=True)
class Row:
    """A file to be measured."""

    name: str
    runtime: str
    path: Path
    is_float: bool = False


def photos() -> Photos:
    """The shared photos, or the packages'."""
    if not PHOTOS.is_dir():
        golden = packaged.golden()
        return Photos(packaged.calibration(), golden, (frozenset(),) * len(golden.paths))
    known = json.loads((PHOTOS / "labels.json").read_text())
    labelled = images.folder(PHOTOS / "labelled").paths
    others = images.folder(PHOTOS / "unlabelled").paths
    right = [frozenset(known.get(path.name, ())) for path in labelled]
    return Photos(
        images.folder(PHOTOS / "calib"),
        images.Photos("labelled and unlabelled", (*labelled, *others)),
        (*right, *(frozenset() for _ in others)),
    )


def export(name: str, out: Path, *options: str) -> float:
    """Seconds that an export takes in a process of its own."""
    command = [sys.executable, "-m", "edgekit", "export", name, "--out", str(out), *options]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}\n{done.stderr}")
    return time.perf_counter() - start


def load(row: Row) -> Session:
    return RUNTIMES.get(row.runtime).load(
        row.path,
        threads=1,
        precision="fp32",
        shape_of=lambda spec: tuple(axis or 1 for axis in spec.shape),
    )


def feed(session: Session, image: Array) -> Mapping[str, Any]:
    spec = session.inputs[0]
    nhwc = spec.shape[-1] == image.shape[0]
    return {spec.name: np.ascontiguousarray(image.transpose(1, 2, 0) if nhwc else image)[None]}


def outputs(session: Session, tensors: Sequence[Array]) -> Array:
    return np.concatenate([session.run(feed(session, image))[0] for image in tensors])


def turns(sessions: Sequence[Session], image: Array) -> list[list[float]]:
    """Milliseconds of each session in each round: the least of a turn of three."""
    found: list[list[float]] = [[] for _ in sessions]
    feeds = [feed(session, image) for session in sessions]
    order = np.random.default_rng(0)
    for round_ in range(ROUNDS + 3):
        for index in order.permutation(len(sessions)):
            spans = []
            for _ in range(TURN):
                start = time.perf_counter_ns()
                sessions[index].run(feeds[index])
                spans.append((time.perf_counter_ns() - start) / 1e6)
            if round_ >= 3:
                found[index].append(min(spans))
    return found


def table(rows: Sequence[Row], tensors: Sequence[Array], data: Photos) -> None:
    """One runtime's rows, float first."""
    sessions = [load(row) for row in rows]
    reference = outputs(sessions[0], tensors)
    times = turns(sessions, tensors[0])
    for row, session, spans in zip(rows, sessions, times, strict=True):
        found = outputs(session, tensors)
        near = closeness([found], [reference])
        top1 = share_right(found, data.right, 1)
        ratio = statistics.median(base / own for base, own in zip(times[0], spans, strict=True))
        exact = row.runtime == "onnxruntime-reference"
        speed = "- | -" if exact else f"{statistics.median(spans):.2f} | {ratio:.2f}"
        print(
            f"| {row.runtime} | {row.name} | {near.agreement:.3f} | "
            f"{'inf' if near.sqnr_db is None else f'{near.sqnr_db:.1f}'} | "
            f"{'-' if top1 is None else f'{100 * top1:.1f}'} | {speed} |",
            flush=True,
        )


def variants(source: Artifact, chosen: Recipe, data: Photos, out: Path) -> Iterator[Row]:
    """The recipe with one step switched at a time."""
    quantizer = QUANTIZERS.get(source.format)
    calib = images.Tensors(source.photos, data.calib.paths)
    observed = quantizer.observe(source, PhotoFeeds(calib, source.inputs[0]))
    runtime = "onnxruntime" if source.format is Format.ONNX else "litert"
    plain = replace(chosen, rounding="nearest", correct_bias=False)
    for name, changed in {
        "edgekit, steps off: nearest, no bias correction": plain,
        "edgekit, bias correction only": replace(plain, correct_bias=True),
        "edgekit, error feedback only": replace(chosen, correct_bias=False),
        "edgekit, ranges by MSE": replace(chosen, range_method="mse"),
        "edgekit, weights to 127 (for VNNI)": replace(chosen, weight_scale="max"),
    }.items():
        if changed.weight_scale == chosen.weight_scale and "VNNI" in name:
            continue
        folder = out / f"{source.format}-{name.replace(' ', '-').replace(',', '')}"
        folder.mkdir()
        files = quantizer.quantize(source, changed, observed, folder)
        yield Row(name, runtime, folder / next(iter(files)))


def ort_default(source: Artifact, tensors: Sequence[Array], path: Path, **settings: Any) -> Path:
    """ONNX Runtime's own static quantizer."""
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Reader(CalibrationDataReader):  # the library is untyped
        def __init__(self) -> None:
            self._rest = iter(tensors)

        def get_next(self) -> Any:
            image = next(self._rest, None)
            return None if image is None else {source.inputs[0].name: image[None]}

    quantize_static(source.model, path, Reader(), **settings)
    return path


def onnx_peers(source: Artifact, tensors: Sequence[Array], out: Path) -> Iterator[Row]:
    from onnxruntime.quantization import QuantType

    u8 = {"activation_type": QuantType.QUInt8}
    heavy = {"op_types_to_quantize": ["Conv", "Gemm", "MatMul"]}
    peers: dict[str, dict[str, Any]] = {
        "peer: ONNX Runtime, Olive (defaults: S8S8 per tensor)": {},
        "peer: Ultralytics (Conv, Gemm and MatMul, defaults)": heavy,
        "peer: ONNX Runtime U8S8 per channel": {**u8, "per_channel": True},
        "peer: the same with reduce_range": {**u8, "per_channel": True, "reduce_range": True},
        "exact 8 bits, slow: ONNX Runtime U8U8 per channel": {
            **u8, "weight_type": QuantType.QUInt8, "per_channel": True,
        },
    }  # fmt: skip
    for index, (name, settings) in enumerate(peers.items()):
        path = ort_default(source, tensors, out / f"peer{index}.onnx", **settings)
        yield Row(name, "onnxruntime", path)


def openvino_peers(source: Artifact, tensors: Sequence[Array], out: Path) -> Iterator[Row]:
    if importlib.util.find_spec("nncf") is None:
        return
    # Else it reports each use to its vendor.
    os.environ.setdefault("NNCF_CI", "1")
    import nncf  # type: ignore[import-untyped,import-not-found,unused-ignore]
    import openvino

    name = source.inputs[0].name
    model = openvino.Core().read_model(source.model)
    found = nncf.quantize(
        model, nncf.Dataset(tensors, lambda image: {name: image[None]}), subset_size=len(tensors)
    )
    openvino.save_model(found, out / "nncf.xml", compress_to_fp16=False)
    yield Row("peer: NNCF (defaults)", "openvino", out / "nncf.xml")


def litert_peers(source: Artifact, tensors: Sequence[Array], out: Path) -> Iterator[Row]:
    from ai_edge_quantizer import quantizer
    from ai_edge_quantizer import recipe as recipes

    # Inputs and outputs float, as Ultralytics keeps them.
    ends = [
        {"regex": ".*", "operation": end, "algorithm_key": "no_quantize"}
        for end in ("INPUT", "OUTPUT")
    ]
    tool = quantizer.Quantizer(str(source.model), [*recipes.static_wi8_ai8(), *ends])
    name = source.inputs[0].name
    feeds = [{name: image.transpose(1, 2, 0)[None]} for image in tensors]
    ranges = tool.calibrate({"serving_default": feeds})
    tool.quantize(ranges).export_model(str(out / "aeq.tflite"), overwrite=True)
    yield Row("peer: ai-edge-quantizer static_wi8_ai8", "litert", out / "aeq.tflite")


PEERS: dict[Format, Callable[..., Iterator[Row]]] = {
    Format.ONNX: onnx_peers,
    Format.OPENVINO: openvino_peers,
    Format.LITERT: litert_peers,
}
RUNTIME = {Format.ONNX: "onnxruntime", Format.OPENVINO: "openvino", Format.LITERT: "litert"}


def network(name: str, *, steps: bool) -> None:
    """The rows of one network."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        calib = ["--calib", str(PHOTOS / "calib")] if PHOTOS.is_dir() else []
        export(name, out, "--int8", "--no-verdict", *calib)
        found = {path.name: storage.load(path) for path in (out / name).iterdir() if path.is_dir()}
        plain = found["onnx-fp32"]
        data = photos()
        tensors = list(images.Tensors(plain.photos, data.test.paths))
        shown = list(images.Tensors(plain.photos, data.calib.paths))
        print(f"\n### {name}: {len(shown)} photos to calibrate, {len(tensors)} to measure\n")
        print("| runtime | file | agreement | SQNR dB | top-1 % | p50 ms | x float |")
        print("|---|---|---:|---:|---:|---:|---:|")
        for format, runtime in RUNTIME.items():
            base = found[f"{format}-fp32"]
            rows = [Row("float32", runtime, base.model, is_float=True)]
            rows += [Row("edgekit int8", runtime, found[f"{format}-int8"].model)]
            chosen = found[f"{format}-int8"].recipe
            if steps and format is not Format.OPENVINO and chosen:
                rows += variants(base, chosen, data, out)
            if steps:
                with contextlib.redirect_stdout(io.StringIO()):
                    rows += PEERS[format](base, shown, out)
            table(rows, tensors, data)
        reference = "onnxruntime-reference"
        gpu = found["tensorrt-int8"]
        rows = [Row("float32, exact", reference, plain.model)]
        rows += [
            Row("edgekit int8 for TensorRT, exact", reference, gpu.file("source") or gpu.model)
        ]
        if steps:
            rows += for_vnni(plain, data, out)
        table(rows, tensors, data)


def for_vnni(source: Artifact, data: Photos, out: Path) -> Iterator[Row]:
    """What a CPU with VNNI is given, by arithmetic that never saturates, as VNNI's doesn't."""
    chosen = recipe(target("x86-vnni"), Format.ONNX, Precision.INT8)
    quantizer = QUANTIZERS.get(Format.ONNX)
    calib = images.Tensors(source.photos, data.calib.paths)
    observed = quantizer.observe(source, PhotoFeeds(calib, source.inputs[0]))
    if chosen is not None:
        folder = out / "vnni"
        folder.mkdir()
        files = quantizer.quantize(source, chosen, observed, folder)
        name = "edgekit int8 for x86-vnni, exact"
        yield Row(name, "onnxruntime-reference", folder / next(iter(files)))


def export_time() -> None:
    """An export of all formats without int8, and with int8, its guard and its verdicts."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        plain_s = export("efficientnet", out / "plain")
        guard = ["--int8", "--max-drop", "1"]
        guarded_s = export("efficientnet", out / "int8", *guard)
        print(
            f"export efficientnet, all formats: {plain_s:.1f} s; with {' '.join(guard)}: "
            f"{guarded_s:.1f} s, {guarded_s / plain_s:.2f} times"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--export-time", action="store_true")
    asked = parser.parse_args()
    host = detect()
    print(f"{host.arch}: {' '.join(host.features)}")
    if asked.export_time:
        export_time()
        return
    for index, name in enumerate(asked.names):
        network(name, steps=index == 0)


if __name__ == "__main__":
    main()
