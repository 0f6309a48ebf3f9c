"""A model that a family's library builds, traced by torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from edgekit import storage
from edgekit.models import FAMILIES, assemble, catalog, weights
from edgekit.records import Format, ModelRequest
from edgekit.workflows.calibrate import golden_arrays
from edgekit.workflows.photosource import PhotoSource
from edgekit.workflows.sources import Root


class FamilySource(PhotoSource):
    """Builds the model that a request names.

    Args:
        request: The request.
    """

    root = Format.TORCH
    tool = "torch"

    def __init__(self, request: ModelRequest) -> None:
        self._request = request
        self.seed = request.seed
        self.action = f"building {request.name}"

    @property
    def extra(self) -> str:
        """The extra that brings the family's library."""
        return FAMILIES.entry(catalog.resolve(self._request.name)[0]).extra

    def check(self) -> None:
        """Refuse an unknown model, or one that can't be had as asked."""
        catalog.check(self._request)

    def key(self) -> Mapping[str, object]:
        """The request, with its names resolved and the digest of its weights."""
        family, backbone = catalog.resolve(self._request.name)
        return {
            "family": family,
            "backbone": backbone,
            "weights": weights.weights_key(self._request),
            "head": self._request.head,
            "classes": self._request.classes,
            "input_size": self._request.input_size,
            "batch": self._request.batch,
            "seed": self._request.seed,
            "neck": self._request.neck,
            "nms": self._request.nms,
        }

    def build(self, workdir: Path) -> Root:
        """Build, fuse and trace the model."""
        source = assemble.load(self._request, workdir)
        storage.write_learnt(workdir, assemble.learnt(self._request.weights))
        images = self.golden().tensors(source.preprocess).stack()
        outputs = assemble.reference(workdir / source.files[0], images)
        return Root(
            spec=replace(source.spec, batch=self._request.batch),
            inputs=source.spec.inputs,
            preprocess=source.preprocess,
            labels=source.labels,
            files=dict.fromkeys(source.files, "model"),
            golden=golden_arrays(source.spec.inputs[0].name, images, outputs),
        )
