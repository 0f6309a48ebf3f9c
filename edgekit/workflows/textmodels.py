"""A network that reads text, built by a library and traced by torch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.datasets.tokens import Encoder, filled
from edgekit.errors import UsageError
from edgekit.models import TEXT_FAMILIES
from edgekit.models.text import assemble, catalog, places
from edgekit.quantization.schemes import usual_scheme
from edgekit.records import Format, Target, TextRequest
from edgekit.workflows.int8 import Int8Plan
from edgekit.workflows.sources import Arrays, Root
from edgekit.workflows.textsets import (
    TextSet,
    calibration_set,
    check_apart,
    golden_set,
    golden_tokens,
    held_out_set,
)

# LiteRT has no free axes, and a TensorRT engine is built for lengths that nobody has said yet.
FORMATS = (Format.TORCH, Format.ONNX, Format.OPENVINO)


class TextSource:
    """Builds the text network that a request names.

    Args:
        request: The request.
    """

    root = Format.TORCH
    tool = "torch"
    extra = "text"

    def __init__(self, request: TextRequest) -> None:
        self._request = request
        self.seed = request.seed
        self.action = f"building {request.name}"

    @cached_property
    def _checkpoint(self) -> places.Checkpoint:
        return places.find(self._request)

    def check(self) -> None:
        """Refuse an unknown network, or one that can't end in what is asked for."""
        catalog.check(self._request)
        TEXT_FAMILIES.get(catalog.split(self._request.name)[0])

    def key(self) -> Mapping[str, object]:
        """What is asked for, with digests of the checkpoint's files; its path doesn't count."""
        request = self._request
        return {
            "family": catalog.split(request.name)[0],
            "head": catalog.head_of(request),
            "weights": request.weights,
            "seed": request.seed,
            "source": self._checkpoint.source,
            "files": self._checkpoint.digests(),
        }

    def scheme(self, target: Target, format: Format) -> str:
        """Ranges at each inference, or 8-bit weights alone, as the format is faster with."""
        return usual_scheme(target, format, text=True)

    def golden(self) -> TextSet:
        """Texts that come with edgekit."""
        return golden_set()

    def calibration(self, plan: Int8Plan) -> TextSet:
        """The texts of the file that the plan names, or those that come with edgekit."""
        found = calibration_set(
            plan.calib,
            self.seed,
            allow_few=plan.allow_few,
            cut=plan.cut,
            hold_out=plan.holds_out,
        )
        if plan.data is not None:
            check_apart(found, plan.data)
        return found

    def held_out(self, plan: Int8Plan) -> TextSet:
        """Texts of the same file that aren't calibrated on, or the golden ones."""
        return held_out_set(plan.calib, cut=plan.cut)

    def build(self, workdir: Path) -> Root:
        """Build and trace the network, and run it on the golden sample's texts."""
        model = assemble.load(self._request, workdir)
        encoder = Encoder(workdir / assemble.TOKENIZER, model.tokens, cut=True)
        length = golden_tokens(model.tokens)
        rows = [row[:length] for row in encoder.rows(self.golden().texts)]
        inputs: Arrays = dict(
            zip(("input_ids", "attention_mask"), filled(rows, length), strict=True)
        )
        trace = workdir / assemble.TRACE
        if model.spec.head == catalog.CACHED:
            inputs = _cached(trace, model, inputs)
        outputs = assemble.reference(trace, inputs)
        return Root(
            spec=model.spec,
            inputs=model.spec.inputs,
            preprocess=None,
            labels=(),
            files={assemble.TRACE: "model"},
            golden=_stored(inputs, outputs),
            tokens=model.tokens,
        )


def _cached(trace: Path, model: assemble.TextModel, inputs: Arrays) -> Arrays:
    """The last token of each text, with keys and values of those before it.

    They are the network's own: from a first pass, whose cache holds one token that is hidden.
    Texts that are shorter are filled up in front, where what follows is at its usual place.
    """
    ids, mask = (_at_the_end(inputs[name], inputs["attention_mask"]) for name in inputs)
    count = len(ids)
    sizes = [(spec.shape[1] or 1, spec.shape[3] or 1) for spec in model.spec.inputs[2:]]
    empty = [np.zeros((count, heads, 1, size), np.float32) for heads, size in sizes]
    names = [spec.name for spec in model.spec.inputs]
    hidden = np.zeros((count, 1), np.int64)
    seen = np.concatenate([hidden, mask[:, :-1]], axis=1)
    first = dict(zip(names, [ids[:, :-1], seen, *empty], strict=True))
    kept = assemble.reference(trace, first)[1:]
    last = np.concatenate([hidden, mask], axis=1)
    return dict(zip(names, [ids[:, -1:], last, *kept], strict=True))


def _at_the_end(array: Any, mask: Any) -> Any:
    """Rows with what the mask shows at their end."""
    lengths = mask.sum(1)
    pairs = zip(array, array.shape[1] - lengths, strict=True)
    return np.stack([np.roll(row, shift) for row, shift in pairs])


def _stored(inputs: Arrays, outputs: list[Any]) -> Arrays:
    named = {f"input:{name}": array for name, array in inputs.items()}
    return {**named, **{f"output:{index}": array for index, array in enumerate(outputs)}}


def check_formats(formats: tuple[Format, ...]) -> None:
    """Refuse formats that a text network can't be had in.

    Raises:
        UsageError: With those that it can.
    """
    if strange := [format for format in formats if format not in FORMATS]:
        raise UsageError(
            f"a text network can't be exported to {', '.join(strange)}: the length of its input "
            "is free, and such a file fixes it",
            hint=f"it can be had as: {', '.join(FORMATS)}",
        )
