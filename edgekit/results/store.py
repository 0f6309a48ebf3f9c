"""The store: a folder of records. Writing one never touches another."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from edgekit import publishing, storage
from edgekit.errors import DataError
from edgekit.records import BenchResult, EvalResult
from edgekit.results import index, reading, shape
from edgekit.results.index import Entry
from edgekit.results.reading import BENCH, EVAL, VERDICT, Holding, Kept

OPTION = "--results"
# What stands in a record's name.
STAMP = "%Y%m%dT%H%M%S.%fZ"
_MOST_SLUG = 80


class Store:
    """Results in a folder.

    Args:
        folder: Made when something is written.
        on_fault: Told of each record that can't be read, once; the others are read all the same.
    """

    def __init__(self, folder: Path, on_fault: Callable[[str], None] = lambda _: None) -> None:
        self.folder = folder
        self._on_fault = on_fault
        self._told: set[str] = set()

    def probe(self) -> None:
        """Find out whether something can be kept, before it costs an hour to measure.

        Raises:
            DataError: The folder can't be made or written, or its disk is full.
        """
        with publishing.disk_errors(self.folder, OPTION):
            self.folder.mkdir(parents=True, exist_ok=True)
        publishing.probe(self.folder, OPTION)

    def save(self, result: Kept, run: str = "") -> Path:
        """Keep `result`; gives the record's file.

        Args:
            result: What to keep.
            run: Which run of `bench` it belongs to; a result of a leg knows itself.

        Raises:
            DataError: It can't be written.
        """
        now = datetime.now(UTC)
        match result:
            case BenchResult():
                run = result.run or run
                part = f"{result.plan.subject.name}-{result.plan.runtime}"
            case EvalResult():
                part = f"{EVAL}-{result.artifact}-{result.runtime}"
            case _:
                part = f"{VERDICT}-{result.model}-{result.format}-{result.runtime}"
        content = reading.sealed(result, run, now.isoformat(timespec="seconds"))
        with publishing.disk_errors(self.folder, OPTION):
            self.folder.mkdir(parents=True, exist_ok=True)
            stamp = _slug(run or now.strftime(STAMP))
            number = sum(1 for _ in self.folder.glob(f"{stamp}-*.json")) + 1
        path = self.folder / f"{stamp}-{number:03}-{_slug(part)}.json"
        publishing.write_file(path, content, OPTION)
        return path

    def find(
        self,
        kind: str = BENCH,
        *,
        run: str = "",
        artifact: str = "",
        runtime: str = "",
        limit: int = -1,
    ) -> list[Entry]:
        """Entries of the records that fit, the newest first.

        Args:
            kind: `bench`, `eval` or `verdict`.
            run: How the run's name begins; empty for any.
            artifact: Name, path, or at least six digits of the SHA-256's beginning; empty for any.
            runtime: Name of the runtime; empty for any.
            limit: How many at most, of the newest; -1 for all.

        Raises:
            DataError: The folder is there and can't be read.
        """
        if not self.folder.exists():
            return []
        question: dict[str, str | int] = {
            "kind": kind,
            "run": run,
            "artifact": artifact,
            "runtime": runtime,
            "limit": limit,
        }
        try:
            found, faults = index.ask(self.folder, self._entry, question)
        except OSError as error:
            raise storage.unreadable(self.folder, error) from error
        for fault in faults:
            self.tell(fault)
        return found

    def runs(self) -> list[list[Entry]]:
        """Entries of all legs by run, the newest run first, legs in their order."""
        found: dict[str, list[Entry]] = {}
        for entry in self.find():
            found.setdefault(entry.run, []).insert(0, entry)
        return list(found.values())

    def read(self, entry: Entry) -> Holding:
        """What the record of `entry` holds.

        Raises:
            DataError: It has become unreadable since.
        """
        return reading.read(self.folder / entry.record)

    def accuracy_of(self, sha256: str) -> EvalResult | None:
        """What was found last of the accuracy of the artifact with this digest, or None."""
        for entry in self.find(EVAL, artifact=sha256) if sha256 else ():
            try:
                return self.read(entry).accuracies[0]
            except DataError as error:
                self.tell(error)
        return None

    def tell(self, fault: DataError) -> None:
        """Tell of a record that can't be read, if that wasn't told before."""
        if str(fault) not in self._told:
            self._told.add(str(fault))
            self._on_fault(f"left out: {fault}")

    def _entry(self, name: str) -> Entry:
        return _entry(name, reading.read(self.folder / name))


def _entry(name: str, held: Holding) -> Entry:
    if held.run and held.results:
        return _of_leg(name, held.results[0])
    for found in held.accuracies:
        blank = Entry(name, EVAL, held.run, held.measured_at, found.artifact)
        return replace(blank, sha256=found.sha256, runtime=found.runtime)
    for verdict in held.verdicts:
        blank = Entry(name, VERDICT, held.run, held.measured_at, verdict.model)
        return replace(blank, format=verdict.format.value, runtime=verdict.runtime)
    raise DataError(f"{name} is no record", hint="keep other files elsewhere")


def _of_leg(name: str, result: BenchResult) -> Entry:
    plan, subject = result.plan, result.plan.subject
    metrics = {metric.name: metric.value for metric in result.metrics}
    return Entry(
        name,
        BENCH,
        result.run,
        result.measured_at,
        name=subject.name,
        path=str(shape.path_of(subject)),
        sha256=subject.sha256,
        format=shape.format_of(subject),
        precision=subject.artifact.precision.value if subject.artifact else None,
        runtime=plan.runtime,
        device=plan.device.name,
        mode=plan.scenario.mode,
        threads=plan.threads,
        batch=result.samples.batch if result.samples else plan.batch,
        valid=result.valid,
        failure=result.failure.kind if result.failure else None,
        p50_ms=metrics.get("latency_p50_ms"),
        p90_ms=metrics.get("latency_p90_ms"),
        peak_bytes=metrics.get("memory_peak_bytes"),
        size_bytes=subject.size_bytes,
        emulated=result.emulated,
    )


def _slug(text: str) -> str:
    """`text` as part of a file's name, whatever it holds."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[:_MOST_SLUG] or "-"
