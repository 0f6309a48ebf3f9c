"""Refuses exported programs of torch that hold more than weights and known operators.

`torch.export.load` is no safe reader: it unpickles what doesn't load as plain tensors, evaluates
sizes as Python, resolves operators by any dotted name, and writes names into the source that it
compiles. So everything that it would take is looked at first, with torch's own archive reader,
and what isn't known to be harmless is refused.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

from edgekit.errors import DataError

# Compiled libraries, script objects and older layouts have other names.
RECORDS = re.compile(
    r"data/weights/(weight_\d+|\w+_weights_config\.json)"
    r"|data/constants/(tensor_\d+|\w+_constants_config\.json)"
    r"|data/(weights|constants|sample_inputs)/\w+\.pt"
    r"|models/\w+\.json"
    r"|archive_format|archive_version|byteorder|version|\.data/\w+"
)
TENSORS = re.compile(r"(weight|tensor)_\d+")
# Anything of `torch`, `math` and `operator` would be resolved, and from there any module.
OPERATORS = re.compile(
    r"torch\.ops\.aten\.(?!(save|load|from_file)\b)\w+\.\w+"
    r"|torch\.ops\.higher_order\.(wrap_with_set_grad_enabled|wrap_with_autocast|cond)"
    r"|_operator\.(getitem|add|sub|mul|truediv|floordiv|mod|pow|neg|eq|ne|lt|le|gt|ge|and_|or_)"
    r"|math\.(ceil|floor|trunc|sqrt|log|log2|exp|pow)"
    r"|torch\.sym_(int|float|not|max|min|sqrt|ite|sum)"
)
# Sizes, as sympy writes them: `Add(Symbol('s31', positive=True), Integer(1))`. No attribute, no
# function but the classes of sympy, which have capitals, and no string but a symbol or a number.
SIZES = re.compile(
    r"(?:[\d\s+\-*/(),<>=%&|~]|\d\.\d|'[a-z]{1,3}\d+'|'[-+\d.e]+'|\b[a-z]{1,3}\d+\b"
    r"|\b[A-Z][A-Za-z]*\b|\b(?:integer|real|positive|negative|nonnegative|precision)=)*"
)
PLAIN = re.compile(r"[^\"'\\\r\n]*")
NAME = re.compile(r"[\w.]*")
# JSON of torch's own trees, and notes on where an operator came from: neither becomes code.
NO_CODE = ("in_spec", "out_spec", "metadata")


def refuse_code(model: Path) -> None:
    """Look through the archive before anything in it is used.

    Raises:
        DataError: It holds, or may hold, code.
        RuntimeError: It is no archive of torch.
    """
    import torch

    with zipfile.ZipFile(model) as archive:
        if "version" in archive.namelist():  # torch would take the older layout then
            raise _refused(model, "its layout is one of torch 2.7 and before")
    reader = torch._C.PyTorchFileReader(str(model))  # noqa: SLF001 -- what torch itself reads with
    for name in reader.get_all_records():
        if not RECORDS.fullmatch(name):
            raise _refused(model, f"{name} is not part of a plain program")
        if name.endswith(".pt"):
            _refuse_pickle(model, name, reader.get_record(name))
        elif name.endswith("_config.json"):
            _refuse_payload(model, name, json.loads(reader.get_record(name)))
        elif name.startswith("models/"):
            _refuse_program(model, json.loads(reader.get_record(name)))


def _refuse_pickle(model: Path, name: str, content: bytes) -> None:
    import torch

    if not content:
        return
    try:
        torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        raise _refused(model, f"{name} holds more than tensors") from error


def _refuse_payload(model: Path, name: str, config: Any) -> None:
    for weight, facts in config["config"].items():
        if facts.get("use_pickle") or not TENSORS.fullmatch(str(facts["path_name"])):
            raise _refused(model, f"{name} says that {weight!r} is pickled")
        if not NAME.fullmatch(weight):
            raise _refused(model, f"{name} holds the name {weight!r}")


def _refuse_program(model: Path, program: Dict[str, Any]) -> None:
    rules = {"target": OPERATORS, "expr_str": SIZES, "name": NAME}
    for key, text in _strings(program, ""):
        if not rules.get(key, PLAIN).fullmatch(text):
            raise _refused(model, f"its program holds {key} {text[:80]!r}")


def _strings(value: Any, key: str) -> Iterator[Tuple[str, str]]:
    """Every text below `value` that torch may turn into code, with its key."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, key)
    elif isinstance(value, dict):
        for name, item in value.items():
            # Guards are source as well; the runtime drops them.
            if name not in NO_CODE and name != "guards_code":
                yield "key", name
                yield from _strings(item, name)


def _refused(model: Path, reason: str) -> DataError:
    return DataError(
        f"{model.name} holds code, or what may be code: {reason}; it was refused and not run",
        hint="export the network again with edgekit, or with torch.export.save, without custom "
        "objects",
    )
