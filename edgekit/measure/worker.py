"""The process that measures: one job in on standard input, events out on standard output.

`python -m edgekit.measure.worker` reads a `Job` as one line of JSON and writes lines of JSON:
`{"event": "phase", "phase": ...}` as it goes, and at last `samples`, `outputs` or `failure`.
Whatever a framework prints goes to standard error. Standard input stays open until the host has
what it wants: its end is that of the worker.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, Dict, Optional, TextIO

from edgekit.errors import EdgekitError
from edgekit.measure.lines import ABANDONED, Lines
from edgekit.wire import Cooldown, EndToEnd, Failure, Job, Preprocess, Profile, Rival, Scenario

MESSAGE_LIMIT = 2000  # characters


class Channel:
    """Events to whoever started this process, on a copy of standard output of our own.

    Attributes:
        phase: What is being done.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.phase = "start"

    def enter(self, phase: str) -> None:
        """Say that `phase` begins."""
        self.phase = phase
        self.send("phase", {"phase": phase})

    def send(self, event: str, fields: Dict[str, Any]) -> None:
        """Write one event."""
        # Strict JSON: NaN would break the reader, so it must not get this far.
        line = json.dumps({"event": event, **fields}, allow_nan=False)
        self._stream.write(line + "\n")
        self._stream.flush()

    def fail(self, kind: str, message: str, hint: str, tail: str = "") -> None:
        """Write the event that ends a job that came to nothing."""
        self.send("failure", dataclasses.asdict(Failure(self.phase, kind, message, hint, tail)))


def claim_stdout() -> TextIO:
    """Keep standard output for events, and send what anybody else prints there to stderr."""
    own = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(own, "w", encoding="utf-8")


def end_with_host() -> None:
    """End this process when standard input ends, since then nobody waits for an answer.

    A thread that blocks in `read` holds no lock and takes no time, so timing doesn't notice it.
    """

    def wait() -> None:
        while os.read(0, 1024):
            pass
        # What this process started may stand still, and would do so for good.
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(ABANDONED)

    threading.Thread(target=wait, daemon=True).start()


def read_job(text: str) -> Job:
    """The job that `text` holds; the host made it, so its fields are as declared."""
    fields = json.loads(text)
    profile, cooldown = fields.pop("profile", None), fields.pop("cooldown", None)
    return Job(
        cooldown=Cooldown(**cooldown) if cooldown else None,
        profile=Profile(**profile) if profile else None,
        scenario=Scenario(**fields.pop("scenario", {})),
        end_to_end=_end_to_end(fields.pop("end_to_end", None)),
        rivals=[Rival(**rival) for rival in fields.pop("rivals", [])],
        **fields,
    )


def _end_to_end(fields: Optional[Dict[str, Any]]) -> Optional[EndToEnd]:
    if fields is None:
        return None
    return EndToEnd(preprocess=Preprocess(**fields.pop("preprocess")), **fields)


def main() -> int:
    """Do one job; the status is 0 if its outcome was sent, good or bad."""
    channel = Channel(claim_stdout())
    try:
        channel.enter("start")
        job = read_job(Lines(0).read().decode("utf-8"))
        if job.kind == "tune":
            from edgekit.measure.tune import hold

            hold(Path(job.root), channel, job.power_mode)
            return 0
        if job.kind == "look":
            from edgekit.measure.look import look

            channel.send("look", dataclasses.asdict(look(Path(job.root))))
            return 0
        if job.scenario.mode != "turns":  # which reads standard input itself
            end_with_host()
        # Late, so that a broken NumPy is an event too.
        from edgekit.measure.tasks import perform

        perform(job, channel)
    except EdgekitError as error:
        channel.fail(error.kind, str(error), error.hint)
    except MemoryError as error:
        message = f"there is not enough memory: {error}"
        hint = "try a smaller batch or shape; `edgekit doctor` says how much memory is free"
        channel.fail("ToolError", message[:MESSAGE_LIMIT], hint)
    except Exception as error:  # noqa: BLE001 -- the end of the process: all must become an event
        message = f"the worker failed with {type(error).__name__}: {error}"[:MESSAGE_LIMIT]
        hint = "a defect of edgekit or of the runtime; the last lines say where"
        channel.fail("DeviceError", message, hint, traceback.format_exc()[-MESSAGE_LIMIT:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
