"""What a job needs on a device, by digest: the files that it names, and the worker itself."""

from __future__ import annotations

import functools
import hashlib
import io
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import edgekit
from edgekit import storage
from edgekit.errors import DataError
from edgekit.transports import agentfile
from edgekit.wire import Job

WORKER = "worker.zip"
OUTPUTS = "outputs.npz"
_PACKAGE = Path(edgekit.__file__).parent
# All that a worker imports of edgekit.
_MODULES = ("__init__", "engine", "errors", "pixels", "registry", "trtexec")
_PACKAGES = ("measure", "runtimes", "tasks", "wire")
# What an agent takes.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@dataclass(frozen=True, slots=True)
class Item:
    """One file to bring.

    Attributes:
        sha256: Its digest.
        size_bytes: Its size.
        content: The file here, or its bytes.
        place: Where it goes, relative to the folder that edgekit works in on the device; empty
            for the store of files by their digest.
    """

    sha256: str
    size_bytes: int
    content: Path | bytes = field(repr=False)
    place: str = ""

    @property
    def path(self) -> str:
        """Where it goes, relative to the folder that edgekit works in on the device."""
        return self.place or f"files/{self.sha256}"

    def open(self) -> IO[bytes]:
        """Its content, to be read.

        Raises:
            DataError: It can't be.
        """
        if isinstance(self.content, bytes):
            return io.BytesIO(self.content)
        try:
            return self.content.open("rb")
        except OSError as error:
            raise storage.unreadable(self.content, error) from error


def of_bytes(content: bytes) -> Item:
    """A file that exists only in memory."""
    return Item(hashlib.sha256(content).hexdigest(), len(content), content)


@functools.cache
def agent() -> Item:
    """What watches over jobs on a device."""
    item = of_bytes(agentfile.packed())
    return replace(item, place=f"agent-{item.sha256[:16]}.pyz")


@functools.cache
def worker() -> Item:
    """The worker and all that it imports, as one archive that Python runs from."""
    paths = [_PACKAGE / f"{name}.py" for name in _MODULES]
    for package in _PACKAGES:
        paths += sorted((_PACKAGE / package).glob("*.py"))
    files = {path.relative_to(_PACKAGE.parent).as_posix(): path.read_bytes() for path in paths}
    return of_bytes(agentfile.zipped(files))


@dataclass(frozen=True, slots=True)
class Cargo:
    """The files of one job, and where it finds them.

    Attributes:
        files: What to bring, by its name in the folder that the job runs in.
        job: The job; its paths are relative to that folder.
        outputs: Where the job's outputs go here; None if it has none.
    """

    files: dict[str, Item]
    job: Job
    outputs: Path | None


class _Hold:
    """Gives each file that a job names its name on the device."""

    def __init__(self) -> None:
        self.files = {WORKER: worker()}
        self._folders = 0

    def model(self, path: str) -> str:
        """A model file and what lies beside it: in a folder of its own, since names may repeat."""
        if not path:
            return path
        first, *beside = storage.model_paths(Path(path))
        folder = self._folders
        self._folders += 1
        name = f"{folder}/model{first.suffix}"
        self.files[name] = of_file(first)
        for other in beside:
            # OpenVINO looks for its own file's name; an ONNX file has the others' written in it.
            theirs = _kept(other) if first.suffix == ".onnx" else f"model{other.suffix}"
            self.files[f"{folder}/{theirs}"] = of_file(other)
        return name

    def single(self, path: str | None, name: str) -> str | None:
        """Another file, under a name of ours."""
        if not path:
            return None
        self.files[name] = of_file(Path(path))
        return name


def pack(job: Job) -> Cargo:
    """Everything that `job` names.

    Raises:
        DataError: A file of it can't be read, or has a name that can't be had on a device.
    """
    hold = _Hold()
    end_to_end = job.end_to_end
    if end_to_end:
        photos = [
            hold.single(photo, f"photos/{number}{_suffix(photo)}") or ""
            for number, photo in enumerate(end_to_end.photos)
        ]
        end_to_end = replace(end_to_end, photos=photos)
    packed = replace(
        job,
        model=hold.model(job.model),
        golden=hold.single(job.golden, "golden.npz"),
        feeds=hold.single(job.feeds, "feeds.npz"),
        outputs=OUTPUTS if job.outputs else None,
        rivals=[replace(rival, model=hold.model(rival.model)) for rival in job.rivals],
        end_to_end=end_to_end,
    )
    return Cargo(hold.files, packed, Path(job.outputs) if job.outputs else None)


def _kept(path: Path) -> str:
    if not _NAME.fullmatch(path.name):
        raise DataError(
            f"{path.name!r} is no name for a file on a device",
            hint="export the model again with letters, digits and `._-` in its files' names",
        )
    return path.name


def _suffix(path: str) -> str:
    suffix = Path(path).suffix
    return suffix if _NAME.fullmatch("photo" + suffix) else ""


def of_file(path: Path) -> Item:
    """A file of this machine.

    Raises:
        DataError: It can't be read.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise storage.unreadable(path, error) from error
    return Item(_sha256(path, found.st_mtime_ns, found.st_size), found.st_size, path)


@functools.lru_cache(maxsize=4096)
def _sha256(path: Path, mtime_ns: int, size_bytes: int) -> str:
    # Each launch asks again for the same files.
    del mtime_ns, size_bytes
    return storage.file_sha256(path)
