"""Artifacts on disk: sealed with digests, published in one rename, verified when read."""

import contextlib
import errno
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import filelock
import msgspec

from edgekit.errors import DataError, EdgekitError, UsageError
from edgekit.records import SCHEMA_VERSION, Artifact, ArtifactFile, Format, Subject, digest

RECORD = "artifact.json"
# What a foreign file of each suffix is. OpenVINO's weights lie beside the .xml.
FOREIGN = {
    ".onnx": Format.ONNX,
    ".tflite": Format.LITERT,
    ".xml": Format.OPENVINO,
    ".pt2": Format.TORCH,
    ".engine": Format.TENSORRT,
}
_MAX_RECORD_BYTES = 16 * 2**20
_LOW_DISK_BYTES = 8 * 2**20


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


def load(path: Path) -> Artifact:
    """The artifact in the folder `path`, with every digest checked.

    Raises:
        DataError: The record or a file is missing, broken, changed, or points outside.
    """
    artifact = _read_record(path)
    for entry in artifact.files:
        _check_file(path, entry)
    if model_sha256(artifact.files) != artifact.sha256:
        raise _changed(path, "the digest of the model is not that of its files")
    return artifact


def _read_record(folder: Path) -> Artifact:
    path = folder / RECORD
    hint = "export the model again, or name a folder that `edgekit export` wrote"
    if not path.is_file():
        raise DataError(f"{folder} has no {RECORD}", hint=hint)
    if path.stat().st_size > _MAX_RECORD_BYTES:
        raise DataError(f"{path} is larger than any record", hint=hint)
    try:
        record = json.loads(path.read_bytes())
        version = record.pop("schema_version")
        stored = record.pop("record_sha256")
        artifact = msgspec.convert({**record, "path": str(folder)}, Artifact, dec_hook=_to_path)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise DataError(f"{path} is not a record of an artifact: {error}", hint=hint) from error
    if version != SCHEMA_VERSION:
        raise DataError(
            f"{path} has schema {version}; this edgekit reads {SCHEMA_VERSION}", hint=hint
        )
    if digest(record) != stored:
        raise _changed(folder, f"{RECORD} was changed after it was written")
    if not artifact.files:
        raise DataError(f"{path} names no files", hint=hint)
    return artifact


def _to_path(kind: type, value: Any) -> Path:
    if kind is Path:
        return Path(value)
    raise NotImplementedError(kind)


def _changed(folder: Path, what: str) -> DataError:
    return DataError(f"{folder}: {what}", hint="export the model again; don't edit artifacts")


def _check_file(folder: Path, entry: ArtifactFile) -> None:
    path = folder / entry.name
    plain = Path(entry.name).name == entry.name and "\\" not in entry.name
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
    names = [path.name]
    if path.suffix == ".xml" and path.with_suffix(".bin").is_file():
        names.append(path.with_suffix(".bin").name)
    files = [describe(path.parent, name, "model") for name in names]
    return Subject(path, model_sha256(files), model_size_bytes(files))


@contextlib.contextmanager
def locked(folder: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold `folder` for one writer; a second one waits. A killed writer's lock is free again.

    Args:
        folder: Created if it isn't there.
        on_wait: Called once if another writer has it.

    Raises:
        DataError: The folder can't be written.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            on_wait()
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """A fresh folder inside `folder`, on the same disk, gone at the end whatever happens.

    What a killed process left is removed first; so `folder` must be held by `locked`.
    """
    for left in folder.glob(".staging-*"):
        shutil.rmtree(left, ignore_errors=True)
    with disk_errors(folder):
        path = Path(tempfile.mkdtemp(prefix=".staging-", dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def publish(staged: Path, destination: Path) -> None:
    """Put the folder `staged` in the place of `destination`, which never holds half of it."""
    old = staged.with_name(staged.name + ".old")
    with disk_errors(destination):
        destination.parent.mkdir(parents=True, exist_ok=True)
        if destination.exists():
            destination.rename(old)
        staged.rename(destination)
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn what the system says of a full or read-only disk into a DataError."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise disk_full(folder) from error
        raise DataError(
            f"{folder} can't be written: {error.strerror or error}",
            hint="name a folder that you may write to with --out",
        ) from error


def is_disk_full(folder: Path) -> bool:
    """Whether the disk that holds `folder` has no room left for a model.

    Frameworks report a full disk in their own words, or not at all; so it is looked at.
    """
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free < _LOW_DISK_BYTES


def disk_full(folder: Path) -> EdgekitError:
    """The error of a disk without room."""
    return DataError(
        f"the disk of {folder} is full", hint="free some space, or name another disk with --out"
    )
