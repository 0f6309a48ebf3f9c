"""Short names: what each stands for. Reads no framework, so that it answers at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgekit.errors import MissingDependency, UsageError
from edgekit.models import FAMILIES, HEADS
from edgekit.records import ModelRequest
from edgekit.registry import nearest

PRETRAINED, RANDOM = "pretrained", "random"


@dataclass(frozen=True, slots=True)
class Model:
    """A network that can be built.

    Attributes:
        name: Short name; the exact name where there is no short one.
        family: Name of the family.
        backbone: The family's exact name.
        parameters: Number of parameters as deployed: re-parameterized, norms folded.
        macs: Multiply-accumulate operations for one sample, as deployed.
        input_size: Height and width of the input, in pixels.
        weights: Where pretrained weights come from; empty if there are none.
    """

    name: str
    family: str
    backbone: str
    parameters: int
    macs: int
    input_size: int
    weights: str


# One current, edge-sized default each. Numbers are those of `edgekit.models.macs.measure`; a test
# measures them again.
MODELS: tuple[Model, ...] = (
    Model("efficientnet", "timm", "tf_efficientnet_lite0", 0, 0, 224, ""),
    Model("mobilenet", "timm", "mobilenetv4_conv_small.e2400_r224_in1k", 0, 0, 224, ""),
    Model("vit", "timm", "vit_tiny_patch16_224.augreg_in21k_ft_in1k", 0, 0, 224, ""),
    Model("resnet", "timm", "resnet18.a1_in1k", 0, 0, 224, ""),
    Model("mobilevit", "timm", "mobilevit_xxs.cvnets_in1k", 0, 0, 224, ""),
    Model("repvit", "timm", "repvit_m0_9.dist_450e_in1k", 0, 0, 224, ""),
    Model("fastvit", "timm", "fastvit_t8.apple_dist_in1k", 0, 0, 224, ""),
    Model("efficientvit", "timm", "efficientvit_b0.r224_in1k", 0, 0, 224, ""),
    Model("levit", "timm", "levit_128s.fb_dist_in1k", 0, 0, 224, ""),
    Model("ghostnet", "timm", "ghostnetv2_100.in1k", 0, 0, 224, ""),
    Model("edgenext", "timm", "edgenext_xx_small.in1k", 0, 0, 224, ""),
    Model("tinyvit", "timm", "tiny_vit_5m_224.dist_in22k_ft_in1k", 0, 0, 224, ""),
    Model("efficientformer", "timm", "efficientformerv2_s0.snap_dist_in1k", 0, 0, 224, ""),
    Model("toy", "toy", "toy", 0, 0, 32, ""),
)


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
    known = short_names() + [
        found for family in families for found in FAMILIES.get(family).names("*")
    ]
    raise UsageError(f"there is no model named {name!r}", hint=_near(backbone, known))


def _near(name: str, known: list[str]) -> str:
    hint = nearest(name, known)
    # Thousands of names are no hint: where none is near, the short ones have to do.
    return hint if hint.startswith("did you mean") else nearest(name, short_names())


def check(request: ModelRequest) -> None:
    """Refuse what can't be built whatever the model, before anything is imported.

    Raises:
        UsageError: A value of `request` is out of its range, or two contradict each other.
    """
    HEADS.entry(request.head)
    if request.head != "classify" and request.classes is not None:
        message = f"the head {request.head!r} has no classes, but {request.classes} were asked for"
        raise UsageError(message, hint="leave --classes out, or take --head classify")
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


def _check_weights(weights: str) -> None:
    if weights in {PRETRAINED, RANDOM} or Path(weights).is_file():
        return
    message = f"--weights {weights}: there is no such file"
    raise UsageError(message, hint="give pretrained, random, or the path of a checkpoint file")
