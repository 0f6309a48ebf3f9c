"""The files of a sweep as rows of text, whatever draws them."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.records import Artifact, BenchResult, EvalResult
from edgekit.records.sweep import CellResult
from edgekit.reports import titles
from edgekit.reports.numbers import MIB, NO_VALUE, counted, short, shown

COLUMNS = (
    "model", "target", "file", "size MiB", "SQNR dB", "accuracy", "agreement %", "device",
    "runtime", "p50 ms", "peak MiB", "note",
)  # fmt: skip
# Columns of words.
WORDS = ("target", "file", "device", "runtime", "note")


def headline(cells: Sequence[CellResult]) -> str:
    """What came of it, in one line."""
    made = sum(cell.artifact is not None for cell in cells)
    legs = [result for cell in cells for result in cell.benches]
    usable = sum(result.valid for result in legs)
    kept = sum(cell.kept for cell in cells)
    words = [f"{made} of {counted(len(cells), 'file')} made"]
    if legs:
        earlier = f", {kept} by an earlier run" if kept else ""
        words.append(f"{usable} of {counted(len(legs), 'leg')} valid{earlier}")
    failed = sum(bool(cell.every_failure) for cell in cells)
    words += [f"something failed for {failed}"] * bool(failed)
    return "; ".join(words)


def rows(cell: CellResult) -> list[tuple[str, ...]]:
    """One row for each leg of a file; one for a file without legs."""
    what = cell.cell
    accuracy = cell.accuracy
    head = (
        what.model,
        what.target,
        f"{what.format}-{what.precision}",
        short(cell.artifact.size_bytes / MIB) if cell.artifact else NO_VALUE,
        _sqnr(cell.artifact),
        _worth(accuracy),
        _percent(accuracy.agreement if accuracy else None),
    )
    if not cell.benches:
        return [(*head, *(NO_VALUE,) * 4, _note(cell))]
    return [(*head, *_leg(result), _note(cell, result)) for result in cell.benches]


def troubles(cell: CellResult) -> list[str]:
    """What failed, and what to do about it, a line each."""
    return [
        f"{cell.cell.name}: {failure.stage}: {failure.message} (hint: {failure.hint})"
        for failure in cell.every_failure
    ]


def _leg(result: BenchResult) -> tuple[str, ...]:
    metrics = {metric.name: metric for metric in result.metrics}
    return (
        result.plan.device.name,
        result.plan.runtime,
        shown(metrics.get("latency_p50_ms")),
        shown(metrics.get("memory_peak_bytes"), MIB),
    )


def _note(cell: CellResult, result: BenchResult | None = None) -> str:
    words = ["cached"] * cell.cached
    failures = cell.failures
    if result is not None:
        words += [f"failed in {result.failure.stage}"] if result.failure else []
        words += ["INVALID"] * (not result.valid and not result.failure)
        words += result.reasons
    words += [f"failed in {failure.stage}" for failure in failures]
    return "; ".join(words)


def _sqnr(artifact: Artifact | None) -> str:
    parity = artifact.parity if artifact else None
    found = next(iter(parity.batches.values()), None) if parity else None
    if found is None:
        return NO_VALUE
    return "equal" if found.sqnr_db is None else f"{found.sqnr_db:.1f}"


def _worth(found: EvalResult | None) -> str:
    """`top-1 75.0 %`: by the metric of the file's head."""
    if found is None or found.value is None:
        return NO_VALUE
    return f"{titles.title(found.metric)} {titles.shown(found.metric, found.value)}"


def _percent(share: float | None) -> str:
    return NO_VALUE if share is None else f"{100 * share:.1f}"
