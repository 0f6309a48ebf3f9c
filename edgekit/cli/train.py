"""`edgekit train`."""

import re
from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import drawing, options, output, training_progress


def train(
    model: Annotated[
        str,
        typer.Argument(help="A short name (`edgekit models`) or any timm or torchvision name."),
    ],
    *,
    data: Annotated[
        Path,
        typer.Option(
            help="Images: one folder a class; for boxes with COCO's annotations.json; for masks "
            "images/ beside masks/. Or `train` and `test` of such."
        ),
    ],
    val: Annotated[
        Path | None,
        typer.Option(help="Images to measure on. Default: `test`, `val`, `valid`, or a fifth."),
    ] = None,
    method: Annotated[
        str,
        typer.Option(help="probe (the head alone), lora (5 % of the parameters) or full."),
    ] = "full",
    head: Annotated[
        str,
        typer.Option(
            help="What the network learns to give: classify, segment, segment-fpn, detect, "
            "detect-rcnn. Default: the model's own."
        ),
    ] = "",
    neck: options.Neck = "",
    weights: Annotated[
        str, typer.Option(help="What to begin with: pretrained, random, or a checkpoint file.")
    ] = "pretrained",
    input_size: Annotated[
        int | None, typer.Option(help="Height and width in pixels. Default: the model's.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="How often each image is seen. Default: the method's.")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Images in one step.")] = None,
    lr: Annotated[
        float | None, typer.Option(help="Highest learning rate. Default: the method's.")
    ] = None,
    flip: Annotated[
        bool, typer.Option("--flip", help="Mirror half of the images: not for digits or text.")
    ] = False,
    qat: Annotated[
        bool, typer.Option("--qat", help="Train all with 8-bit rounding in the loop.")
    ] = False,
    target: options.Target = "host",
    teacher: Annotated[
        Path | None,
        typer.Option(help="Weights of a larger network to learn from too, of `edgekit train`."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of order, augmentation and new weights.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for checkpoint and weights.")] = None,
    html: options.Html = None,
    json: options.Json = False,
) -> None:
    """Train on your images; the same command again goes on where it was stopped."""
    from edgekit.models.catalog import own_head
    from edgekit.records import ModelRequest
    from edgekit.reports import training as report
    from edgekit.workflows import train as workflow

    if html:
        drawing.Form(html=html).check()
    asked: dict[str, object] = {"epochs": epochs, "batch": batch, "lr": lr, "flip": flip or None}
    if qat:
        method, asked["weight_scale"] = workflow.rounding(method, target)
    plan = workflow.TrainPlan(
        request=ModelRequest(
            model, head or own_head(model), None, weights, input_size, 1, seed, neck
        ),
        method=method,
        data=data,
        measured=val,
        out=out
        or Path("trained") / "-".join(filter(None, (*re.split("[/:]", model), head, method))),
        changed={name: value for name, value in asked.items() if value is not None},
        teacher=teacher,
    )
    with training_progress.shown() as on_step:
        try:
            result = workflow.train(plan, output.say, on_step)
        except KeyboardInterrupt:
            output.say("interrupted; the same command goes on after the last whole epoch")
            raise
    if json:
        output.print_json(report.as_json(result))
    else:
        output.print_text(report.render(result, plan.out, plan.data))
    if html:
        _write(html, result)


def _write(path: Path, result: object) -> None:
    from edgekit import publishing
    from edgekit.records.training import TrainResult
    from edgekit.reports.html import training

    if isinstance(result, TrainResult):
        publishing.write_file(path, training.render(result).encode(), "--html")
        output.say(f"wrote {path}")
