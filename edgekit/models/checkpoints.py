"""Reading checkpoint files, and putting their tensors into a network."""

from __future__ import annotations

import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import nn

from edgekit.errors import DataError
from edgekit.storage import unreadable

State = Mapping[str, torch.Tensor]

# Where training scripts keep the state dict; averaged weights first, as timm takes them.
WRAPPERS = ("state_dict_ema", "state_dict", "model")
# What torch.nn.DataParallel puts before every name.
PARALLEL = "module."
# A counter of training steps: nothing computes with it, and older files don't hold it.
COUNTER = "num_batches_tracked"
LISTED = 10
# How the files begin that torch writes.
ZIP = b"PK"
# What reading bytes that are no pickle ends in.
NOISE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    struct.error,
)


def read(path: Path) -> State:
    """The state dict in a checkpoint. No code that the file holds is ever run.

    Raises:
        DataError: It may not be read, is cut short, holds code, or holds no state dict.
    """
    try:
        with path.open("rb") as file:
            is_zip = file.read(len(ZIP)) == ZIP
    except OSError as error:
        raise unreadable(path, error) from error
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    if is_zip and not zipfile.is_zipfile(path):
        raise _broken(path, "its end is missing")
    try:
        with warnings.catch_warnings(action="ignore"):  # about pickles that are refused anyway
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _refused(path, str(error)) from error
    except (OSError, RuntimeError) as error:
        # What follows the first sentence advises to run the file's code.
        raise _broken(path, str(error).partition(". ")[0].splitlines()[0]) from error
    except NOISE as error:
        raise _broken(path, "it is none") from error
    return _state_dict(path, content)


def _read_safetensors(path: Path) -> State:
    try:
        state: State = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise _broken(path, str(error)) from error
    return state


def _refused(path: Path, reason: str) -> DataError:
    found = re.search(r"GLOBAL (\S+) (?:was not|whose module)", reason)
    what = f"it asks for {found.group(1)}" if found else "it is not only tensors, or damaged"
    message = f"{path} was refused, and no code in it was run: {what}"
    hint = "save the weights alone: safetensors.torch.save_file(model.state_dict(), FILE)"
    return DataError(message, hint=hint)


def _broken(path: Path, reason: str) -> DataError:
    message = f"{path} can't be read as a checkpoint: {reason}"
    hint = "it is cut short or of another kind: copy it again, or give a .safetensors or .pth file"
    return DataError(message, hint=hint)


def _state_dict(path: Path, content: object) -> State:
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
            break
    if not isinstance(content, Mapping) or not content:
        message = f"{path} holds no state dict"
        raise DataError(message, hint="save one: torch.save(model.state_dict(), FILE)")
    strange = [name for name, value in content.items() if not isinstance(value, torch.Tensor)]
    if strange:
        message = f"{path} holds more than tensors: {', '.join(map(str, strange[:LISTED]))}"
        raise DataError(message, hint="save one: torch.save(model.state_dict(), FILE)")
    return {str(name).removeprefix(PARALLEL): value for name, value in content.items()}


def shapes(state: State) -> dict[str, tuple[int, ...]]:
    """Shape of each tensor that is computed with, in elements."""
    return {
        name: tuple(value.shape) for name, value in state.items() if not name.endswith(COUNTER)
    }


def differences(state: State, expected: State) -> list[str]:
    """How `state` differs from `expected` in names and shapes, a line each."""
    have, want = shapes(state), shapes(expected)
    lines = [f"missing: {name} {list(want[name])}" for name in want if name not in have]
    lines += [f"unexpected: {name} {list(have[name])}" for name in have if name not in want]
    lines += [
        f"wrong shape: {name} is {list(have[name])}, should be {list(want[name])}"
        for name in want
        if name in have and have[name] != want[name]
    ]
    return lines


def listing(lines: list[str]) -> str:
    """The first lines, indented, and how many more there are."""
    more = [f"... and {len(lines) - LISTED} more"] if len(lines) > LISTED else []
    return "".join(f"\n  {line}" for line in lines[:LISTED] + more)


def put(state: State, module: nn.Module) -> list[str]:
    """Copy into `module` what it has a place for.

    Returns:
        Names of the module's own tensors that `state` has nothing for.
    """
    places = shapes(module.state_dict())
    fits = {name: value for name, value in state.items() if places.get(name) == tuple(value.shape)}
    module.load_state_dict(fits, strict=False)
    return [name for name in places if name not in fits]
