"""What a sweep is to do, as it stands in a TOML file. A key that means nothing is refused."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edgekit.records.artifact import Format, Precision

# Longer ones are mistakes, and would be names of folders.
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Positive = Annotated[int, Meta(ge=1, le=2**20)]


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class SuiteModel(_Strict, frozen=True, kw_only=True):
    """One of `[[models]]`: what `edgekit export` would be told.

    Attributes:
        name: A short name, an exact timm or torchvision name, or a text network's.
        weights: `pretrained`, `random`, or a checkpoint's path.
        head: Name of the head; empty for the model's own.
        neck: Name of the neck, or `none`; empty for the head's usual one.
        nms: Whether decode and suppression of duplicates stand in the file.
        classes: Number of classes; None for the weights'.
        input_size: Height and width in pixels; None for the model's own.
        batch: Batch size where a format fixes it.
        seed: Seed of random weights and of chosen photos.
    """

    name: Name
    weights: Name = "pretrained"
    head: str = ""
    neck: str = ""
    nms: bool = False
    classes: Positive | None = None
    input_size: Positive | None = None
    batch: Positive = 1
    seed: Annotated[int, Meta(ge=0, le=2**31)] = 0


class SuiteTarget(_Strict, frozen=True, kw_only=True):
    """One of `[[targets]]`: what files are made for, and where those are measured.

    Attributes:
        name: Name of a target, as in `edgekit export --target`.
        devices: Devices to measure its files on; none where they are only made.
    """

    name: Name = "host"
    devices: tuple[Name, ...] = ()


class SuiteInt8(_Strict, frozen=True, kw_only=True):
    """`[int8]`: how int8 files are made and guarded, as in `edgekit export`.

    Attributes:
        calib: Folder of photos to calibrate on; None for those that come with packages.
        texts: File with a text a line, for networks that read text; None for edgekit's own.
        cut: Whether texts are cut that are longer than the network takes.
        allow_few: Whether fewer photos than ranges need are taken all the same.
        recipe: A scheme's name, a recipe's file, or empty for the target's own.
        max_drop: Points of the head's metric or of agreement that may be lost; None for no guard.
        data: Images that the drop is measured on; None for some of `calib`.
        keep: Whether the best try is published where the budget can't be met.
    """

    calib: Name | None = None
    texts: Name | None = None
    cut: bool = False
    allow_few: bool = False
    recipe: str = ""
    max_drop: Annotated[float, Meta(ge=0, le=100)] | None = None
    data: Name | None = None
    keep: bool = False


class SuiteEvaluate(_Strict, frozen=True, kw_only=True):
    """`[evaluate]`: accuracy of each file, by its format's own runtime on the host.

    Attributes:
        data: What `edgekit eval --data` takes: class folders, boxes, masks.
        pairs: Pairs of texts, for networks that read text; None where `data` is that.
        threads: Threads of the runtime; None for the usable cores.
    """

    data: Name
    pairs: Name | None = None
    threads: Positive | None = None


class SuiteBench(_Strict, frozen=True, kw_only=True):
    """`[bench]`: how files are measured on their target's devices.

    Attributes:
        profile: How long.
        runtimes: Names of runtimes; none for each format's first.
        threads: Threads of the runtime; None for the usable cores.
        timeout_s: Seconds that one process may take; None for what the profile needs.
    """

    profile: Literal["quick", "default", "rigorous"] = "default"
    runtimes: tuple[Name, ...] = ()
    threads: Positive | None = None
    timeout_s: Annotated[float, Meta(gt=0, le=86400)] | None = None


class Suite(_Strict, frozen=True, kw_only=True):
    """The whole file: every model in every format and precision for every target.

    Attributes:
        models: The models.
        formats: Formats of each.
        precisions: Precisions of each.
        targets: What files are made for.
        int8: How int8 files are made.
        evaluate: What accuracy is measured on; None for no accuracy.
        bench: How files are measured.
    """

    models: Annotated[tuple[SuiteModel, ...], Meta(min_length=1, max_length=1000)]
    formats: Annotated[tuple[Format, ...], Meta(min_length=1, max_length=100)]
    precisions: Annotated[tuple[Precision, ...], Meta(min_length=1, max_length=100)]
    targets: Annotated[tuple[SuiteTarget, ...], Meta(min_length=1, max_length=100)] = (
        SuiteTarget(),
    )
    int8: SuiteInt8 = SuiteInt8()
    evaluate: SuiteEvaluate | None = None
    bench: SuiteBench = SuiteBench()
