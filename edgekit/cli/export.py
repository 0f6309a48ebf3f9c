"""`edgekit export`."""

from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import options
from edgekit.cli.making import make
from edgekit.errors import UsageError

_DEFAULT_OUT = Path("exported")


def export(
    model: Annotated[
        str,
        typer.Argument(
            help="A short name (`edgekit models`), any timm or torchvision name; for text bert, "
            "gpt, or either with a checkpoint: bert:FOLDER, gpt:OWNER/NAME."
        ),
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
        str,
        typer.Option(
            help="What the network gives: classify, embed, segment, segment-fpn, detect, "
            "detect-rcnn; of gpt next-token or next-token-cached. Default: the model's own."
        ),
    ] = "",
    neck: options.Neck = "",
    nms: Annotated[
        bool,
        typer.Option("--nms", help="Put decode and NMS of a detector into the file, in float."),
    ] = False,
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
    calib: options.Calib = None,
    allow_few: options.AllowFew = False,
    recipe: options.Recipe = "",
    max_drop: options.MaxDrop = None,
    data: options.GuardData = None,
    no_verdict: options.NoVerdict = False,
    keep: options.Keep = False,
    cut: options.Cut = False,
    target: options.Target = "host",
    out: Annotated[Path, typer.Option(help="Folder to publish in.")] = _DEFAULT_OUT,
    seed: Annotated[int, typer.Option(help="Seed of random weights and of chosen photos.")] = 0,
    json: options.Json = False,
) -> None:
    """Build a model and convert it, with parity to the torch model checked."""
    from edgekit.models.catalog import own_head
    from edgekit.models.text.catalog import is_text
    from edgekit.quantization.target import target as find_target
    from edgekit.records import Format, ModelRequest, Precision, TextRequest
    from edgekit.workflows import export as workflow
    from edgekit.workflows.int8 import Int8Plan, read_recipe

    chosen = options.several(precision, Precision, "--precision")
    chosen += (Precision.INT8,) * int8 + (Precision.FP16,) * fp16
    request: ModelRequest | TextRequest
    if text := is_text(model):
        options.refuse_for_text(
            classes=classes, input_size=input_size, batch=batch, neck=neck, nms=nms
        )
        request = TextRequest(model, head, weights, seed)
    else:
        head = head or own_head(model)
        request = ModelRequest(model, head, classes, weights, input_size, batch, seed, neck, nms)
    formats = options.several(format, Format, "--format")
    plan = workflow.ExportPlan(
        request=request,
        formats=formats or workflow.installed_formats(text=text),
        precisions=chosen,
        target=find_target(target),
        out=out,
        int8=Int8Plan(calib, allow_few, *read_recipe(recipe), max_drop, data, keep, cut),
        # What int8 has to be better than.
        beside=(Precision.FP16,) * int8,
    )
    if not plan.formats:
        raise UsageError("no format's libraries are installed", hint="`edgekit formats` says how")
    make(plan, judge=not no_verdict, json=json)
