"""Options that several commands share, so that they read the same everywhere."""

import enum
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from edgekit.errors import UsageError

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object to standard output, nothing else.")
]

NoVerdict = Annotated[
    bool,
    typer.Option("--no-verdict", help="Don't say which precision of a model to ship here."),
]

# How a file is measured.
Threads = Annotated[
    int | None, typer.Option(help="Threads of the runtime. Default: the usable cores.")
]
OneRuntime = Annotated[
    str, typer.Option(help="Runtime, as `edgekit formats` lists them. Default: the format's.")
]
# Of a comparison: where threads wait for each other, a neighbour of one disturbs all of them.
ThreadsInTurns = Annotated[
    int, typer.Option(help="Threads of the runtime; with one, noise disturbs least.")
]
Batch = Annotated[
    int | None, typer.Option(help="Samples in one inference. Default: the file's own, or 1.")
]
Shape = Annotated[
    list[str] | None,
    typer.Option(help="NAME=1,3,224,224: shape of an input with free axes; repeatable."),
]

Engine = Annotated[
    str,
    typer.Option(
        help="Who drives the devices: local (this process), dask (processes of its own here), or "
        "dask=SCHEDULER (hosts with `dask worker --resources DEVICE=1`)."
    ),
]

# Where results are kept and what they are drawn in.
Results = Annotated[
    Path | None,
    typer.Option(
        help="Folder that results are kept in. Default: `results` beside the models.",
        envvar="EDGEKIT_RESULTS",
    ),
]
Html = Annotated[Path | None, typer.Option(help="Write a report of one self-contained file.")]
Markdown = Annotated[Path | None, typer.Option(help="Write a report for a pull request.")]
PerOp = Annotated[
    bool, typer.Option("--per-op", help="Show which operators took the time, by the runtime.")
]
Csv = Annotated[Path | None, typer.Option(help="Write one line a leg, for a spreadsheet.")]

# What export and train say of a network.
Neck = Annotated[
    str, typer.Option(help="Between backbone and head: fpn, pan or none. Default: the head's.")
]

# What export and quantize say of int8.
Calib = Annotated[
    Path | None,
    typer.Option(
        help="What to calibrate int8 on: a folder of photos or a data set's, for text a file with "
        "a text a line. Default: some that come with packages."
    ),
]
AllowFew = Annotated[bool, typer.Option("--allow-few", help="Calibrate on fewer than 32 samples.")]
Cut = Annotated[
    bool, typer.Option("--cut", help="Cut texts that are longer than the network takes.")
]
Recipe = Annotated[
    str,
    typer.Option(
        help="w8a8-static, w8-dynamic, w8-weightonly, or a recipe's JSON. Default: what is "
        "right for the network and the target; w8a8-static for photos."
    ),
]
MaxDrop = Annotated[
    float | None,
    typer.Option(
        help="Points of top-1, mAP50 or mIoU (of closeness to float without labels, and of text) "
        "that int8 may lose; layers go back to float for it.",
        min=0.0,
        max=100.0,
    ),
]
GuardData = Annotated[
    Path | None,
    typer.Option(
        help="What --max-drop is measured on, as `edgekit eval --data` takes it. Default: some of "
        "--calib."
    ),
]
Keep = Annotated[
    bool, typer.Option("--keep", help="Publish the best try where --max-drop isn't met.")
]
Target = Annotated[
    str, typer.Option(help="Where the files will run: host, x86-vnni, arm64, sm89, ...")
]

Choice = TypeVar("Choice", bound=enum.StrEnum)


def several(text: str, kind: type[Choice], option: str) -> tuple[Choice, ...]:
    """Values of `kind` from words separated by commas, each once.

    Raises:
        UsageError: A word is none of them.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    known = [member.value for member in kind]
    for word in words:
        if word not in known:
            raise UsageError(f"{option} knows no {word!r}", hint=f"one of: {', '.join(known)}")
    return tuple(dict.fromkeys(kind(word) for word in words))


def refuse_for_text(
    *, classes: int | None, input_size: int | None, batch: int, neck: str, nms: bool
) -> None:
    """Refuse options that say nothing of a network which reads text.

    Raises:
        UsageError: One of them was given.
    """
    given = {
        "--classes": classes is not None,
        "--input-size": input_size is not None,
        "--batch": batch != 1,
        "--neck": bool(neck),
        "--nms": nms,
    }
    if named := [option for option, is_given in given.items() if is_given]:
        raise UsageError(
            f"{named[0]} means nothing to a network that reads text",
            hint="leave it out: batch and length of its input stay free; "
            "`edgekit bench --shape input_ids=1,128` gives them",
        )


def shapes(texts: Iterable[str]) -> dict[str, list[int]]:
    """Shapes by input name, from what `--shape` was given.

    Raises:
        UsageError: One of them is none.
    """
    return dict(map(_shape, texts))


def _shape(text: str) -> tuple[str, list[int]]:
    name, _, sizes = text.rpartition("=")
    try:
        shape = [int(size) for size in sizes.split(",")]
    except ValueError:
        shape = []
    if not name or not shape or min(shape) < 1:
        raise UsageError(f"--shape {text!r} is no shape", hint="write --shape NAME=1,3,224,224")
    return name, shape
