"""An index of the records: a cache, made again wherever it isn't what the records say.

Only who asks writes it, one at a time; who measures writes records and nothing else. Where the
folder can't be written the same questions are put to an index in memory.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import filelock

from edgekit.errors import DataError
from edgekit.records import RESULT_SCHEMA

NAME = "index.sqlite"
_LOCK = ".index.lock"
_PATIENCE_S = 30.0
# Of the table below. What an older edgekit could not read a newer one may.
_VERSION = 1000 * RESULT_SCHEMA + 2


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index knows of a record.

    Attributes:
        record: Name of its file.
        kind: `bench`, `eval` or `verdict`.
        run: Which run it belongs to.
        measured_at: When it was measured, in UTC.
        name: Name of the artifact or file.
        path: Where it was, as it was named.
        sha256: Its digest.
        format: Its format.
        precision: Its precision; None for a file that edgekit didn't make.
        runtime: What ran it.
        device: Where.
        mode: How inferences followed each other.
        threads: Threads that the runtime might use.
        batch: Samples in one inference.
        valid: Whether the numbers may be used.
        failure: Kind of the error that it failed with; None if it didn't.
        p50_ms: Median latency.
        p90_ms: 90th percentile of latency.
        peak_bytes: Most memory.
        size_bytes: Size of the model's files.
        emulated: Whether the machine was only played by another.
    """

    record: str
    kind: str
    run: str
    measured_at: str
    name: str = ""
    path: str = ""
    sha256: str = ""
    format: str | None = None
    precision: str | None = None
    runtime: str = ""
    device: str = ""
    mode: str = ""
    threads: int | None = None
    batch: int | None = None
    valid: bool = True
    failure: str | None = None
    p50_ms: float | None = None
    p90_ms: float | None = None
    peak_bytes: float | None = None
    size_bytes: int | None = None
    emulated: bool = False


Read = Callable[[str], Entry]
Answer = tuple[list[Entry], list[DataError]]

_COLUMNS = ", ".join(field.name for field in fields(Entry))
_PLACES = ", ".join("?" * (len(fields(Entry)) + 2))
_CREATE = f"CREATE TABLE entries ({_COLUMNS}, file_bytes, modified_ns, PRIMARY KEY (record))"
_INSERT = f"INSERT INTO entries VALUES ({_PLACES})"  # noqa: S608 -- made of the names above
# A word that isn't given is empty. Of digests at least six digits are asked for, since fewer are
# too easily a name's.
_SELECT = f"""
    SELECT {_COLUMNS} FROM entries
    WHERE (:kind = '' OR kind = :kind)
    AND (:run = '' OR substr(run, 1, length(:run)) = :run)
    AND (:runtime = '' OR runtime = :runtime)
    AND (:artifact = '' OR name = :artifact OR path = :artifact
         OR (length(:artifact) >= 6 AND substr(sha256, 1, length(:artifact)) = :artifact))
    ORDER BY run DESC, record DESC LIMIT :limit
"""  # noqa: S608 -- made of the names above


def ask(folder: Path, read: Read, question: Mapping[str, str | int]) -> Answer:
    """Entries of the records in `folder` that fit, the newest first, and what can't be read.

    Args:
        folder: Where the records are.
        read: Gives the entry of a record by its file's name; raises DataError.
        question: `kind`, `run` (how it begins), `artifact` (name, path, or how the digest begins)
            and `runtime`, each empty for any; `limit`: how many at most, -1 for all.

    Raises:
        OSError: The folder can't be read.
    """
    with contextlib.suppress(OSError, sqlite3.Error), _lock(folder):
        try:
            return _answer(folder, folder / NAME, read, question)
        except sqlite3.Error:
            # Not what we wrote, or not whole. Its journal would spoil the next one.
            for name in (NAME, f"{NAME}-journal", f"{NAME}-wal", f"{NAME}-shm"):
                (folder / name).unlink(missing_ok=True)
            return _answer(folder, folder / NAME, read, question)
    return _answer(folder, ":memory:", read, question)


def _lock(folder: Path) -> filelock.BaseFileLock:
    return filelock.FileLock(folder / _LOCK, timeout=_PATIENCE_S)


def _answer(
    folder: Path, place: Path | str, read: Read, question: Mapping[str, str | int]
) -> Answer:
    with contextlib.closing(sqlite3.connect(place)) as connection:
        if connection.execute("PRAGMA user_version").fetchone() != (_VERSION,):
            connection.execute("DROP TABLE IF EXISTS entries")
            connection.execute(_CREATE)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        with connection:
            faults = _follow(connection, folder, read)
        rows = connection.execute(_SELECT, question).fetchall()
    return [Entry(*row) for row in rows], faults


def _follow(connection: sqlite3.Connection, folder: Path, read: Read) -> list[DataError]:
    """Bring the index to what is in the folder; gives what could not be read."""
    there = _files(folder)
    columns = "SELECT record, file_bytes, modified_ns FROM entries"
    known = {record: state for record, *state in connection.execute(columns)}
    for name in [name for name in known if known[name] != there.get(name)]:
        connection.execute("DELETE FROM entries WHERE record = ?", (name,))
        del known[name]
    faults = []
    for name in sorted(there.keys() - known.keys()):
        # What can't be read is no entry, so that it is looked at again the next time.
        try:
            connection.execute(_INSERT, (*astuple(read(name)), *there[name]))
        except DataError as error:
            faults.append(error)
    return faults


def _files(folder: Path) -> dict[str, list[int]]:
    """Size and time of change of each record, by its file's name."""
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".json") and not entry.name.startswith("."):
                state = entry.stat()
                found[entry.name] = [state.st_size, state.st_mtime_ns]
    return found
