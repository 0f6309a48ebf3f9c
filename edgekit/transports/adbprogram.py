"""The program `adb`, under deadlines of ours: on a link that was cut it hangs for ever."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.errors import AuthFailed, DeviceError, Incompatible, LinkLost, MissingDependency
from edgekit.text import printable

_SERVER_S = 20.0
_CONNECT_S = 15.0
# Of a shell command: the shell starts within tens of milliseconds.
_ANSWER_S = 15.0
# Of a file: slower than this is as good as broken.
_LEAST_BYTES_PER_S = 2**19
_LOOK_S = 0.05
_MOST_WORDS_BYTES = 2**12
# What adb itself says, in its versions from 29 on; the first that is found.
_REFUSED = ("unauthorized", "failed to authenticate", "authenticating")
_FORBIDDEN = "permissions"
_FULL = "no space left"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call of adb gave.

    Attributes:
        status: Its exit status.
        output: What it wrote.
        words: What it wrote beside that: adb's complaints, and the phone's.
    """

    status: int
    output: bytes
    words: str


def program() -> str:
    """Where adb is: on the path, or in the package adbutils.

    Raises:
        MissingDependency: It isn't here.
    """
    if found := shutil.which("adb"):
        return found
    spec = importlib.util.find_spec("adbutils")
    beside = Path(spec.origin or "").parent / "binaries" / "adb" if spec else Path()
    if beside.is_file():
        return str(beside)
    raise MissingDependency(
        "adb, which reaches phones, isn't here",
        hint="`sudo apt install adb`, or `pip install adbutils`, which brings it",
    )


class Adb:
    """One phone, by the serial number that adb calls it by.

    Args:
        serial: `HOST:PORT` where it is reached over TCP.
    """

    def __init__(self, serial: str) -> None:
        self._serial = serial
        self._program = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()

    def shell(self, words: Sequence[str], limit_bytes: int) -> Answer:
        """Run a program there; no word means anything to the shell there.

        Raises:
            LinkLost: The phone isn't there, or doesn't answer.
            AuthFailed: It doesn't let us in.
            DeviceError: It writes more than `limit_bytes`.
        """
        return self._phone(["shell", shlex.join(words)], _ANSWER_S, limit_bytes)

    def push(self, path: Path, to: str) -> None:
        """Send a file. What is there is whole only if its digest says so.

        Raises:
            LinkLost: The phone isn't there, or takes too long.
            AuthFailed: It doesn't let us in.
            Incompatible: Its disk is full.
        """
        most_s = 2 * _ANSWER_S + path.stat().st_size / _LEAST_BYTES_PER_S
        answer = self._phone(["push", str(path.absolute()), to], most_s, _MOST_WORDS_BYTES)
        if answer.status:
            raise self._trouble(answer.output.decode(errors="replace") + answer.words)

    def connect(self) -> None:
        """Connect anew, where it is reached over TCP. adb says `device` of one long gone."""
        if ":" not in self._serial:
            return
        self._call(["disconnect", self._serial], _CONNECT_S, _MOST_WORDS_BYTES)
        answer = self._call(["connect", self._serial], _CONNECT_S, _MOST_WORDS_BYTES)
        words = answer.output.decode(errors="replace") + answer.words
        if "connected to" not in words:
            raise self._trouble(words)

    def stop(self) -> None:
        """Let whatever runs fail at once, and all that follows."""
        self._stopped.set()
        if self._process is not None:
            self._process.kill()

    def _phone(self, words: Sequence[str], most_s: float, limit_bytes: int) -> Answer:
        answer = self._call(["-s", self._serial, *words], most_s, limit_bytes)
        said = answer.words.strip()
        if answer.status and not answer.output and said.startswith(("error:", "adb: ")):
            raise self._trouble(said)
        return answer

    def _call(self, words: Sequence[str], most_s: float, limit_bytes: int) -> Answer:
        if not self._program:
            found = program()
            # By itself: it leaves a server behind, which must not end with a call.
            self._run([found, "start-server"], _SERVER_S, _MOST_WORDS_BYTES)
            self._program = found
        return self._run([self._program, *words], most_s, limit_bytes)

    def _run(self, argv: Sequence[str], most_s: float, limit_bytes: int) -> Answer:
        # Files, since a server that it starts would keep pipes open.
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as words:
            with subprocess.Popen(  # noqa: S603 -- a fixed program, no shell
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=words
            ) as process:
                self._process = process
                try:
                    self._wait(process, most_s, [output.fileno(), words.fileno()], limit_bytes)
                finally:
                    process.kill()
            output.seek(0)
            words.seek(0)
            said = words.read(_MOST_WORDS_BYTES).decode(errors="replace")
            return Answer(process.returncode, output.read(limit_bytes), printable(said))

    def _wait(
        self, process: subprocess.Popen[bytes], most_s: float, files: list[int], limit_bytes: int
    ) -> None:
        until_s = time.monotonic() + most_s
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_S)
            if any(os.fstat(file).st_size > limit_bytes for file in files):
                raise DeviceError(
                    f"the phone wrote more than {limit_bytes} bytes",
                    hint="something else than edgekit's script answers there",
                )
            if self._stopped.is_set():
                raise DeviceError("the link was closed", hint="run it again")
            if time.monotonic() > until_s:
                raise LinkLost(
                    f"{self._serial} does not answer: nothing for {most_s:.0f} s",
                    hint="see to its cable or its network, and `adb devices`",
                )

    def _trouble(self, words: str) -> DeviceError:
        said = printable(words).strip().removeprefix("error:").strip()
        lower = said.lower()
        if any(word in lower for word in _REFUSED):
            return AuthFailed(
                f"{self._serial} does not let this computer in: {said}",
                hint="accept this computer's key on the phone's screen; switch USB debugging off "
                "and on if it doesn't ask",
            )
        if _FULL in lower:
            return Incompatible("the phone's disk is full", hint="free some room there")
        if _FORBIDDEN in lower:
            return AuthFailed(
                f"this user may not use {self._serial}: {said}",
                hint="`sudo apt install android-sdk-platform-tools-common` brings udev's rules; "
                "then plug it in again",
            )
        return LinkLost(
            f"{self._serial} can't be reached: {said}",
            hint="`adb devices` shows the phones that there are",
        )
