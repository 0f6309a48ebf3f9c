"""A channel to an agent: one question, one answer, within bounds of size and time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from edgekit.errors import DeviceError, Incompatible, LinkLost
from edgekit.transports import agentfile
from edgekit.transports.agentanswers import Hello, Refusal, shown

NAME, PROTOCOL = "edgekit-agent", 1
LINE_BYTES = 2**20
_GREETINGS = 100  # lines of a login script

_T = TypeVar("_T")


class Channel(Protocol):
    """Standard input and output of an agent that has just been started."""

    def send(self, line: bytes) -> None:
        """Send one line, whose end is in it.

        Raises:
            LinkLost: The channel broke.
        """
        ...

    def receive(self, deadline_s: float) -> bytes:
        """Some bytes, as they come; none at the end.

        Args:
            deadline_s: Until when to wait, in seconds of the monotonic clock.

        Raises:
            LinkLost: The channel broke, or nothing came.
        """
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    id: int | None
    ok: msgspec.Raw = msgspec.Raw()
    error: str | None = None
    message: str = ""


class RefusedError(Exception):
    """The agent refuses.

    Attributes:
        refusal: Why.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.kind)
        self.refusal = refusal


class Conversation:
    """Questions and answers over one channel.

    Args:
        channel: The channel to an agent that has just been started.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._rest = bytearray()
        self._asked = 0

    def close(self) -> None:
        """Let go of the channel."""
        with contextlib.suppress(LinkLost):
            self._channel.close()

    def greet(self, deadline_s: float) -> None:
        """Read the first line that is an object; what a login script says is passed over.

        Raises:
            Incompatible: It is another agent, or one that won't work.
        """
        lines = (self._line(deadline_s) for _ in range(_GREETINGS))
        hello = decoded(next((line for line in lines if line.startswith(b"{")), b""), Hello)
        if hello.refused:
            hint = "it must be this user's own, with mode 0700"
            raise Incompatible(shown(hello.refused), hint=hint)
        if (hello.hello, hello.protocol, hello.sha256) != (NAME, PROTOCOL, agentfile.sha256()):
            raise Incompatible(
                "another agent answers than the one that was sent", hint="push it again"
            )

    def ask(self, op: str, kind: type[_T], args: Mapping[str, Any], answer_s: float) -> _T:
        """The answer to one question.

        Raises:
            LinkLost: The channel broke.
            DeviceError: It is no answer.
        """
        self._asked += 1
        question = {"id": self._asked, "op": op, "args": args}
        self._channel.send(msgspec.json.encode(question) + b"\n")
        answer = decoded(self._line(time.monotonic() + answer_s), _Answer)
        if answer.id != self._asked:
            raise unintelligible("it answers what nobody asked")
        done = bytes(answer.ok)
        if bool(done) == (answer.error is not None):
            raise unintelligible("it neither answers nor refuses, or does both")
        if answer.error is not None:
            raise RefusedError(Refusal(answer.error, answer.message))
        return decoded(done, kind)

    def _line(self, deadline_s: float) -> bytes:
        looked = 0
        while (end := self._rest.find(b"\n", looked)) < 0:
            looked = len(self._rest)
            if looked > LINE_BYTES:
                raise unintelligible(f"a line has more than {LINE_BYTES} bytes")
            data = self._channel.receive(deadline_s)
            if not data:
                words = shown(self._rest.decode(errors="replace"))
                message = f"the device broke off{': ' * bool(words)}{words}"
                raise LinkLost(message, hint="is it still on, and is the network up?")
            self._rest += data
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        return line


def decoded(line: bytes, kind: type[_T]) -> _T:
    """What `line` says, as `kind`.

    Raises:
        DeviceError: It says something else.
    """
    try:
        return msgspec.json.decode(line, type=kind)
    # Brackets within brackets without end are no MsgspecError.
    except (msgspec.MsgspecError, RecursionError) as error:
        raise unintelligible(str(error)) from error


def unintelligible(what: str) -> DeviceError:
    """The error of an answer that is none."""
    return DeviceError(
        f"can't make sense of what the device sent: {shown(what)}",
        hint="are both sides the same version of edgekit?",
    )
