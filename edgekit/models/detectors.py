"""torchvision's own detectors for phones, whole: backbone, neck and head."""

from __future__ import annotations

import fnmatch
from typing import NoReturn

from torchvision import models

from edgekit.errors import UsageError
from edgekit.models import Hub, Net
from edgekit.models.catalog import DETECTORS
from edgekit.models.torchvision import default_weights
from edgekit.records import Preprocess


class DetectorsFamily:
    """The detectors that `catalog.DETECTORS` lists."""

    def names(self, pattern: str) -> list[str]:
        """Exact names that match a shell pattern, sorted."""
        return sorted(fnmatch.filter(DETECTORS, pattern))

    def build(
        self,
        backbone: str,
        *,
        classes: int | None,
        embed: bool,  # noqa: ARG002 -- it has no pooled features
        input_size: int | None,
    ) -> Net:
        """Build `backbone` with random weights; of its classes, the background isn't counted."""
        names = models.get_model_weights(backbone).DEFAULT.meta["categories"][1:]
        kinds = len(names) if classes is None else classes
        module = models.get_model(
            backbone, weights=None, weights_backbone=None, num_classes=kinds + 1
        )
        edges = (input_size or DETECTORS[backbone].input_size,) * 2
        transform = module.transform
        preprocess = Preprocess(
            edges,
            edges,
            "squash",
            "bilinear",
            tuple(map(float, transform.image_mean)),
            tuple(map(float, transform.image_std)),
        )
        return Net(module, preprocess, () if classes else tuple(names))

    def maps(self, backbone: str, *, input_size: int | None) -> NoReturn:  # noqa: ARG002
        """Refused: the maps are the detector's own."""
        raise UsageError(
            f"{backbone} is a whole detector: no other head goes on it",
            hint=f"leave --head out, or say --head {DETECTORS[backbone].head}",
        )

    def hub(self, backbone: str) -> Hub | None:
        """The default weights on torchvision's server."""
        return default_weights(backbone)


FAMILY = DetectorsFamily()
