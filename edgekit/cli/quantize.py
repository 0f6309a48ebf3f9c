"""`edgekit quantize`."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import options
from edgekit.cli.making import make

_DEFAULT_OUT = Path("exported")


def quantize(
    file: Annotated[Path, typer.Argument(help="A float32 .onnx or .tflite file.")],
    *,
    calib: options.Calib = None,
    preprocess: Annotated[
        str,
        typer.Option(
            help="How a photo becomes the input: imagenet, unit, signed, JSON, or an artifact's "
            "folder. Default: what the file says, or an artifact.json beside it."
        ),
    ] = "",
    format: Annotated[
        str, typer.Option(help="By commas: onnx, openvino, tensorrt. Default: the file's own.")
    ] = "",
    target: options.Target = "host",
    allow_few: options.AllowFew = False,
    recipe: options.Recipe = "",
    max_drop: options.MaxDrop = None,
    data: options.GuardData = None,
    no_verdict: options.NoVerdict = False,
    keep: options.Keep = False,
    name: Annotated[
        str, typer.Option(help="What to call the model in --out. Default: the file's name.")
    ] = "",
    out: Annotated[Path, typer.Option(help="Folder to publish in.")] = _DEFAULT_OUT,
    seed: Annotated[int, typer.Option(help="Seed of chosen photos.")] = 0,
    json: options.Json = False,
) -> None:
    """Quantize a float model file that edgekit did not export, with closeness to it checked."""
    from edgekit.quantization.target import target as find_target
    from edgekit.records import FileRequest, Format, Precision
    from edgekit.storage import FOREIGN
    from edgekit.workflows import export as workflow
    from edgekit.workflows.int8 import Int8Plan, read_recipe

    own = (FOREIGN.get(file.suffix, Format.ONNX),)
    plan = workflow.ExportPlan(
        request=FileRequest(file, name or file.stem, preprocess, seed),
        formats=options.several(format, Format, "--format") or own,
        precisions=(Precision.INT8,),
        target=find_target(target),
        out=out,
        int8=Int8Plan(calib, allow_few, *read_recipe(recipe), max_drop, data, keep),
        # What int8 has to be better than.
        beside=(Precision.FP16,),
    )
    make(plan, judge=not no_verdict, json=json)
