"""Logging in to a device by SSH: host keys always checked, each way to fail told apart.

The user's own `~/.ssh/config` says how to get there: jump hosts, keys, agent, ports. Nothing that
it could say lets a host key pass that isn't known, or isn't the known one.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncssh

from edgekit.errors import (
    AuthFailed,
    DataError,
    DeviceError,
    HostKeyChanged,
    HostKeyUnknown,
    Incompatible,
    LinkLost,
)
from edgekit.records.devices import HostKey
from edgekit.records.devicespec import Address, DeviceSpec
from edgekit.text import one_line

CONNECT_S = 15.0
LOGIN_S = 30.0
# A silent cut is noticed within 20 s; more traffic would disturb a small board.
_KEEPALIVE_S = 5.0
_KEEPALIVE_COUNT = 3
_KNOWN_HOSTS = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")
# After those of the known keys: a machine that has none of them any more is to say which it has,
# so that it isn't taken for one that doesn't answer.
_ANY_KEY = "+ssh-ed25519,ecdsa-sha2-nistp*,rsa-sha2-*"
_OWN_KEY = "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the device itself"


async def login(name: str, spec: DeviceSpec) -> asyncssh.SSHClientConnection:
    """A connection to the device, whose host key is the known one.

    Args:
        name: Its name in the inventory.
        spec: Its entry.

    Raises:
        HostKeyUnknown: Neither the inventory nor `known_hosts` has a key for it.
        HostKeyChanged: They have another one.
        AuthFailed: It doesn't take the user's keys.
        Incompatible: It speaks no SSH of this time.
        LinkLost: It can't be reached.
        DataError: The user's SSH configuration can't be read.
    """
    address = Address.of(spec.address)
    known = _Known(name, spec)
    try:
        async with asyncio.timeout(CONNECT_S + LOGIN_S):
            return await asyncssh.connect(
                address.host,
                **_where(address),
                client_factory=lambda: known,
                known_hosts=known.matching,
                server_host_key_algs=_ANY_KEY,
                connect_timeout=CONNECT_S,
                login_timeout=LOGIN_S,
                keepalive_interval=_KEEPALIVE_S,
                keepalive_count_max=_KEEPALIVE_COUNT,
                agent_forwarding=False,
                x11_forwarding=False,
            )
    except asyncssh.HostKeyNotVerifiable as error:
        raise known.error(error.reason) from error
    except asyncssh.KeyExchangeFailed as error:
        raise Incompatible(
            f"{name} speaks no SSH of this time: {one_line(error.reason)}",
            hint="a newer SSH server must be there",
        ) from error
    except asyncssh.PermissionDenied as error:
        raise AuthFailed(
            f"{name} doesn't let {address.user or 'this user'} in: {one_line(error.reason)}",
            hint=f"`ssh-copy-id {_for_ssh(address)}` brings your key there; `ssh-add -l` shows "
            "what your agent has",
        ) from error
    except (OSError, asyncssh.Error, TimeoutError, ValueError) as error:
        raise unreachable(f"{name} ({spec.address})", error) from error


async def offered(text: str) -> HostKey:
    """The host key that the machine at the address `text` offers, right or wrong.

    Raises:
        UsageError: That is no address.
        LinkLost: It can't be reached.
        DataError: The user's SSH configuration can't be read.
    """
    address = Address.of(text)
    where = _where(address)
    where.pop("username", None)
    try:
        async with asyncio.timeout(CONNECT_S + LOGIN_S):
            key = await asyncssh.get_server_host_key(address.host, **where)
    except (OSError, asyncssh.Error, TimeoutError, ValueError) as error:
        raise unreachable(text, error) from error
    if key is None:
        raise LinkLost(f"{text} has no host key", hint="does an SSH server answer there?")
    return HostKey(_public(key), key.get_fingerprint())


def unreachable(what: str, error: Exception) -> DeviceError | DataError:
    """The error of a device that can't be reached, or not any more."""
    if isinstance(error, ValueError):  # of asyncssh: what it reads is none
        return DataError(
            f"the SSH configuration can't be used: {one_line(str(error))}",
            hint="mend ~/.ssh/config and the keys that it names; `ssh -G HOST` shows what it says",
        )
    if isinstance(error, TimeoutError):
        words = "no answer in time"
    elif isinstance(error, OSError):
        words = error.strerror or str(error)
    else:
        words = str(error)
    return LinkLost(
        f"{what} can't be reached: {one_line(words)}",
        hint="is it on, is the network up, is the address right? `ssh` by hand tells more",
    )


class _Known(asyncssh.SSHClient):
    """The keys that the device may have, and the one that it has."""

    def __init__(self, name: str, spec: DeviceSpec) -> None:
        self._name = name
        self._spec = spec
        self._known: list[asyncssh.SSHKey] = []
        self._offered: asyncssh.SSHKey | None = None

    def matching(self, host: str, addr: str, port: int | None) -> Any:
        """The keys that the host may have: the inventory's, or those of `known_hosts`."""
        if self._spec.host_key:
            self._known = [asyncssh.import_public_key(self._spec.host_key)]
            return self._known, [], []
        found: list[list[Any]] = [[] for _ in range(7)]
        for path in map(Path, _KNOWN_HOSTS):
            file = path.expanduser()
            if file.is_file():
                matches = asyncssh.match_known_hosts(str(file), host, addr, port)
                for all_, some in zip(found, matches, strict=True):
                    all_.extend(some)
        self._known = found[0]
        return tuple(found)

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        """Note the key of a host that isn't trusted, and go on not trusting it."""
        del host, addr, port
        self._offered = key
        return False

    def error(self, reason: str) -> DeviceError:
        """Why its key isn't trusted, or, in asyncssh's words, that of a host on the way to it."""
        if self._offered is None:
            return HostKeyUnknown(
                f"a host on the way to {self._name} isn't trusted: {one_line(reason)}",
                hint="log in to it by hand once, and compare its fingerprint there",
            )
        offered = self._offered.get_fingerprint()
        if not self._known:
            return HostKeyUnknown(
                f"{self._name} has the host key {offered}, which nobody has confirmed",
                hint=f"compare it with {_OWN_KEY}; then {self._add_again()}",
            )
        known = ", ".join(key.get_fingerprint() for key in self._known)
        return HostKeyChanged(
            f"{self._name} has another host key than before: {offered}, not {known}",
            hint="it was set up anew, or another machine answers in its place. Compare with "
            f"{_OWN_KEY}; only if it is the same: {self._forget()}",
        )

    def _add_again(self) -> str:
        name, address = self._name, self._spec.address
        return f"`edgekit devices remove {name}` and `edgekit devices add {name} {address}`"

    def _forget(self) -> str:
        if self._spec.host_key:
            return self._add_again()
        return f"`ssh-keygen -R {Address.of(self._spec.address).host}`, and log in by hand once"


def _where(address: Address) -> dict[str, Any]:
    """What the address says itself; the rest is the SSH configuration's."""
    said: dict[str, Any] = {}
    if address.user:
        said["username"] = address.user
    if address.port is not None:
        said["port"] = address.port
    return said


def _for_ssh(address: Address) -> str:
    port = f"-p {address.port} " if address.port else ""
    return f"{port}{address.user + '@' if address.user else ''}{address.host}"


def _public(key: asyncssh.SSHKey) -> str:
    # The third word is a comment.
    return " ".join(key.export_public_key("openssh").decode().split()[:2])
