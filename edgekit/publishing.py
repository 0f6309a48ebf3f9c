"""Writing on disk: one writer at a time, built aside, put in place in one rename."""

import contextlib
import errno
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock

from edgekit.errors import DataError, EdgekitError

_LOCK = ".lock"
_STAGING = ".staging-"
# What a published folder is called while another takes its place.
_OLD = ".old-"
_LOW_DISK_BYTES = 8 * 2**20
# A disk with less room than this has none for a report either.
_TRIAL_BYTES = 2**14


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
        lock = _acquired(folder, on_wait)
    try:
        yield
    finally:
        lock.release()
        if [path.name for path in folder.iterdir()] == [_LOCK]:
            # Nothing came of it: leave no trace. A writer that waits makes the folder again.
            with contextlib.suppress(OSError):
                (folder / _LOCK).unlink()
                folder.rmdir()


def _acquired(folder: Path, on_wait: Callable[[], None]) -> filelock.BaseFileLock:
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / _LOCK)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            on_wait()
            lock.acquire()
        if (folder / _LOCK).exists():
            return lock
        # The writer before us came to nothing and took the file away with its folder.
        lock.release()


@contextlib.contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """A fresh folder inside `folder`, on the same disk, gone at the end whatever happens.

    What a killed process left is cleared up first; so `folder` must be held by `locked`.
    """
    for old in folder.glob(f"{_OLD}*"):
        # Killed between the two renames of `publish`: the folder that was there comes back.
        destination = folder / old.name.removeprefix(_OLD)
        with disk_errors(folder):
            shutil.rmtree(old) if destination.exists() else old.rename(destination)
    for left in folder.glob(f"{_STAGING}*"):
        shutil.rmtree(left, ignore_errors=True)
    with disk_errors(folder):
        path = Path(tempfile.mkdtemp(prefix=_STAGING, dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def publish(staged: Path, destination: Path) -> None:
    """Put the folder `staged` in the place of `destination`, which never holds half of it.

    Both must be on one disk, and the folder of `destination` held by `locked`.
    """
    old = destination.with_name(_OLD + destination.name)
    with disk_errors(destination):
        destination.parent.mkdir(parents=True, exist_ok=True)
        if destination.exists():
            destination.rename(old)
        try:
            staged.rename(destination)
        except OSError:
            if old.exists():
                old.rename(destination)
            raise
    shutil.rmtree(old, ignore_errors=True)


def write_file(path: Path, content: bytes, option: str) -> None:
    """Write `content` aside and put it in the place of `path`, which never holds half of it.

    What is no regular file, such as `/dev/stdout`, is written as it is.

    Args:
        path: The file; its folder must be there.
        content: All of it.
        option: The option that names another place, for the hint.

    Raises:
        DataError: It can't be written.
    """
    with disk_errors(path, option):
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        aside = path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            aside.write_bytes(content)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)


def probe(folder: Path, option: str) -> None:
    """Find out whether a file can be written in `folder`, before something costs an hour for it.

    Args:
        folder: Must be there.
        option: The option that names another place, for the hint.

    Raises:
        DataError: It can't be, or the disk is full.
    """
    trial = folder / f".{secrets.token_hex(8)}.part"
    with disk_errors(folder, option):
        try:
            trial.write_bytes(bytes(_TRIAL_BYTES))
        finally:
            trial.unlink(missing_ok=True)


@contextlib.contextmanager
def disk_errors(place: Path, option: str = "--out") -> Iterator[None]:
    """Turn what the system says of a full or read-only disk into a DataError.

    Args:
        place: The file or folder that is written.
        option: The option that names another place, for the hint.
    """
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise disk_full(place, option) from error
        raise DataError(
            f"{place} can't be written: {error.strerror or error}",
            hint=f"name a place that you may write to with {option}",
        ) from error


def is_disk_full(folder: Path) -> bool:
    """Whether the disk that holds `folder` has no room left for a model.

    Frameworks report a full disk in their own words, or not at all; so it is looked at.
    """
    return shutil.disk_usage(nearest_existing(folder)).free < _LOW_DISK_BYTES


def nearest_existing(path: Path) -> Path:
    """`path`, or the nearest folder above it that exists."""
    return next(place for place in (path, *path.absolute().parents) if place.exists())


def disk_full(place: Path, option: str = "--out") -> EdgekitError:
    """The error of a disk without room."""
    return DataError(
        f"the disk of {place} is full", hint=f"free some space, or name another with {option}"
    )
