"""How a photo becomes a foreign file's input: what `--preprocess` says, or what the file does."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import msgspec

from edgekit.errors import DataError, EdgekitError, UsageError
from edgekit.records import Preprocess
from edgekit.registry import nearest
from edgekit.storage import RECORD, unreadable

# Mean and standard deviation that the short words stand for.
_SHORT = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "unit": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "signed": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}
# The part of a photo's shorter edge that is seen: 224 of 256 pixels, as in torchvision.
_SEEN = 224 / 256
_EXAMPLE = (
    '{"size": [224, 224], "resize": [256, 256], "mode": "center", "interpolation": "bilinear", '
    '"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}'
)
_HINT = (
    f"add --preprocess imagenet (ImageNet's mean and std), unit (0 to 1), signed (-1 to 1), an "
    f"artifact's folder, or JSON (a file or the text): {_EXAMPLE}"
)

Size = tuple[int | None, int | None]


def find(word: str, model: Path, written: str, size: Size) -> Preprocess:
    """The preprocessing of the file `model`.

    Args:
        word: What the user says: a short word, JSON, a file of it, or an artifact's folder;
            empty for what the file says, or an `artifact.json` beside it.
        model: The file.
        written: JSON that stands in the file itself; empty if none does.
        size: Height and width of the file's input; None for a free axis.

    Raises:
        UsageError: It can't be known, or isn't for that size.
        DataError: A file of it holds none.
    """
    beside = model.parent / RECORD
    if word:
        found = _said(word, size)
    elif written:
        found = _decoded(written, f"the metadata of {model.name}", DataError)
    elif beside.is_file():
        found = _read(beside)
    else:
        raise UsageError(f"nothing says how a photo becomes the input of {model}", hint=_HINT)
    if any(axis not in {None, own} for axis, own in zip(size, found.size, strict=True)):
        raise UsageError(
            f"{model.name} takes {_words(size)} pixels; its preprocessing gives "
            f"{_words(found.size)}",
            hint=f'give --preprocess with "size": [{size[0]}, {size[1]}], or leave it at a short '
            "word, which takes the file's",
        )
    return found


def _said(word: str, size: Size) -> Preprocess:
    if word in _SHORT:
        return _short(word, size)
    if word.lstrip().startswith("{"):
        return _decoded(word, "--preprocess", UsageError)
    path = Path(word)
    path = path / RECORD if path.is_dir() else path
    if not path.is_file():
        close = nearest(word, list(_SHORT))
        raise UsageError(f"there is no preprocessing {word!r}", hint=f"{close}; {_HINT}")
    return _read(path)


def _short(word: str, size: Size) -> Preprocess:
    height, width = size
    if height is None or width is None:
        raise UsageError(
            f"--preprocess {word} takes its size from the file, and the file leaves it free",
            hint=f"give it whole: --preprocess '{_EXAMPLE}'",
        )
    mean, std = _SHORT[word]
    resize = (round(height / _SEEN), round(width / _SEEN))
    return Preprocess((height, width), resize, "center", "bilinear", mean, std)


def _read(path: Path) -> Preprocess:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise unreadable(path, error) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not JSON: {error}", hint=_HINT) from error
    return _decoded(text, str(path), DataError)


def _decoded(text: str, where: str, kind: type[EdgekitError]) -> Preprocess:
    """The preprocessing in JSON `text`: one by itself, or that of an artifact's record."""
    try:
        stored = msgspec.json.decode(text, type=dict[str, object])
        inner = stored.get("preprocess", stored)
        found = msgspec.convert(inner, type=Preprocess)
    except msgspec.MsgspecError as error:
        raise kind(f"{where} holds no preprocessing: {error}", hint=_HINT) from error
    known = {field.name for field in fields(Preprocess)}
    strangers = sorted(set(inner) - known) if isinstance(inner, dict) else []
    if strangers or not found.is_known:
        what = f"there is no {strangers[0]!r}" if strangers else "edgekit can't carry it out"
        raise kind(f"{where} holds another preprocessing than edgekit's: {what}", hint=_HINT)
    return found


def _words(size: Size) -> str:
    return " x ".join("?" if axis is None else str(axis) for axis in size)
