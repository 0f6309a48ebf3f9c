"""Weights that `edgekit train` wrote: what they are of stands in their file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import safetensors
import safetensors.torch

from edgekit.errors import DataError, UsageError
from edgekit.models import HEADS
from edgekit.models.catalog import PRETRAINED, RANDOM
from edgekit.records import ModelRequest, Origin

_KEY = "edgekit"
SUFFIX = ".safetensors"


@dataclass(frozen=True, slots=True)
class Trained:
    """What the weights are of.

    Attributes:
        family: Name of the family.
        backbone: The family's exact name.
        head: Name of the head.
        names: Names of the classes in order.
        input_size: Height and width that they were trained at, in pixels.
        origin: How they came to be.
        neck: Name of its neck; empty for the head's usual one.
        folded: Whether they are of the network as it is deployed: norms folded, branches merged.
        learnt: `storage.mark` of each image that they learnt from, in whatever training.
    """

    family: str
    backbone: str
    head: str
    names: tuple[str, ...]
    input_size: int
    origin: Origin
    neck: str = ""
    folded: bool = False
    learnt: tuple[str, ...] = ()


def write(path: Path, state: dict[str, Any], known: Trained) -> None:
    """Write a state dict and what it is of, as a file that can't hold code."""
    # One entry: safetensors writes several in an order of chance.
    metadata = {_KEY: msgspec.json.encode(known).decode()}
    # Tensors that share memory can't be stored so.
    whole = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    path.write_bytes(safetensors.torch.save(whole, metadata=metadata))


def describe(path: Path) -> Trained | None:
    """What the file says of itself; None if `edgekit train` didn't write it.

    Raises:
        DataError: It is cut short, or what it says can't be read.
    """
    if path.suffix != SUFFIX:
        return None
    hint = "copy it again, or train again"
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(_KEY)
        return msgspec.json.decode(text, type=Trained) if text else None
    except (safetensors.SafetensorError, OSError) as error:
        raise DataError(f"{path} can't be read as a checkpoint: {error}", hint=hint) from error
    except msgspec.MsgspecError as error:
        raise DataError(f"{path} doesn't say what it is of: {error}", hint=hint) from error


def learnt(weights: str) -> tuple[str, ...]:
    """What weights have learnt from, as in `Trained`, as far as their file says.

    Args:
        weights: As in `ModelRequest`.

    Raises:
        DataError: The file can't be read.
    """
    known = None if weights in {PRETRAINED, RANDOM} else describe(Path(weights))
    return known.learnt if known else ()


def completed(
    request: ModelRequest, family: str, backbone: str
) -> tuple[ModelRequest, Trained | None]:
    """The request with what its weights say of themselves.

    Raises:
        UsageError: They are of another model, or the request contradicts them.
        DataError: They can't be read.
    """
    path = Path(request.weights)
    known = None if request.weights in {PRETRAINED, RANDOM} else describe(path)
    if known is None:
        return request, None
    neck = known.neck or next(iter(HEADS.get(known.head).necks), "")
    checks = (
        ("", (family, backbone), (known.family, known.backbone)),
        ("--head", request.head, known.head),
        ("--neck", request.neck or neck, neck),
        ("--classes", request.classes or len(known.names), len(known.names)),
        ("--input-size", request.input_size or known.input_size, known.input_size),
    )
    for option, asked, have in checks:
        if asked != have:
            of, want = (_words(each) for each in (have, asked))
            message = f"{path} was trained as {option} {of}, not {want}".replace("  ", " ")
            hint = f"give {option} {of}" if option else f"give the model {of}"
            raise UsageError(message, hint=f"{hint}, or other --weights")
    done = replace(request, classes=len(known.names), input_size=known.input_size, neck=known.neck)
    return done, known


def _words(value: object) -> str:
    return ":".join(value) if isinstance(value, tuple) else str(value)
