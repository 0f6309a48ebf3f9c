"""What `edgekit export` would be asked for one model of a suite."""

from __future__ import annotations

from pathlib import Path

import msgspec

from edgekit.errors import UsageError
from edgekit.models.catalog import own_head
from edgekit.models.text.catalog import folder_name, is_text, split
from edgekit.records import Format, ModelRequest, TextRequest
from edgekit.records.suite import SuiteModel
from edgekit.workflows.textmodels import check_formats

_WORDS = {"pretrained", "random"}  # of weights; all others are files
# A text is as long as it is, and ends in what its network gives.
_OF_PHOTOS = ("classes", "input_size", "batch", "neck", "nms")


def request(model: SuiteModel) -> ModelRequest | TextRequest:
    """The model as it is asked for.

    Raises:
        UsageError: Something is said of a text network that means nothing to it.
    """
    if not is_text(model.name):
        head = model.head or own_head(model.name)
        return ModelRequest(**{**msgspec.structs.asdict(model), "head": head})
    usual = SuiteModel(name=model.name)
    for field in _OF_PHOTOS:
        if getattr(model, field) != getattr(usual, field):
            raise UsageError(
                f"{field} of {title(model)} means nothing to a network that reads text",
                hint="leave it out: batch and length of its input stay free",
            )
    return TextRequest(model.name, model.head, model.weights, model.seed)


def title(model: SuiteModel) -> str:
    """What its files are called: where a checkpoint lies isn't part of it."""
    return folder_name(model.name, model.head) if is_text(model.name) else model.name


def can_be(model: SuiteModel, format: Format) -> bool:
    """Whether such a model is to be had in `format`."""
    try:
        check(model, format)
    except UsageError:
        return False
    return True


def check(model: SuiteModel, format: Format) -> None:
    """Refuse a format that such a model can't be had in, whatever the precision.

    Raises:
        UsageError: With those that it can.
    """
    if is_text(model.name):
        check_formats((format,))


def placed(model: SuiteModel, folder: Path) -> SuiteModel:
    """`model` with the paths in it, which are relative to `folder`, as they are from anywhere."""
    weights = model.weights
    own = weights if weights in _WORDS else str(folder / weights)
    name = model.name
    if is_text(name):
        family, checkpoint = split(name)
        if checkpoint and (folder / checkpoint).is_dir():
            name = f"{family}:{folder / checkpoint}"
    return msgspec.structs.replace(model, name=name, weights=own)
