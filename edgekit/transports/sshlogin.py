"""Logging in to a device by SSH: host keys always checked, each way to fail told apart.

The user's own `~/.ssh/config` says how: jump hosts, keys, agent, ports. Nothing that it could say
makes a host key that isn't known, or isn't the known one, pass.
"""

from __future__ import annotations

import asyncio

import asyncssh

from edgekit.errors import AuthFailed
from edgekit.records.devicespec import Address, DeviceSpec

CONNECT_S = 15.0
LOGIN_S = 30.0
# A silent cut is noticed within 20 s; more traffic would disturb a small board.
_KEEPALIVE_S = 5.0
_KEEPALIVE_COUNT = 3
_LOCAL_KEY = "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the device"


async def login(name: str, spec: DeviceSpec) -> asyncssh.SSHClientConnection:
    """A connection to the device, whose host key is the known one.

    Args:
        name: Its name in the inventory.
        spec: Its entry.

    Raises:
        HostKeyUnknown: Neither the inventory nor `known_hosts` has a key for it.
        HostKeyChanged: They have another one.
        AuthFailed: It doesn't take the user's keys.
        LinkLost: It can't be reached.
        DataError: The user's SSH configuration can't be read.
    """
    address = Address.of(spec.address)
    known = _Known(spec)
    try:
        async with asyncio.timeout(CONNECT_S + LOGIN_S):
            return await asyncssh.connect(
                address.host,
                **_where(address),
                client_factory=lambda: known,
                known_hosts=known.hosts,
                # As a list it is what known_hosts was asked for; a key of another type also fails.
                connect_timeout=CONNECT_S,
                login_timeout=LOGIN_S,
                keepalive_interval=_KEEPALIVE_S,
                keepalive_count_max=_KEEPALIVE_COUNT,
                agent_forwarding=False,
                x11_forwarding=False,
            )
    except asyncssh.HostKeyNotVerifiable as error:
        raise known.wrong(name, spec) from error
    except asyncssh.PermissionDenied as error:
        raise AuthFailed(
            f"{name} doesn't let {address.user or 'this user'} in: {error.reason}",
            hint=f"`ssh-copy-id {_for_ssh(address)}` brings your key there; "
            "`ssh-add -l` shows what the agent has",
        ) from error
    except asyncssh.KeyExchangeFailed as error:
        raise known.wrong(name, spec, error.reason) from error
    except (OSError, asyncssh.Error, TimeoutError) as error:
        raise lost(name, spec, error) from error
