"""`edgekit quantize`."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import options, output
from edgekit.errors import EdgekitError

_DEFAULT_OUT = Path("exported")


def quantize(
    file: Annotated[Path, typer.Argument(help="A float32 .onnx or .tflite file.")],
    *,
    calib: Annotated[
        Path | None,
        typer.Option(help="Photos to calibrate on. Default: some that come with packages."),
    ] = None,
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
    target: Annotated[
        str,
        typer.Option(help="Where the files will run: host, x86-vnni, arm64, sm89, ..."),
    ] = "host",
    allow_few: Annotated[
        bool, typer.Option("--allow-few", help="Calibrate on fewer than 32 photos.")
    ] = False,
    recipe: Annotated[
        str,
        typer.Option(
            help="w8a8-static, w8-dynamic, w8-weightonly, or a recipe's JSON. Default: "
            "w8a8-static, as the target wants it."
        ),
    ] = "",
    max_drop: Annotated[
        float | None,
        typer.Option(
            help="Points of top-1 (or of agreement, without labels) that int8 may lose; layers "
            "go back to float for it.",
            min=0.0,
            max=100.0,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Images that --max-drop is measured on. Default: some of --calib."),
    ] = None,
    no_verdict: options.NoVerdict = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Publish the best try where --max-drop isn't met.")
    ] = False,
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
    from edgekit.reports import export as report
    from edgekit.storage import FOREIGN
    from edgekit.workflows import export as workflow
    from edgekit.workflows import verdict
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
    legs = workflow.export(plan, output.say)
    verdicts = () if no_verdict else verdict.of_legs(legs, output.say)
    if json:
        output.print_json(report.as_json(legs, verdicts))
    else:
        output.print_text(report.render(legs, verdicts))
    failures = [leg.failure for leg in legs if leg.failure]
    if failures:
        raise typer.Exit(EdgekitError.exit_code_of(failures[0].kind))
