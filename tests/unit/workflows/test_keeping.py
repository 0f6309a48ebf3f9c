"""Keeping results that several threads bring."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from edgekit.records import Device
from edgekit.results.reading import Kept
from edgekit.results.store import Store
from edgekit.workflows.keeping import Keeper
from tests import bench_results

THREADS, EACH = 4, 5


class _Watched(Store):
    """Says whether two ever wrote at once: then both would count the same records."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._turn = threading.Semaphore(1)
        self.met = False

    def save(self, result: Kept, run: str = "") -> Path:
        if not self._turn.acquire(blocking=False):
            self.met = True
            return super().save(result, run)
        try:
            threading.Event().wait(0.005)
            return super().save(result, run)
        finally:
            self._turn.release()


def test_each_result_is_a_record_of_its_own(tmp_path: Path) -> None:
    store = _Watched(tmp_path)
    keeper = Keeper(store)
    start = threading.Barrier(THREADS)
    result = bench_results.failed(bench_results.plan())

    def bring(number: int) -> None:
        start.wait(10)
        plan = replace(result.plan, device=Device(f"device {number}"))
        for _ in range(EACH):
            keeper.keep(replace(result, plan=plan, run="r1"))

    threads = [threading.Thread(target=bring, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not store.met
    assert len(list(tmp_path.glob("*.json"))) == THREADS * EACH
    assert len(keeper.drawing().results) == THREADS * EACH
