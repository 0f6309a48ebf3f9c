"""Pictures of what was found: where each goes, and writing them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli import output
from edgekit.errors import UsageError

if TYPE_CHECKING:
    from edgekit.workflows.predict import Seen


def targets(photos: Sequence[Path], out: Path) -> dict[Path, Path]:
    """Where the picture of each photo goes: into `out`, by the photo's name.

    Raises:
        UsageError: Two of them would be one file, or one of them is a photo.
        DataError: Nothing can be written there.
    """
    from edgekit import publishing

    found: dict[Path, Path] = {}
    owners: dict[Path, Path] = {}
    for photo in photos:
        target = out / (photo.name if photo.suffix == ".png" else f"{photo.name}.png")
        if (other := owners.setdefault(target, photo)) != photo:
            raise UsageError(
                f"{other} and {photo} would both be drawn to {target}",
                hint="look at one folder at a time, with an --out for each",
            )
        found[photo] = target
    if taken := {path.resolve() for path in photos} & {path.resolve() for path in owners}:
        raise UsageError(
            f"--out would overwrite the photo {min(taken)}", hint="name another folder with --out"
        )
    with publishing.disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    publishing.probe(out, "--out")
    return found


def write(where: Mapping[Path, Path], seen: Sequence[Seen]) -> None:
    """Draw each photo that has a place to go to.

    Raises:
        DataError: The disk is full or read-only.
    """
    from edgekit import publishing
    from edgekit.datasets import images
    from edgekit.reports import pictures

    for one in seen:
        if target := where.get(one.path):
            drawn = pictures.draw(images.read(one.path), one.prediction.things, one.mask)
            buffer = io.BytesIO()
            drawn.save(buffer, "PNG")
            publishing.write_file(target, buffer.getvalue(), "--out")
            output.say(f"wrote {target}")
