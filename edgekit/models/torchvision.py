"""The image classifiers of torchvision."""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import nn
from torchvision import models

from edgekit.errors import UsageError
from edgekit.models import Hub, Net, hub
from edgekit.records import Preprocess

# Their weights expect to be normalized inside, which torchvision asks for only when it loads them
# itself. Their second classifiers are for training, and their default initialization warns.
INCEPTIONS = {"googlenet", "inception_v3"}


class TorchvisionFamily:
    """torchvision's classifiers, with the weights that torchvision calls the default."""

    def names(self, pattern: str) -> list[str]:
        """Exact names that match a shell pattern, sorted."""
        return sorted(fnmatch.filter(models.list_models(module=models), pattern))

    def build(
        self, backbone: str, *, classes: int | None, embed: bool, input_size: int | None
    ) -> Net:
        """Build `backbone` with random weights."""
        weights = models.get_model_weights(backbone).DEFAULT
        preprocess = _preprocess(weights.transforms(), input_size)
        options = _options(backbone, preprocess.size)
        if classes and not embed:
            options["num_classes"] = classes
        try:
            module = models.get_model(backbone, weights=None, **options)
        except (AssertionError, ValueError) as error:
            message = f"torchvision can't build {backbone} with {options}: {error}"
            raise UsageError(message, hint="leave --input-size and --classes out") from error
        if embed:
            _drop_classifier(module)
        labels = () if classes or embed else tuple(weights.meta["categories"])
        return Net(module, preprocess, labels)

    def maps(self, backbone: str, *, input_size: int | None) -> NoReturn:  # noqa: ARG002
        """Refused: torchvision's classifiers don't say where their maps are, timm's do."""
        raise UsageError(
            f"torchvision's {backbone} gives no maps for a neck and a head",
            hint="take it with --head classify or embed, or one of timm's: edgekit models",
        )

    def hub(self, backbone: str) -> Hub | None:
        """The default weights on torchvision's server."""
        return default_weights(backbone)


def default_weights(backbone: str) -> Hub:
    """What torchvision calls the default weights of one of its networks, on its server."""
    url = models.get_model_weights(backbone).DEFAULT.url
    return Hub(
        url,
        functools.partial(hub.cached_url, url),
        functools.partial(hub.fetch_url, url),
        _read,
    )


def _options(backbone: str, size: tuple[int, int]) -> dict[str, Any]:
    """What the weights need the network to be built with."""
    if backbone in INCEPTIONS:
        return {"transform_input": True, "aux_logits": False, "init_weights": False}
    if backbone.startswith("vit_"):
        return {"image_size": size[0]}
    return {"input_size": size} if backbone.startswith("maxvit_") else {}


def _read(file: Path) -> Mapping[str, Any]:
    state: Mapping[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    return state


def _drop_classifier(module: nn.Module) -> None:
    """Put nothing in the place of the last layer: the last linear one, or convolution."""
    top, last = list(module.named_children())[-1]
    layers = [
        f"{top}.{name}".rstrip(".")
        for name, layer in last.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
    ]
    module.set_submodule(layers[-1], nn.Identity())


def _preprocess(transform: Any, input_size: int | None) -> Preprocess:
    """What the weights' own transform does; another size keeps the share that is cropped."""
    own, resize = transform.crop_size[0], transform.resize_size[0]
    size = input_size or own
    edge = round(resize * size / own)
    return Preprocess(
        size=(size, size),
        resize=(edge, edge),
        mode="center",
        interpolation=transform.interpolation.value,
        mean=tuple(transform.mean),
        std=tuple(transform.std),
    )


FAMILY = TorchvisionFamily()
