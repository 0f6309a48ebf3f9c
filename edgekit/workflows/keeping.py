"""Keeping the results of one run as they come."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from edgekit.errors import DataError
from edgekit.records import BenchResult, EvalResult, ShipVerdict
from edgekit.results.store import STAMP, Store


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a report draws.

    Attributes:
        results: Legs, in their order.
        verdicts: Which precision to ship.
        accuracies: Accuracy that is known of the files that were measured, by their SHA-256.
    """

    results: tuple[BenchResult, ...]
    verdicts: tuple[ShipVerdict, ...] = ()
    accuracies: Mapping[str, EvalResult] = field(default_factory=dict)


class Keeper:
    """Keeps each result as soon as it is there.

    What can't be kept is no reason to stop measuring: it is still shown, and `check` says why.

    Args:
        store: Where to.

    Raises:
        DataError: Nothing can be kept there; so it isn't worth beginning.
    """

    def __init__(self, store: Store) -> None:
        store.probe()
        self._store = store
        self._results: list[BenchResult] = []
        self._lost: DataError | None = None

    def keep(self, result: BenchResult) -> None:
        """Keep the result of a leg."""
        self._results.append(result)
        self._save(result)

    def keep_unplanned(self, failed: Sequence[BenchResult]) -> tuple[BenchResult, ...]:
        """Keep legs that failed before there was a run, as legs of this one; gives those."""
        now = datetime.now(UTC)
        run = self._run or now.strftime(STAMP)
        when = now.isoformat(timespec="seconds")
        legs = tuple(replace(result, run=run, measured_at=when) for result in failed)
        for leg in legs:
            self.keep(leg)
        return legs

    def keep_verdicts(self, verdicts: Sequence[ShipVerdict]) -> None:
        """Keep what was said of which precision to ship."""
        for verdict in verdicts:
            self._save(verdict)

    @property
    def where(self) -> str:
        """What to say of where the results are."""
        folder = self._store.folder
        if not self._run:
            return "nothing was measured"
        if self._lost:
            return f"not every result could be kept in {folder}"
        command = f"edgekit report {self._run} --results {shlex.quote(str(folder))}"
        return f"kept in {folder}; to draw it again: `{command}`"

    def drawing(self, verdicts: Sequence[ShipVerdict] = ()) -> Drawing:
        """What there is to draw of this run."""
        return Drawing(
            tuple(self._results), tuple(verdicts), accuracies(self._store, self._results)
        )

    def check(self) -> None:
        """Raise what kept results from being kept.

        Raises:
            DataError: The disk is full, or was taken away.
        """
        if self._lost:
            raise self._lost

    @property
    def _run(self) -> str:
        return self._results[0].run if self._results else ""

    def _save(self, result: BenchResult | ShipVerdict) -> None:
        try:
            self._store.save(result, self._run)
        except DataError as error:
            self._lost = self._lost or error


def accuracies(store: Store, results: Sequence[BenchResult]) -> dict[str, EvalResult]:
    """What is known of the accuracy of the files that were measured, by their SHA-256."""
    digests = dict.fromkeys(result.plan.subject.sha256 for result in results)
    return {digest: found for digest in digests if (found := store.accuracy_of(digest))}
