"""Report: results of the store, or of files, found again by what a user calls them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgekit import storage
from edgekit.errors import DataError, UsageError
from edgekit.records import BenchResult, EvalResult, ShipVerdict
from edgekit.results import reading
from edgekit.results.index import Entry
from edgekit.results.reading import VERDICT, Holding
from edgekit.results.store import Store
from edgekit.workflows.keeping import Drawing, accuracies


def gather(words: Sequence[str], store: Store) -> Drawing:
    """What `words` name.

    Args:
        words: Each a file (a record, or an answer that was saved), the beginning of a run's name,
            or an artifact's folder, name or beginning of its SHA-256, which stands for the last
            run that measured it; none for the last run of all.
        store: Where to look.

    Raises:
        UsageError: Nothing is called that.
        DataError: A file is broken.
    """
    held: dict[str, Holding] = {}
    for word in words:
        path = Path(word)
        if path.is_file() and path.suffix not in storage.FOREIGN:
            held[str(path.resolve())] = reading.read(path)
        else:
            held |= _read(store, _named(word, store))
    if not words:
        held |= _read(store, _last(store))
    results: list[BenchResult] = []
    verdicts: list[ShipVerdict] = []
    told: dict[str, EvalResult] = {}
    for holding in held.values():
        results += holding.results
        verdicts += holding.verdicts
        told |= {found.sha256: found for found in holding.accuracies}
    if not results:
        raise UsageError(
            "there is no measurement to draw",
            hint="`edgekit bench` makes some; `edgekit report --list` shows what there is",
        )
    return Drawing(tuple(results), tuple(verdicts), {**accuracies(store, results), **told})


def _last(store: Store) -> list[Entry]:
    newest = store.find(limit=1)
    if not newest:
        raise UsageError(
            f"there are no results in {store.folder}",
            hint="`edgekit bench` keeps some; --results names another folder",
        )
    return _run(store, newest[0].run)


def _named(word: str, store: Store) -> list[Entry]:
    if found := _run(store, word) if word else []:
        return found
    folder = Path(word).absolute()
    for name in dict.fromkeys((word, f"{folder.parent.name}/{folder.name}", folder.name)):
        if found := store.find(artifact=name) if name else []:
            return [entry for entry in found if entry.run == found[0].run][::-1]
    raise UsageError(
        f"there is no result of {word!r} in {store.folder}",
        hint="`edgekit report --list` shows what there is; --results names another folder",
    )


def _run(store: Store, name: str) -> list[Entry]:
    """Legs and verdicts of the runs whose name begins so, the oldest first."""
    return store.find(run=name)[::-1] + store.find(VERDICT, run=name)[::-1]


def _read(store: Store, entries: Sequence[Entry]) -> dict[str, Holding]:
    held = {}
    for entry in entries:
        try:
            held[str((store.folder / entry.record).resolve())] = store.read(entry)
        except DataError as error:
            store.tell(error)
    return held
