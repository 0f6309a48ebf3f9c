"""What a user may say about int8: recipe, calibration, and the budget that guards it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgekit.errors import DataError, UsageError
from edgekit.quantization.schemes import SCHEMES
from edgekit.records import Recipe
from edgekit.registry import nearest
from edgekit.storage import file_sha256
from edgekit.workflows.calibrate import PhotoSet, calibration_set, check_apart, measured_set


@dataclass(frozen=True, slots=True)
class Int8Plan:
    """How int8 files are made and guarded.

    Attributes:
        calib: What to calibrate on: a folder of photos, the root of a data set, or a file with a
            text a line; None for those that come with packages.
        allow_few: Whether fewer samples than ranges need are taken all the same.
        scheme: How 8 bits are used; empty for what is usual for the network and the target.
        recipe: A whole recipe, in place of the one that would be chosen.
        max_drop: Points of the head's own metric (labelled data) or of agreement with the float
            model (no labels) that may be lost; None for no guard.
        data: What the drop is measured on; None for samples that are not calibrated on.
        keep: Whether the best try is published where the budget can't be met.
        cut: Whether texts to calibrate on are cut where they are longer than the network takes.
    """

    calib: Path | None = None
    allow_few: bool = False
    scheme: str = ""
    recipe: Recipe | None = None
    max_drop: float | None = None
    data: Path | None = None
    keep: bool = False
    cut: bool = False

    def __post_init__(self) -> None:
        """Refuse what has no meaning without the guard."""
        if self.max_drop is None and (self.data is not None or self.keep):
            word = "--keep" if self.keep else "--data"
            raise UsageError(
                f"{word} belongs to --max-drop, which isn't given",
                hint="add --max-drop 1.0, or leave it out",
            )

    def calibration(self, seed: int) -> PhotoSet:
        """The photos to calibrate on, none of which the drop is measured on.

        Raises:
            DataError: They can't be read, are too few, all alike, or overlap `data`.
        """
        found = calibration_set(
            self.calib, seed, allow_few=self.allow_few, hold_out=self.holds_out
        )
        if self.data is not None:
            check_apart(found, measured_set(self.data))
        return found

    @property
    def holds_out(self) -> bool:
        """Whether the drop is measured on a part of the photos that were given to calibrate on."""
        return self.max_drop is not None and self.data is None

    @property
    def guard_key(self) -> object:
        """What of the guard decides the file; None without one."""
        if self.max_drop is None:
            return None
        data = _files(self.data) if self.data else None
        return {"max_drop": self.max_drop, "data": data, "keep": self.keep}


def _files(root: Path) -> dict[str, str]:
    """Digest of each file of a data set by its path: what is right may stand in any of them."""
    paths = sorted(path for path in root.rglob("*") if path.is_file()) or [root]
    return {str(path.relative_to(root)): file_sha256(path) for path in paths if path.is_file()}


def read_recipe(word: str) -> tuple[str, Recipe | None]:
    """Scheme and recipe that `--recipe` names.

    Args:
        word: A scheme's name, a JSON file with a recipe, or an artifact's folder.

    Raises:
        UsageError: It is neither.
        DataError: The file holds no recipe.
    """
    if not word:
        return "", None
    if word in SCHEMES:
        return word, None
    path = Path(word)
    path = path / "artifact.json" if path.is_dir() else path
    if not path.is_file():
        hint = f"{nearest(word, list(SCHEMES))}; or a file that `edgekit export` wrote"
        raise UsageError(f"there is no recipe {word!r}", hint=hint)
    try:
        stored = msgspec.json.decode(path.read_bytes(), type=dict[str, object])
        inner = stored.get("recipe", stored)
        found = msgspec.convert(inner, type=Recipe, strict=True)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        hint = 'take the "recipe" of an int8 artifact.json, change it and give it again'
        raise DataError(f"{path} holds no recipe: {error}", hint=hint) from error
    return found.scheme, found
