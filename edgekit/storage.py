"""Artifacts on disk: sealed with digests, verified when read."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from edgekit.errors import DataError, UsageError
from edgekit.records import SCHEMA_VERSION, Artifact, ArtifactFile, Format, Subject, digest

RECORD = "artifact.json"
LEARNT = "learnt.txt"
# What a foreign file of each suffix is. A traced torch program is not among them: its loader can
# run code that the file holds.
FOREIGN = {
    ".onnx": Format.ONNX,
    ".tflite": Format.LITERT,
    ".xml": Format.OPENVINO,
    ".engine": Format.TENSORRT,
}
_MAX_RECORD_BYTES = 16 * 2**20
# Of a digest: two of a million images have the same by a chance of one in ten million.
_MARK_DIGITS = 16
_EXPORT_AGAIN = "export the model again, or name a folder that `edgekit export` wrote"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hex.

    Raises:
        DataError: It can't be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error


def mark(sha256: str) -> str:
    """The first digits of a digest, by which one image of many is known again."""
    return sha256[:_MARK_DIGITS]


def write_learnt(folder: Path, marks: Iterable[str]) -> None:
    """Write down in an artifact's folder what its weights learnt from; nothing if from nothing."""
    lines = "".join(f"{each}\n" for each in marks)
    if lines:
        (folder / LEARNT).write_text(lines, encoding="ascii")


def learnt(artifact: Artifact) -> frozenset[str]:
    """Marks of the images that an artifact's weights learnt from, as far as that is known."""
    path = artifact.file("learnt")
    return frozenset(path.read_text(encoding="ascii").split()) if path else frozenset()


def unreadable(path: Path, error: OSError) -> DataError:
    """The error of a file or folder that the system doesn't let us read."""
    return DataError(
        f"{path} can't be read: {error.strerror or error}", hint="check that it's there and yours"
    )


def describe(folder: Path, name: str, role: str) -> ArtifactFile:
    """The entry of the file `name` of `folder`."""
    path = folder / name
    return ArtifactFile(name, role, file_sha256(path), path.stat().st_size)


def model_sha256(files: Sequence[ArtifactFile]) -> str:
    """Digest of the files with the role `model`, as `Artifact.sha256` defines it."""
    models = [entry for entry in files if entry.role == "model"]
    if len(models) == 1:
        return models[0].sha256
    lines = "".join(f"{entry.sha256}  {entry.name}\n" for entry in models)
    return hashlib.sha256(lines.encode()).hexdigest()


def model_size_bytes(files: Sequence[ArtifactFile]) -> int:
    """Size of the files with the role `model`."""
    return sum(entry.size_bytes for entry in files if entry.role == "model")


def write_record(artifact: Artifact) -> None:
    """Write `artifact.json` into the artifact's folder."""
    record = msgspec.to_builtins(artifact, enc_hook=str)
    del record["path"]
    sealed = {"schema_version": SCHEMA_VERSION, **record, "record_sha256": digest(record)}
    (artifact.path / RECORD).write_text(json.dumps(sealed, indent=2) + "\n", encoding="utf-8")


def is_artifact(path: Path) -> bool:
    """Whether `path` is the folder of an artifact, whole or not."""
    return (path / RECORD).is_file()


def load(path: Path) -> Artifact:
    """The artifact in the folder `path`, with every digest checked.

    Raises:
        DataError: The record or a file is missing, broken, changed, or points outside.
    """
    artifact = _read_record(path)
    if fault := _fault(artifact):
        raise DataError(f"{path / RECORD}: {fault}", hint=_EXPORT_AGAIN)
    for entry in artifact.files:
        _check_file(path, entry)
    if model_sha256(artifact.files) != artifact.sha256:
        raise _changed(path, "the digest of the model is not that of its files")
    return artifact


def _fault(artifact: Artifact) -> str:
    """What is wrong with a record that reads well; empty if nothing is."""
    names = [entry.name for entry in artifact.files]
    contract, calibration = artifact.preprocess or artifact.tokens, artifact.calibration
    checks = {
        "it names no files": not names,
        "it names a file twice": len(set(names)) != len(names),
        "its first file is no model": not names or artifact.files[0].role != "model",
        "its size is not that of its model": model_size_bytes(artifact.files)
        != artifact.size_bytes,
        "it has no inputs": not artifact.inputs or not artifact.spec.inputs,
        "it has an input without axes": not all(spec.shape for spec in artifact.inputs),
        "its preprocessing is unknown here": contract is None or not contract.is_known,
        "it was calibrated with another preprocessing": calibration is not None
        and calibration.preprocess_sha256 != artifact.contract_sha256,
        "it has no tokenizer": artifact.tokens is not None and artifact.file("tokenizer") is None,
    }
    return next((words for words, broken in checks.items() if broken), "")


