"""What an artifact says of photos, for people and for scripts."""

from __future__ import annotations

from typing import Any

import msgspec

from edgekit.records import LOCAL
from edgekit.records.predictions import Prediction, Predictions, Thing
from edgekit.reports import table
from edgekit.reports.numbers import NO_VALUE, counted


def as_json(found: Predictions) -> dict[str, Any]:
    """The documented object of `edgekit predict --json`."""
    values: dict[str, Any] = msgspec.to_builtins(found)
    return values


def render(found: Predictions) -> str:
    """A table of what was found, and by what."""
    rows = [row for photo in found.photos for row in _rows(photo)]
    where = "" if found.device == LOCAL else f" on {found.device}"
    kind = "share of the photo" if found.metric == "miou" else "score"
    columns = ("photo", "found", kind, "left, top, right, bottom")
    text = table.render(columns, rows, left=columns[1:2])
    notes = [f"{found.artifact} by {found.runtime}{where}"]
    if found.skipped:
        notes.append(f"{counted(len(found.skipped), 'file')} could not be read as an image")
    return "\n".join([text, *notes])


def _rows(photo: Prediction) -> list[tuple[str, ...]]:
    if not photo.things:
        return [(photo.file, "nothing", NO_VALUE, "")]
    names = [photo.file] + [""] * (len(photo.things) - 1)
    return [(name, *_cells(thing)) for name, thing in zip(names, photo.things, strict=True)]


def _cells(thing: Thing) -> tuple[str, str, str]:
    place = ", ".join(f"{edge:.0f}" for edge in thing.box or ())
    return thing.name, f"{thing.score:.3f}", place
