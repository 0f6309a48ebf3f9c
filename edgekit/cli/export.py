"""`edgekit export`."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import options, output
from edgekit.errors import EdgekitError, UsageError

_DEFAULT_OUT = Path("exported")


def export(
    model: Annotated[
        str,
        typer.Argument(help="A short name (`edgekit models`) or any timm or torchvision name."),
    ],
    *,
    format: Annotated[
        str,
        typer.Option(
            help="By commas: onnx, openvino, litert, tensorrt, torch. Default: all but torch."
        ),
    ] = "",
    int8: Annotated[
        bool, typer.Option("--int8", help="Make int8 files, and float16 ones to judge them by.")
    ] = False,
    fp16: Annotated[
        bool, typer.Option("--fp16", help="Make float16 files beside the float32 ones.")
    ] = False,
    precision: Annotated[str, typer.Option(help="Precisions, by commas: fp32, fp16, int8.")] = "",
    head: Annotated[
        str, typer.Option(help="What the network gives: classify or embed.")
    ] = "classify",
    classes: Annotated[
        int | None, typer.Option(help="Number of classes. Default: the weights'.")
    ] = None,
    weights: Annotated[
        str, typer.Option(help="pretrained, random, or a checkpoint file.")
    ] = "pretrained",
    input_size: Annotated[
        int | None, typer.Option(help="Height and width in pixels. Default: the model's.")
    ] = None,
    batch: Annotated[int, typer.Option(help="Batch size of formats that fix it.")] = 1,
    calib: Annotated[
        Path | None,
        typer.Option(help="Photos to calibrate int8 on. Default: some that come with packages."),
    ] = None,
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
    target: Annotated[
        str,
        typer.Option(help="Where the files will run: host, x86-vnni, arm64, sm89, ..."),
    ] = "host",
    out: Annotated[Path, typer.Option(help="Folder to publish in.")] = _DEFAULT_OUT,
    seed: Annotated[int, typer.Option(help="Seed of random weights and of chosen photos.")] = 0,
    json: options.Json = False,
) -> None:
    """Build a model and convert it, with parity to the torch model checked."""
    from edgekit.quantization.target import target as find_target
    from edgekit.records import Format, ModelRequest, Precision
    from edgekit.reports import export as report
    from edgekit.workflows import export as workflow
    from edgekit.workflows import verdict
    from edgekit.workflows.int8 import Int8Plan, read_recipe

    chosen = options.several(precision, Precision, "--precision")
    chosen += (Precision.INT8,) * int8 + (Precision.FP16,) * fp16
    plan = workflow.ExportPlan(
        request=ModelRequest(model, head, classes, weights, input_size, batch, seed),
        formats=options.several(format, Format, "--format") or workflow.installed_formats(),
        precisions=chosen,
        target=find_target(target),
        out=out,
        int8=Int8Plan(calib, allow_few, *read_recipe(recipe), max_drop, data, keep),
        # What int8 has to be better than.
        beside=(Precision.FP16,) * int8,
    )
    if not plan.formats:
        raise UsageError("no format's libraries are installed", hint="`edgekit formats` says how")
    legs = workflow.export(plan, output.say)
    verdicts = () if no_verdict else verdict.of_legs(legs, output.say)
    if json:
        output.print_json(report.as_json(legs, verdicts))
    else:
        output.print_text(report.render(legs, verdicts))
    failures = [leg.failure for leg in legs if leg.failure]
    if failures:
        raise typer.Exit(EdgekitError.exit_code_of(failures[0].kind))
