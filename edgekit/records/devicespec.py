"""One entry of an inventory: where a device is, and what may stand in such an entry."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Annotated, Any, Literal

import msgspec

from edgekit.errors import UsageError
from edgekit.wire import Cooldown

WORK_DIR = "~/.cache/edgekit"
PYTHON = "python3"
_MOST_PORT = 65535
_ADDRESS = re.compile(
    r"(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9._-]{0,63})@)?"
    r"(?:\[(?P<bracketed>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9][A-Za-z0-9._-]{0,252}))"
    r"(?::(?P<port>[0-9]{1,5}))?"
)
# Each reaches a command line or a path on the device, so none may hold a space, quote or `;`.
_Address = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._@:\[\]-]{1,400}\Z")]
_Folder = Annotated[
    str, msgspec.Meta(pattern=r"^~?(/[A-Za-z0-9_+-][A-Za-z0-9._+-]*|/\.[A-Za-z0-9_-]+)+\Z")
]
_Program = Annotated[
    str, msgspec.Meta(pattern=r"^(/[A-Za-z0-9._+-]+)*/?[A-Za-z0-9_][A-Za-z0-9._+-]*\Z")
]
_HostKey = Annotated[str, msgspec.Meta(pattern=r"^([a-z0-9@.-]+ [A-Za-z0-9+/]+=*)?\Z")]


class Address(msgspec.Struct, frozen=True):
    """Where a machine is reached by SSH.

    Attributes:
        host: Name, alias of the user's SSH configuration, or IP address.
        user: Whom to log in as; empty for what the SSH configuration says.
        port: TCP port; None for what the SSH configuration says.
    """

    host: str
    user: str = ""
    port: int | None = None

    @classmethod
    def of(cls, text: str) -> Address:
        """The address that `text` is: `[user@]host[:port]`, an IPv6 address in brackets.

        Raises:
            UsageError: It is none.
        """
        found = _ADDRESS.fullmatch(text)
        port = int(found["port"]) if found and found["port"] else None
        if found is None or (port is not None and not 0 < port <= _MOST_PORT):
            raise UsageError(f"{text!r} is no address", hint="write user@host or user@host:2222")
        return cls(found["host"] or found["bracketed"], found["user"] or "", port)


class CooldownSpec(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """How cool a device has to be before each process measures on it.

    Attributes:
        start_below_c: Degrees that the hottest zone of what computes has to be below.
        max_wait_s: Seconds to wait for that, at most.
        on_timeout: What to do if it isn't: measure all the same and say so, or fail.
    """

    start_below_c: Annotated[float, msgspec.Meta(ge=0, le=120)]
    max_wait_s: Annotated[float, msgspec.Meta(ge=0, le=86400)] = 300.0
    on_timeout: Literal["warn", "fail"] = "warn"

    @property
    def order(self) -> Cooldown:
        """The same, as a job carries it."""
        return Cooldown(self.start_below_c, self.max_wait_s, self.on_timeout)


class DeviceSpec(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One entry of an inventory.

    Attributes:
        transport: What reaches it.
        address: Of `ssh`: `[user@]host[:port]`; of `adb`: the serial number.
        host_key: Its public host key, as `ssh-ed25519 AAAA...`; empty where the user's
            `known_hosts` has it.
        work_dir: Folder on the device that edgekit may use; no other program's.
        python: Python on the device, by name or absolute path.
        root: Where its system's files are: `/proc` and `/sys` lie in it.
        emulated: Whether it is no real hardware, so that its times say nothing.
        cooldown: How cool it has to be before each process measures; None to begin at once.
        power_mode: Number of the power mode (`nvpmodel`) that `--tune` puts a Jetson in and takes
            it out of again; None to leave it in its own.
        wait_s: Seconds to wait for whoever else measures on it, before it is said to be busy.
        benchmark_model: Of a phone: path of LiteRT's program for it, on this machine.
    """

    transport: Literal["ssh", "adb"] = "ssh"
    address: _Address
    host_key: _HostKey = ""
    work_dir: _Folder = WORK_DIR
    python: _Program = PYTHON
    root: Annotated[str, msgspec.Meta(pattern=r"^/[A-Za-z0-9._/-]*\Z")] = "/"
    emulated: bool = False
    cooldown: CooldownSpec | None = None
    power_mode: Annotated[int, msgspec.Meta(ge=0, le=99)] | None = None
    wait_s: Annotated[float, msgspec.Meta(ge=0, le=86400)] = 600.0
    benchmark_model: Annotated[str, msgspec.Meta(pattern=r"^(/[^\x00-\x1f\x7f]+)?\Z")] = ""

    def __post_init__(self) -> None:
        try:
            base64.b64decode(self.host_key.partition(" ")[2], validate=True)
        except ValueError as error:
            raise ValueError("host_key is no key as OpenSSH writes it") from error

    @classmethod
    def of(cls, **fields: Any) -> DeviceSpec:
        """An entry made of `fields`, checked as strictly as one that was read.

        Raises:
            UsageError: A field isn't what it must be.
        """
        for name, value in fields.items():
            try:
                msgspec.convert({"address": "host", name: value}, cls)
            except msgspec.ValidationError as error:
                raise UsageError(
                    f"{name} can't be {value!r}",
                    hint="use letters, digits and `._+-`; folders are absolute or begin with `~/`",
                ) from error
        made: DeviceSpec = msgspec.convert(fields, cls)
        if made.transport == "ssh":
            Address.of(made.address)
        return made

    @property
    def fingerprint(self) -> str:
        """The fingerprint of its host key, as OpenSSH writes it; empty if it has none."""
        _, _, coded = self.host_key.partition(" ")
        digest = hashlib.sha256(base64.b64decode(coded + "==")).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}" if coded else ""