def _read_record(folder: Path) -> Artifact:
    path = folder / RECORD
    hint = _EXPORT_AGAIN
    try:
        text = path.read_bytes() if path.stat().st_size <= _MAX_RECORD_BYTES else b""
    except FileNotFoundError as error:
        raise DataError(f"{folder} has no {RECORD}", hint=hint) from error
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        record = json.loads(text)
        version = record.pop("schema_version")
        stored = record.pop("record_sha256")
        artifact = msgspec.convert({**record, "path": str(folder)}, Artifact, dec_hook=_to_path)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise DataError(f"{path} is not a record of an artifact: {error}", hint=hint) from error
    if version != SCHEMA_VERSION:
        raise DataError(
            f"{path} has schema {version}; this edgekit reads {SCHEMA_VERSION}", hint=hint
        )
    if digest(record) != stored:
        raise _changed(folder, f"{RECORD} was changed after it was written")
    return artifact


def _to_path(kind: type, value: Any) -> Path:
    if kind is Path:
        return Path(value)
    raise NotImplementedError(kind)


def _changed(folder: Path, what: str) -> DataError:
    return DataError(f"{folder}: {what}", hint="export the model again; don't edit artifacts")


def _check_file(folder: Path, entry: ArtifactFile) -> None:
    path = folder / entry.name
    plain = Path(entry.name).name == entry.name and not set(entry.name) & {"\\", "\0"}
    if not plain or path.resolve().parent != folder.resolve():
        raise DataError(
            f"{folder / RECORD} names {entry.name!r}, which is outside its folder",
            hint="don't use this artifact: somebody has tampered with it; export the model again",
        )
    if not path.is_file():
        raise _changed(folder, f"{entry.name} is missing")
    if path.stat().st_size != entry.size_bytes or file_sha256(path) != entry.sha256:
        raise _changed(folder, f"{entry.name} is not the file that was exported (hash mismatch)")


def find(root: Path) -> list[Path]:
    """Folders below `root` that hold an artifact, sorted."""
    records = root.rglob(RECORD)
    visible = (path for path in records if not _hidden(path.relative_to(root)))
    return sorted(path.parent for path in visible)


def find_models(root: Path) -> list[Path]:
    """Model files below `root` by their suffix, sorted; hidden ones are passed over."""
    files = (path for path in root.rglob("*") if path.suffix in FOREIGN and path.is_file())
    return sorted(path for path in files if not _hidden(path.relative_to(root)))


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def subject(path: Path) -> Subject:
    """What to measure or inspect at `path`: an artifact's folder, or a model file.

    Raises:
        UsageError: There is nothing, or its suffix is no model's.
        DataError: The artifact is broken.
    """
    if path.is_dir():
        artifact = load(path)
        return Subject(artifact.model, artifact.sha256, artifact.size_bytes, artifact)
    if not path.is_file():
        raise UsageError(
            f"there is no {path}",
            hint="name an artifact's folder or a model file; `edgekit export` makes artifacts",
        )
    if path.suffix not in FOREIGN:
        raise UsageError(
            f"{path} has no suffix of a model file", hint=f"one of {', '.join(FOREIGN)}"
        )
    files = [describe(path.parent, one.name, "model") for one in model_paths(path)]
    return Subject(path, model_sha256(files), model_size_bytes(files))


def model_paths(path: Path) -> list[Path]:
    """A model file, and the files beside it that hold its weights.

    Raises:
        DataError: One can't be read.
    """
    return [path, *(path.with_name(name) for name in _beside(path))]


def _beside(path: Path) -> list[str]:
    """Names of the files beside a model file that hold its weights."""
    if path.suffix == ".xml":
        weights = path.with_suffix(".bin")
        return [weights.name] if weights.is_file() else []
    if path.suffix != ".onnx":
        return []
    try:
        content = path.read_bytes()
        siblings = sorted(other for other in path.parent.iterdir() if other.is_file())
    except OSError as error:
        raise unreadable(path, error) from error
    # An ONNX file names the files of its external data. What it names and lies beside it is that.
    return [other.name for other in siblings if other != path and other.name.encode() in content]
