"""The host's side of the agent: asks, believes nothing, and comes back over a new channel."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from edgekit.errors import DataError, DeviceBusy, DeviceError, LinkLost
from edgekit.transports.agentanswers import (
    Facts,
    Lock,
    Made,
    Output,
    Part,
    Result,
    State,
    Swept,
    Unlocked,
    Unpacked,
    failure,
    shown,
)
from edgekit.transports.agentchannel import Channel, Conversation, RefusedError, unintelligible

# Of one answer of a worker, all its lines together. A million inferences are 20 MiB.
STREAM_BYTES = 2**27
ANSWER_S = 30.0
# Before it starts a job, a device computes the digest of all the files.
START_S = 300.0
WAIT_S = 10.0  # the device waits so long for something to come before it says that nothing did
FIRST_PAUSE_S, MOST_PAUSE_S = 0.2, 5.0
_T = TypeVar("_T")


class AgentClient:
    """Asks the agent of one device.

    Whatever is asked may be asked twice, so that it is asked again over a new channel whenever one
    breaks.

    Args:
        opener: Starts an agent and gives the channel to it. Only `LinkLost` is worth another try.
        patience_s: Seconds for which a channel that broke is opened again.

    Attributes:
        was_greeted: Whether an agent there ever answered.
    """

    def __init__(self, opener: Callable[[], Channel], *, patience_s: float = 120.0) -> None:
        self._opener = opener
        self._patience_s = patience_s
        self._conversation: Conversation | None = None
        self.was_greeted = False

    def close(self) -> None:
        """Let go of the channel. What runs on the device runs on."""
        if self._conversation is not None:
            self._conversation.close()
            self._conversation = None

    def probe(self, *, system: str = "/") -> Facts:
        """What the device is and has; its system's files lie below `system`."""
        return self._ask("probe", Facts, {"system": system})

    def lock(self, owner: str, ttl_s: float) -> None:
        """Take the device for `ttl_s` seconds, and for as long as a job of `owner` runs on it.

        Raises:
            DeviceBusy: Somebody else has it.
        """
        lock = self._ask("lock", Lock, {"owner": owner, "ttl_s": ttl_s})
        if not lock.held:
            left = f" for another {lock.left_s:.0f} s at most" if lock.left_s else ""
            raise DeviceBusy(
                f"the device is held by {shown(lock.owner)}{left}",
                hint="wait until it is free; two at once spoil both results",
            )

    def unlock(self, owner: str) -> None:
        """Give the device back."""
        self._ask("unlock", Unlocked, {"owner": owner})

    def unpack(self, sha256: str) -> bool:
        """Let a bundle be there to be used, by a job that finds it at `bundles/SHA256`.

        Args:
            sha256: Of its archive, which is only needed in `files/SHA256` if it was never there.

        Returns:
            Whether it is; if not, the archive must be pushed first.

        Raises:
            Incompatible: The disk is full.
        """
        return self._ask("unpack", Unpacked, {"sha256": sha256}, answer_s=START_S).there

    def mkjob(self, job: str, files: Mapping[str, str]) -> list[str]:
        """Make the folder of a job.

        Args:
            job: Its id: 32 hexadecimal digits that nobody else will make up.
            files: SHA-256 of each file that it needs, by its place in the folder where it runs.

        Returns:
            The digests of those that must be pushed to `files/SHA256` first.
        """
        missing = self._ask("mkjob", Made, {"job": job, "files": dict(files)}).missing
        if not set(missing) <= set(files.values()):
            raise unintelligible("it lacks files that it doesn't need")
        return missing

    def start(self, job: str, **order: Any) -> State:
        """Begin a job that doesn't run yet; `order` has the fields of the agent's `Spec`.

        Raises:
            DeviceBusy: Its owner doesn't have the device.
            Incompatible: The disk is full.
        """
        return self._ask("start", State, {"job": job, **order}, answer_s=START_S)

    def status(self, job: str) -> State:
        """How a job is."""
        return self._ask("status", State, {"job": job})

    def touch(self, job: str) -> State:
        """Renew a job's lease. Reading its output does so too."""
        return self._ask("touch", State, {"job": job})

    def cancel(self, job: str) -> State:
        """Let a job end."""
        return self._ask("cancel", State, {"job": job})

    def gc(self, job: str, **limits: int) -> bool:
        """Remove a job's folder; `limits` are `keep_jobs` and `keep_bytes` of all that is kept.

        Returns:
            Whether it is gone: not while it runs.
        """
        return job not in self._ask("gc", Swept, {"job": job, **limits}).left

    def attach(
        self, job: str, *, timeout_s: float, most_bytes: int = STREAM_BYTES
    ) -> Iterator[bytes]:
        """The lines of a job's standard output from the first on, each once, until it ends.

        Args:
            job: Its id.
            timeout_s: Seconds to listen for.
            most_bytes: Of all lines together.

        Raises:
            DeviceError: There are more, or it is still not over.
            LinkLost: The link broke for good.
        """
        rest = bytearray()
        for data in self._pieces(job, "stdout", most_bytes, time.monotonic() + timeout_s):
            *lines, tail = data.split(b"\n")
            for line in lines:
                yield bytes(rest + line)
                rest.clear()
            rest += tail
        # One that was cut, by a full disk or at its end, would hide why.
        if rest and failure(self.result(job), timeout_s) is None:
            yield bytes(rest)

    def result(self, job: str) -> Result:
        """How a job ended.

        Raises:
            DeviceError: It runs, never began, or was lost.
        """
        state = self.status(job)
        if state.result is not None:
            return state.result
        if state.why == "rebooted":
            message = "the device was restarted in the middle of the job"
            raise DeviceError(message, hint="look at its power supply, then run it again")
        if state.why == "supervisor died":
            message = "what watches over the job on the device was killed, and the job with it"
            raise DeviceError(message, hint="its kernel's log may say why; then run it again")
        raise DeviceError(f"the job is {state.state}", hint="run it again")

    def fetch(self, job: str, name: str, told: Output, to: Path) -> None:
        """Bring an output of an ended job here, whole or not at all.

        Args:
            job: Its id.
            name: The output.
            told: What the result says of it.
            to: Where it goes.

        Raises:
            DataError: It isn't what the result says.
        """
        part, digest, size_bytes = to.with_name(f"{to.name}.part"), hashlib.sha256(), 0
        try:
            with part.open("wb") as file:
                for data in self._pieces(job, name, told.size_bytes, time.monotonic() + START_S):
                    file.write(data)
                    digest.update(data)
                    size_bytes += len(data)
            if (size_bytes, digest.hexdigest()) != (told.size_bytes, told.sha256):
                raise DataError(f"{name} isn't what the device said", hint="run it again")
            part.replace(to)
        finally:
            part.unlink(missing_ok=True)

    def _pieces(self, job: str, name: str, most_bytes: int, until_s: float) -> Iterator[bytes]:
        offset = 0
        while True:
            args = {"job": job, "name": name, "offset": offset, "wait_s": WAIT_S}
            part = self._ask("tail", Part, args, answer_s=WAIT_S + ANSWER_S)
            if part.next != offset + len(part.data):
                raise unintelligible("a piece isn't where it should be")
            offset = part.next
            if offset > most_bytes:
                raise DeviceError(
                    f"the device sent more than {most_bytes} bytes of {name}",
                    hint="something else than edgekit's worker answered",
                )
            if part.data:
                yield part.data
            elif part.state != "running":
                return
            if time.monotonic() >= until_s:
                raise DeviceError("the job is still not over", hint="allow more time")

    def _ask(
        self, op: str, kind: type[_T], args: Mapping[str, Any], *, answer_s: float = ANSWER_S
    ) -> _T:
        pause_s, give_up_s = FIRST_PAUSE_S, None
        while True:
            try:
                conversation = self._conversation or self._opened()
                return conversation.ask(op, kind, args, answer_s)
            except LinkLost:
                self.close()
                # Where there never was a link, nothing is lost yet.
                give_up_s = give_up_s or time.monotonic() + self._patience_s
                if not self.was_greeted or time.monotonic() + pause_s > give_up_s:
                    raise
            except RefusedError as error:
                raise error.refusal.error(op) from None
            except DeviceError:  # who knows what it would say next
                self.close()
                raise
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, MOST_PAUSE_S)

    def _opened(self) -> Conversation:
        self._conversation = Conversation(self._opener())
        self._conversation.greet(time.monotonic() + ANSWER_S)
        self.was_greeted = True
        return self._conversation
