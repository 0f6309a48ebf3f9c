"""The image classifiers of torchvision."""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision import models

from edgekit.errors import UsageError
from edgekit.models import Hub, Net, hub
from edgekit.records import Preprocess

# Both warn that their default initialization will change; this is the one that they change to.
OLD_INITIALIZATION = {"googlenet", "inception_v3"}
TAKES_IMAGE_SIZE = "vit_"


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
        options: dict[str, Any] = {"num_classes": classes} if classes and not embed else {}
        if backbone in OLD_INITIALIZATION:
            options["init_weights"] = False
        if input_size and backbone.startswith(TAKES_IMAGE_SIZE):
            options["image_size"] = input_size
        try:
            module = models.get_model(backbone, weights=None, **options)
        except (RuntimeError, ValueError) as error:
            message = f"torchvision can't build {backbone} with {options}: {error}"
            raise UsageError(message, hint="leave --input-size and --classes out") from error
        if embed:
            _drop_classifier(module)
        labels = () if classes or embed else tuple(weights.meta["categories"])
        return Net(module, _preprocess(weights.transforms(), input_size), labels)

    def hub(self, backbone: str) -> Hub | None:
        """The default weights on torchvision's server."""
        url = models.get_model_weights(backbone).DEFAULT.url
        return Hub(
            url,
            functools.partial(hub.cached_url, url),
            functools.partial(hub.fetch_url, url),
            _read,
        )


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
