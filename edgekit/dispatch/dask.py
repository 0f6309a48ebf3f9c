"""dask.distributed: workers on hosts, one for each device. Nothing of it runs on devices.

A worker of dask drives a device through its link as this process would. When it dies, dask gives
its task to the next one, which asks the device for the same job again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager
from typing import Any

import dask.config
import distributed
from distributed.scheduler import KilledWorker

import edgekit
from edgekit.dispatch import Event, OnDone, OnEvent, Task
from edgekit.dispatch.ends import Ends
from edgekit.errors import DeviceError, EdgekitError, MissingDependency, UsageError

# What work without a lane asks a worker of our own for: it shall not take a device's.
HOST = "host"
_CONNECT_S = 20.0
# How long a lane may be without a worker: a dead one is replaced within seconds.
_LONELY_S = 60.0
_LOOK_S = 2.0
_SETTINGS = {
    # A task waits for its device for an hour; nothing is to be moved or ended for it.
    "distributed.scheduler.work-stealing": False,
    "distributed.admin.large-graph-warning-threshold": "1GB",
    "distributed.worker.memory.terminate": False,
    # Pages for browsers.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}

# By run: what ends the tasks of it that this worker does.
_ENDS: dict[str, Ends] = {}


class _Site:
    """A thread of a worker of dask."""

    def __init__(self, run: str, name: str) -> None:
        self._ends = _ENDS.setdefault(run, Ends())
        self._run = run
        self._name = name
        self._worker = distributed.get_worker()

    def tell(self, event: Event) -> None:
        self._worker.log_event(self._run, {"task": self._name, "event": dict(event)})

    def closing(self, end: Callable[[], None]) -> AbstractContextManager[None]:
        return self._ends.closing(end)


def _do(task: Task, run: str) -> Any:
    """What a worker of dask runs."""
    return task.work(task.argument, _Site(run, task.name))


def _stop(run: str) -> None:
    if ends := _ENDS.get(run):
        ends.stop()


class _Apart(distributed.WorkerPlugin):  # type: ignore[misc]
    """Keeps a worker of our own out of reach of a terminal's Ctrl-C: we end it, without a word."""

    def setup(self, worker: object) -> None:
        del worker
        os.setpgid(0, 0)


class DaskCrew:
    """Does tasks on the workers of a scheduler.

    Args:
        client: The way to the scheduler.
        is_ours: Whether its workers were started for us, and have the lanes that we named.
    """

    def __init__(self, client: Any, *, is_ours: bool) -> None:
        self._client = client
        self._is_ours = is_ours

    def run(self, tasks: Sequence[Task], on_event: OnEvent, on_done: OnDone) -> None:
        """Do `tasks`, those of different lanes at once; see `Crew.run`.

        Raises:
            UsageError: No worker has a lane that a task needs.
        """
        # Workers of our own have the lanes that we named; one that died is on its way back.
        if not self._is_ours:
            self._check({task.lane for task in tasks})
        run = f"edgekit-{uuid.uuid4().hex}"
        notes: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._client.subscribe_topic(run, lambda event: notes.put(event[1]))
        futures = {self._submitted(task, run): task for task in tasks}
        names = {task.name: task for task in tasks}
        for future in futures:
            future.add_done_callback(notes.put)
        watch = _Watch(self._lanes)
        try:
            while futures:
                try:
                    note = notes.get(timeout=_LOOK_S)
                except queue.Empty:
                    self._give_up(watch, futures, on_done)
                    continue
                if isinstance(note, dict):
                    on_event(names[note["task"]], note["event"])
                elif note in futures:
                    on_done(futures.pop(note), _outcome(note))
        finally:
            self._end(run, futures, on_done)

    def _submitted(self, task: Task, run: str) -> Any:
        lane = self._lane(task)
        return self._client.submit(
            _do,
            task,
            run,
            key=f"{run}-{task.name}",
            resources={lane: 1} if lane else None,
            pure=False,
        )

    def _lane(self, task: Task) -> str:
        return task.lane or (HOST if self._is_ours else "")

    def _give_up(self, watch: _Watch, futures: dict[Any, Task], on_done: OnDone) -> None:
        """Take tasks that nobody will ever do for failed."""
        gone = watch.gone({self._lane(task) for task in futures.values()})
        for future in [each for each, task in futures.items() if self._lane(task) in gone]:
            task = futures.pop(future)
            future.cancel()
            on_done(task, _lonely(self._lane(task)))

    def _end(self, run: str, futures: dict[Any, Task], on_done: OnDone) -> None:
        """Take back what isn't done; what was done by now is an outcome all the same."""
        self._client.unsubscribe_topic(run)
        done = [future for future in futures if future.status == "finished"]
        self._client.cancel([future for future in futures if future not in done])
        if len(done) < len(futures):
            self._client.run(_stop, run, on_error="ignore")
        for future in done:
            on_done(futures[future], _outcome(future))

    def _check(self, lanes: set[str]) -> None:
        missing = sorted(lanes - self._lanes())
        if missing:
            address = self._client.scheduler.address
            wanted = missing[0] or HOST
            raise UsageError(
                f"no worker of {address} drives {' or '.join(missing) or 'anything'}",
                hint=f"on a host that reaches it: `dask worker {address} --nthreads 1 "
                f'--resources "{wanted}=1"`',
            )

    def _lanes(self) -> set[str]:
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        found = {lane for worker in workers for lane in worker["resources"]}
        # Any worker will do for a task that needs none.
        return found | {""} if workers else found


