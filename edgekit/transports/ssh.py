"""Devices that are reached over SSH: nothing is installed there, nothing runs there as root."""

from __future__ import annotations

import contextlib
import shlex
import threading
import time
from collections.abc import Iterator, Sequence

from edgekit import inventory
from edgekit.errors import LinkLost
from edgekit.records import Device
from edgekit.records.devices import DeviceFacts, HostKey
from edgekit.records.devicespec import Address, DeviceSpec
from edgekit.transports import cargo, shell
from edgekit.transports.agentclient import AgentClient
from edgekit.transports.background import Background
from edgekit.transports.relay import relay
from edgekit.transports.remote import Errand
from edgekit.transports.sshlogin import LOGIN_S, Process, login, offered
from edgekit.wire import Job

# Exit status of a Python that finds no such file.
_NO_FILE = 2
_START_S = 30.0


class SshMachine:
    """One device over SSH, connected when it has to be.

    Args:
        name: Its name in the inventory.
        spec: Its entry.
    """

    def __init__(self, name: str, spec: DeviceSpec) -> None:
        self._name = name
        self._spec = spec
        self._loop = Background()
        self._guard = threading.Lock()
        self._connection: Connection | None = None

    def start(self, argv: Sequence[str]) -> Process:
        """Start a program; no word of `argv` means anything to the shell there.

        Raises:
            LinkLost: The device can't be reached.
            DeviceError: It doesn't let us in, or isn't the device.
        """
        return self._connected().start(argv)

    def agent(self) -> Process:
        """Start an agent there, brought if it isn't there yet.

        Raises:
            LinkLost: The device can't be reached.
            DeviceError: It can't be used.
        """
        item = cargo.agent()
