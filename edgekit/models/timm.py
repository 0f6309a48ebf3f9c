"""The networks of timm, PyTorch Image Models."""

from __future__ import annotations

import fnmatch
import functools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import timm.data
import torch
from torch import nn

from edgekit.errors import UsageError
from edgekit.models import Hub, Maps, Net, hub
from edgekit.models.features import chosen, pick
from edgekit.records import Preprocess

IMAGENET_CLASSES = 1000
# As timm looks for them: the file that can't hold code first.
HUB_FILES = ("model.safetensors", "pytorch_model.bin")


class TimmMaps(nn.Module):
    """A timm network for maps between its stages; what comes behind the last of them is left out.

    Args:
        net: The network.
        kept: Indices of its maps.
    """

    def __init__(self, net: Any, kept: list[int]) -> None:
        super().__init__()
        net.prune_intermediate_layers(kept, prune_norm=False, prune_head=True)
        self.net = net
        self._kept = kept

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """The maps, the finest first."""
        # The last norm of a ViT is part of what its weights were trained to give.
        maps: list[torch.Tensor] = self.net.forward_intermediates(
            image, indices=self._kept, norm=True, intermediates_only=True
        )
        return maps


class TimmFamily:
    """timm's networks, by timm's names, with or without the tag of their weights."""

    def names(self, pattern: str) -> list[str]:
        """Exact names that match a shell pattern, sorted."""
        return sorted(fnmatch.filter({*timm.list_models(), *timm.list_pretrained()}, pattern))

    def build(
        self, backbone: str, *, classes: int | None, embed: bool, input_size: int | None
    ) -> Net:
        """Build `backbone` with random weights."""
        options: dict[str, Any] = {}
        if embed or classes is not None:
            options["num_classes"] = 0 if embed else classes
        config = timm.get_pretrained_cfg(backbone)
        if input_size and config and config.fixed_input_size:
            options["img_size"] = input_size
        try:
            module = timm.create_model(backbone, pretrained=False, **options)
        except (AssertionError, TypeError, ValueError) as error:
            message = f"timm can't build {backbone} with {options or 'its defaults'}: {error}"
            raise UsageError(message, hint="leave --input-size and --classes out") from error
        labels = () if embed else _labels(module.num_classes)
        return Net(module, _preprocess(module, input_size), labels)

    def maps(self, backbone: str, *, input_size: int | None) -> Maps:
        """Build `backbone` with random weights, for the maps between its stages."""
        net = self.build(backbone, classes=None, embed=True, input_size=input_size)
        module = net.module
        if not hasattr(module, "forward_intermediates") or not hasattr(module, "feature_info"):
            raise UsageError(
                f"timm's {backbone} gives no maps for a neck and a head",
                hint="take it with --head classify or embed, or another model: edgekit models",
            )
        strides = [int(one["reduction"]) for one in module.feature_info]
        channels = [int(one["num_chs"]) for one in module.feature_info]
        kept = chosen(strides)
        return Maps(
            TimmMaps(module, kept), pick(strides, kept), pick(channels, kept), net.preprocess
        )

    def hub(self, backbone: str) -> Hub | None:
        """The weights that timm's own table names."""
        config = timm.get_pretrained_cfg(backbone)
        read = functools.partial(_read, backbone)
        if config is None:
            return None
        if config.hf_hub_id:
            names = (config.hf_hub_filename,) if config.hf_hub_filename else HUB_FILES
            where = config.hf_hub_id, names
            return Hub(
                config.hf_hub_id,
                functools.partial(hub.cached, *where),
                functools.partial(hub.fetch, *where),
                read,
            )
        if config.url:
            url = config.url
            return Hub(
                url,
                functools.partial(hub.cached_url, url),
                functools.partial(hub.fetch_url, url),
                read,
            )
        return None


def _read(backbone: str, file: Path) -> Mapping[str, Any]:
    """Let timm read the file: it renames and reshapes what older checkpoints hold."""
    module = timm.create_model(
        backbone, pretrained=True, pretrained_cfg_overlay={"file": str(file)}
    )
    state: Mapping[str, Any] = module.state_dict()
    return state


@functools.cache
def _labels(classes: int) -> tuple[str, ...]:
    if classes != IMAGENET_CLASSES:
        return ()
    info = timm.data.ImageNetInfo()
    return tuple(info.index_to_description(index) for index in range(classes))


def _preprocess(module: Any, input_size: int | None) -> Preprocess:
    asked = {"img_size": input_size} if input_size else {}
    return preprocess_of(timm.data.resolve_data_config(asked, model=module, use_test_size=False))


def preprocess_of(config: Mapping[str, Any]) -> Preprocess:
    """What timm's own evaluation transform does to a photo under a resolved data config."""
    _, height, width = config["input_size"]
    share = config["crop_pct"]
    return Preprocess(
        size=(height, width),
        resize=(math.floor(height / share), math.floor(width / share)),
        mode=config["crop_mode"],
        interpolation=config["interpolation"],
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
    )


FAMILY = TimmFamily()
