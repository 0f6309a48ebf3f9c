"""Every error that edgekit raises on purpose.

EdgekitError
 +-- UsageError         2  what was asked for can't be done, or isn't known
 +-- MissingDependency  3  a package, or a GPU, that is needed isn't here
 +-- ToolError          4  a framework failed; its own error is the cause
 |    +-- FixedBatchError   the file can't run at another batch than its own
 +-- DeviceError        5  the machine that runs the job failed or went away
 |    +-- LinkLost          it can't be reached, or not any more
 |    +-- AuthFailed        it doesn't let us in
 |    +-- HostKeyUnknown    nobody has said yet that it is the right machine
 |    +-- HostKeyChanged    it isn't the machine that it was
 |    +-- DeviceBusy        somebody else measures on it
 |    +-- Incompatible      it lacks something that a job needs
 +-- DataError          6  a stored or received file is broken, missing or not what it claims

The number is the exit status of the command. A message says what was wrong and where; the hint
says what to do, so it is required.
"""

from __future__ import annotations

from typing import Dict, Type


class EdgekitError(Exception):
    """Root of edgekit's errors.

    Attributes:
        hint: What the reader can do about it, with the exact command where there is one.
        stderr_tail: The last lines that a failed process or framework wrote.
        exit_code: Exit status of the command that ends with this error.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str, stderr_tail: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.stderr_tail = stderr_tail

    @classmethod
    def exit_code_of(cls, kind: str) -> int:
        """Exit status of the error class named `kind`: that of the root if there is none."""
        return cls.kinds().get(kind, cls).exit_code

    @classmethod
    def kinds(cls) -> Dict[str, Type[EdgekitError]]:
        """Every class below this one, by its name."""
        found: Dict[str, Type[EdgekitError]] = {}
        for kind in cls.__subclasses__():
            found[kind.__name__] = kind
            found.update(kind.kinds())
        return found

    @property
    def kind(self) -> str:
        """Name of the error's class, as it stands in JSON."""
        return type(self).__name__


class UsageError(EdgekitError):
    """What was asked for is unknown, impossible or contradicts itself."""

    exit_code = 2


class MissingDependency(EdgekitError):  # noqa: N818 -- the design's word; it reads as a state
    """A package, or a GPU, that the asked-for path needs is not here."""

    exit_code = 3


class ToolError(EdgekitError):
    """A framework failed at its job. Its own error is the `__cause__`."""

    exit_code = 4


class FixedBatchError(ToolError):
    """The file can't run at another batch than the one that it was exported with."""


class DeviceError(EdgekitError):
    """A worker or a device failed.

    Attributes:
        stage: What it was doing: `start`, `load`, `golden`, `warmup`, `run`, ...
    """

    exit_code = 5

    def __init__(
        self, message: str, *, hint: str, stage: str = "start", stderr_tail: str = ""
    ) -> None:
        super().__init__(message, hint=hint, stderr_tail=stderr_tail)
        self.stage = stage


class LinkLost(DeviceError):  # noqa: N818 -- the design's words, here and below: they are states
    """A device can't be reached, or not any more. What runs there may run on."""


class AuthFailed(DeviceError):  # noqa: N818
    """A device doesn't take the user's key."""


class HostKeyUnknown(DeviceError):  # noqa: N818
    """Nobody has confirmed yet that the machine which answers is the right one."""


class HostKeyChanged(DeviceError):  # noqa: N818
    """The machine that answers has another host key than the known one. No flag skips this."""


class DeviceBusy(DeviceError):  # noqa: N818
    """Another host has the lock on a device."""


class Incompatible(DeviceError):  # noqa: N818
    """A device lacks what a job needs: a new enough Python, a runtime, room on its disk."""


class DataError(EdgekitError):
    """A file that was stored, given or received is broken, missing or not what it claims."""

    exit_code = 6