class _Watch:
    """Notices lanes that nobody drives any more: their tasks would wait for ever."""

    def __init__(self, lanes: Callable[[], set[str]]) -> None:
        self._lanes = lanes
        self._lonely_since: dict[str, float] = {}

    def gone(self, wanted: set[str]) -> set[str]:
        """Those of `wanted` that nobody has driven for a minute."""
        now = time.monotonic()
        lonely = wanted - self._lanes()
        self._lonely_since = {lane: self._lonely_since.get(lane, now) for lane in lonely}
        return {lane for lane, since in self._lonely_since.items() if now - since > _LONELY_S}


def _lonely(lane: str) -> EdgekitError:
    return DeviceError(
        f"no worker of dask has driven {lane or 'anything'} for {_LONELY_S:g} s",
        hint="start a `dask worker` again, then the same command",
    )


def _outcome(future: Any) -> Any:
    """What the work gave.

    Raises:
        Exception: The work raised it; that is a fault of ours.
    """
    try:
        return future.result()
    except KilledWorker as error:
        return _lost(error)
    except CancelledError as error:
        return DeviceError(
            f"dask's scheduler is gone, and this with it: {error}",
            hint="start it again, then the same command",
        )


def _lost(error: Exception) -> EdgekitError:
    return DeviceError(
        f"the worker of dask died each time that it did this: {error}",
        hint="has its host enough memory? `--engine local` does it in this process",
    )


class Dask:
    """The engine."""

    @contextlib.contextmanager
    def crew(self, where: str, lanes: Sequence[str]) -> Iterator[DaskCrew]:
        """Workers of a scheduler at `where`, or of our own: one a lane, and one for the rest.

        Raises:
            UsageError: No scheduler answers there, or its workers have other versions.
        """
        with contextlib.ExitStack() as stack:
            stack.enter_context(dask.config.set(_SETTINGS))
            place = where or stack.enter_context(_cluster(lanes))
            try:
                client = distributed.Client(place, timeout=_CONNECT_S, set_as_default=False)
            except (OSError, ValueError) as error:
                raise UsageError(
                    f"no scheduler of dask answers at {where}",
                    hint="`dask scheduler` starts one and prints its address",
                ) from error
            stack.enter_context(client)
            if where:
                _check_versions(client)
            else:
                client.register_plugin(_Apart())
            yield DaskCrew(client, is_ours=not where)


def _cluster(lanes: Sequence[str]) -> Any:
    """A scheduler and workers on this host, which only this process can reach."""
    try:
        security = distributed.Security.temporary()
    except ImportError as error:
        raise MissingDependency(
            "workers of our own need the module 'cryptography'", hint="pip install cryptography"
        ) from error
    shared = {
        "security": security,
        "host": "127.0.0.1",
        "dashboard": False,
        "dashboard_address": "127.0.0.1:0",
    }
    options = {**shared, "nthreads": 1, "memory_limit": 0, "silence_logs": logging.ERROR}
    scheduler = {"cls": distributed.Scheduler, "options": {**shared, "port": 0}}
    workers = {
        lane: {"cls": distributed.Nanny, "options": {**options, "resources": {lane: 1}}}
        for lane in dict.fromkeys((*lanes, HOST))
    }
    return distributed.SpecCluster(
        workers=workers, scheduler=scheduler, security=security, silence_logs=logging.ERROR
    )


def _check_versions(client: Any) -> None:
    """Refuse workers whose Python or edgekit differs: they die of what they are sent.

    Raises:
        UsageError: With who differs, and how.
    """
    found = client.get_versions(packages=["edgekit"])
    ours = _version(found["client"])
    for address, worker in found["workers"].items():
        if (theirs := _version(worker)) != ours:
            raise UsageError(
                f"the worker of dask at {address} has {theirs}; here it is {ours}",
                hint="install the same Python and edgekit on both hosts",
            )


def _version(side: dict[str, Any]) -> str:
    python = ".".join(str(side["host"]["python"]).split(".")[:2])
    return f"Python {python}, edgekit {side['packages'].get('edgekit', edgekit.__version__)}"


ENGINE = Dask()
