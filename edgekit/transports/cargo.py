"""What a job needs on a device, by digest: the files that it names, and the worker itself."""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import edgekit
from edgekit import storage
from edgekit.wire import Job

# Below the folder that edgekit works in on the device.
_CARGO = "cargo"
_OUTPUTS = "outputs.npz"
_PACKAGE = Path(edgekit.__file__).parent
# All that a worker imports of edgekit.
_MODULES = ("__init__", "engine", "errors", "pixels", "registry")
_PACKAGES = ("measure", "runtimes", "wire")
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Item:
    """One file to bring.

    Attributes:
        place: Where it goes, relative to the folder that edgekit works in on the device.
        sha256: Its digest.
        size_bytes: Its size.
        content: The file here, or its bytes.
    """

    place: str
    sha256: str
    size_bytes: int
    content: Path | bytes = field(repr=False)


def of_bytes(name: str, content: bytes) -> Item:
    """A file called `name` that exists only in memory."""
    sha256 = hashlib.sha256(content).hexdigest()
    return Item(f"{_CARGO}/{sha256[:32]}/{name}", sha256, len(content), content)


@functools.cache
def worker() -> Item:
    """The worker and all that it imports, as one archive that Python runs from.

    It has the same bytes whenever and wherever it is made, so that each device gets it once.
    """
    paths = [_PACKAGE / f"{name}.py" for name in _MODULES]
    for package in _PACKAGES:
        paths += sorted((_PACKAGE / package).glob("*.py"))
    buffer = io.BytesIO()
    # Not compressed: what zlib writes depends on its version.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in paths:
            name = path.relative_to(_PACKAGE.parent).as_posix()
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), path.read_bytes())
    return of_bytes("worker.zip", buffer.getvalue())


@dataclass(frozen=True, slots=True)
class Cargo:
    """The files of one job, and where it finds them.

    Attributes:
        items: What to bring.
        job: The job, whose paths are relative to the folder that edgekit works in on the device.
        outputs: Where the job's outputs go here; None if it has none.
    """

    items: tuple[Item, ...]
    job: Job
    outputs: Path | None

    def job_below(self, root: str, job_dir: str) -> Job:
        """The job with the device's own paths.

        Args:
            root: The folder that edgekit works in on the device.
            job_dir: The job's own folder there.
        """
        job, end_to_end = self.job, self.job.end_to_end
        if end_to_end:
            photos = [f"{root}/{photo}" for photo in end_to_end.photos]
            end_to_end = replace(end_to_end, photos=photos)
        return replace(
            job,
            model=_below(root, job.model) or "",
            golden=_below(root, job.golden),
            feeds=_below(root, job.feeds),
            outputs=f"{job_dir}/{_OUTPUTS}" if self.outputs else None,
            rivals=[replace(rival, model=f"{root}/{rival.model}") for rival in job.rivals],
            end_to_end=end_to_end,
        )


def pack(job: Job) -> Cargo:
    """Everything that `job` names.

    Raises:
        DataError: A file of it can't be read.
    """
    items: dict[str, Item] = {}

    def brought(path: str | None, *, whole: bool = False) -> str | None:
        if not path:
            return path
        first = Path(path)
        files = storage.model_paths(first) if whole else [first]
        group = _group(files)
        items.update((item.place, item) for item in group)
        return group[0].place

    end_to_end = job.end_to_end
    if end_to_end:
        photos = [brought(photo) or "" for photo in end_to_end.photos]
        end_to_end = replace(end_to_end, photos=photos)
    rivals = [replace(rival, model=brought(rival.model, whole=True) or "") for rival in job.rivals]
    packed = replace(
        job,
        model=brought(job.model, whole=True) or "",
        golden=brought(job.golden),
        feeds=brought(job.feeds),
        rivals=rivals,
        end_to_end=end_to_end,
    )
    outputs = Path(job.outputs) if job.outputs else None
    return Cargo(tuple(items.values()), packed, outputs)


def _group(paths: Sequence[Path]) -> list[Item]:
    """Files that find each other by name: they share a folder, named after all their content."""
    digests = [_sha256(path, *_stamp(path)) for path in paths]
    lines = _lines(zip(digests, paths, strict=True))
    folder = hashlib.sha256(lines.encode()).hexdigest()[:32]
    return [
        Item(f"{_CARGO}/{folder}/{path.name}", sha256, path.stat().st_size, path)
        for sha256, path in zip(digests, paths, strict=True)
    ]


def _lines(files: Iterable[tuple[str, Path]]) -> str:
    return "".join(f"{sha256}  {path.name}\n" for sha256, path in files)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise storage.unreadable(path, error) from error
    return found.st_mtime_ns, found.st_size


@functools.lru_cache(maxsize=4096)
def _sha256(path: Path, mtime_ns: int, size_bytes: int) -> str:
    # Each launch asks again for the same files.
    del mtime_ns, size_bytes
    return storage.file_sha256(path)


def _below(root: str, place: str | None) -> str | None:
    return f"{root}/{place}" if place else place
