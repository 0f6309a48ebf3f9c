"""A phone, asked by a script of ours there: its files, its lock, and the jobs that run on it."""

from __future__ import annotations

import functools
import re
import secrets
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from edgekit.errors import DeviceBusy, DeviceError, Incompatible, LinkLost
from edgekit.text import one_line
from edgekit.transports.adbprogram import Adb
from edgekit.transports.cargo import Item, of_bytes
from edgekit.transports.visit import LEASE_S, steadily

HOME = "/data/local/tmp/edgekit"
FILES = f"{HOME}/files"
_SCRIPT = Path(__file__).with_name("phone.sh")
# Of what a word may hold that goes there: nothing that a shell knows.
_WORD = re.compile(r"[A-Za-z0-9@%+=:,./_-]{1,500}")
_STRANGE = re.compile(r"[^A-Za-z0-9@.:_-]")
_ANSWER_BYTES = 2**20
_KEPT_FILES = 30
_SHOWN = 200

T = TypeVar("T")


class Phone:
    """Meets what a job needs of a phone, through whatever befalls the link.

    Args:
        serial: What adb calls it by.
        owner: Who asks, as others on the same phone read it.
    """

    def __init__(self, serial: str, owner: str) -> None:
        self._adb = Adb(serial)
        self._owner = _STRANGE.sub("_", owner)[:_SHOWN]
        self._script = ""
        self.was_reached = False

    def take(self) -> None:
        """Have it for ourselves, for a lease that every question renews.

        Raises:
            DeviceBusy: Somebody else has it.
            Incompatible: Its Android is too old.
        """
        word, _, rest = one_line(self.ask("lock")).partition(" ")
        if word == "lacks":
            raise Incompatible(
                f"the phone has no {rest[:_SHOWN]}", hint="Android 8 is the oldest that will do"
            )
        if word != "held":
            left_s, _, owner = rest[:_SHOWN].partition(" ")
            raise DeviceBusy(
                f"{owner.strip()} measures on it, for another {left_s} s at most",
                hint="wait until it is free; two at once spoil both results",
            )

    def free(self) -> None:
        """Let others have it."""
        self.ask("unlock")

    def facts(self) -> str:
        """What it is and how it is, as `edgekit.android.state` reads it."""
        return self.ask("facts")

    def heat(self) -> str:
        """Of `facts` its temperatures alone."""
        return self.ask("facts", "thermal")

    def bring(self, items: Iterable[Item]) -> None:
        """Send those files that it hasn't got yet.

        Raises:
            Incompatible: Its disk is full.
            DataError: A file can't be read.
        """
        wanted = {item.sha256: item for item in items}
        lacking = self.ask("lacking", *wanted).split()
        for sha256 in wanted.keys() & set(lacking):
            self._steadily(functools.partial(self._send, wanted[sha256]))

    def begin(self, job: str, steps: Item, timeout_s: float) -> None:
        """Start a job, once: what it does is in a file that was brought."""
        self.ask("begin", job, str(max(1, round(timeout_s))), steps.sha256)

    def state(self, job: str) -> tuple[str, str]:
        """How far a job is: its phase, and its exit status once it is over.

        Returns:
            `("", "")` where there is no such job; for the second `running`, a status, `timeout`,
            `lease` if nobody asked for too long, or `gone` if it ended without a word.
        """
        phase, _, rest = self.ask("state", job).strip().partition(" ")
        return ("", "") if phase == "absent" else (phase, rest)

    def size_bytes(self, job: str, name: str) -> int | None:
        """Size of a file in a job's folder; None if it isn't there."""
        told = self.ask("size", job, name).strip()
        return int(told) if re.fullmatch("[0-9]{1,15}", told) else None

    def fetch(self, job: str, name: str, limit_bytes: int) -> bytes:
        """The first bytes of a file in a job's folder."""
        words = ("fetch", job, name, str(limit_bytes))
        return self._steadily(lambda: self._asked(words, limit_bytes))

    def end(self, job: str) -> None:
        """End a job if it isn't over, and take its folder away."""
        self.ask("end", job, str(_KEPT_FILES + 1))

    def stop(self) -> None:
        """Let whatever is waited for fail at once. What runs there runs on."""
        self._adb.stop()

    def ask(self, verb: str, *words: str) -> str:
        """What the script there answers; asked again while the link breaks.

        Raises:
            LinkLost: The phone isn't there, or the link broke and stayed so.
            DeviceError: It doesn't let us in, or can't do it.
        """
        answer = self._steadily(lambda: self._asked((verb, *words), _ANSWER_BYTES))
        return answer.decode(errors="replace")

    def _asked(self, words: Sequence[str], limit_bytes: int) -> bytes:
        path = self._ready()
        line = ["sh", path, self._owner, str(round(LEASE_S)), *words]
        answer = self._adb.shell([_checked(word) for word in line], limit_bytes)
        if answer.status:
            # Whoever cleaned up there may have removed it: it is sent again.
            self._script = ""
            raise LinkLost(
                f"the phone's shell gave no whole answer: {answer.words.strip()[:_SHOWN]}",
                hint="run it again; see to its cable or its network",
            )
        return answer.output

    def _ready(self) -> str:
        """The path of the script there, sent if it isn't there yet."""
        if self._script:
            return self._script
        script = of_bytes(_SCRIPT.read_bytes())
        path = f"{HOME}/phone-{script.sha256[:16]}.sh"
        if not self._has(path, script.sha256):
            self._adb.shell(["mkdir", "-p", FILES, f"{HOME}/jobs"], _ANSWER_BYTES)
            part = self._sent(script)
            self._adb.shell(["mv", part, path], _ANSWER_BYTES)
            if not self._has(path, script.sha256):
                raise Incompatible(
                    f"no file can be written to {HOME}",
                    hint="Android 8 is the oldest that will do; is its disk full?",
                )
        self.was_reached, self._script = True, path
        return path

    def _has(self, path: str, sha256: str) -> bool:
        answer = self._adb.shell(["sha256sum", path], _ANSWER_BYTES)
        return answer.output.startswith(sha256.encode())

    def _send(self, item: Item) -> None:
        part = self._sent(item)
        if self._asked(("keep", part, item.sha256), _ANSWER_BYTES).strip() != b"kept":
            raise LinkLost("a file did not arrive whole", hint="run it again")

    def _sent(self, item: Item) -> str:
        part = f"{HOME}/sent-{secrets.token_hex(8)}"
        if isinstance(item.content, Path):
            self._adb.push(item.content, part)
            return part
        with tempfile.NamedTemporaryFile(prefix="edgekit-") as file:
            file.write(item.content)
            file.flush()
            self._adb.push(Path(file.name), part)
        return part

    def _steadily(self, action: Callable[[], T]) -> T:
        """Do `action`, which may be done twice; one that isn't there at all is told at once."""

        def again() -> T:
            try:
                return action()
            except LinkLost:
                # Both ways it is connected when this returns.
                self._adb.connect()
                if not self.was_reached:
                    return action()
                raise

        if self.was_reached:
            return steadily(again)
        return again()


def _checked(word: str) -> str:
    if not _WORD.fullmatch(word):
        raise DeviceError(f"{word!r} is no word for a phone", hint="report this")
    return word
