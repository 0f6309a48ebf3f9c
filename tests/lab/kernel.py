"""The calls of Linux that Python 3.11 has no name for. Standard library only."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NEW_MOUNTS = 0x00020000
NEW_HOSTNAME = 0x04000000
NEW_USERS = 0x10000000
NEW_PIDS = 0x20000000
NEW_NETWORK = 0x40000000

_SET_PARENT_DEATH_SIGNAL = 1
_TUNSETIFF = 0x400454CA
_TUN_WITHOUT_HEADER = 0x1001

_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
# Of linux/filter.h: load a word of the call's data, compare, answer.
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _FAIL_WITH = 0x7FFF0000, 0x00050000
# The machine as the kernel's audit numbers it, and its number of the call `socket`.
_SOCKET_CALLS = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}

_libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> None:
    """Call a function of the C library that gives 0 when it worked.

    Raises:
        OSError: It didn't.
    """
    if getattr(_libc, name)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def die_with_parent() -> None:
    """Have this process killed when the one that started it ends."""
    call("prctl", _SET_PARENT_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)


def unshare(kinds: int) -> None:
    """Move this process into new namespaces."""
    call("unshare", kinds)


def deny_vsock() -> None:
    """Have this process, and those it starts, told that there is no AF_VSOCK.

    Such sockets reach the machine below a virtual one, and no network namespace holds them back.
    adbd listens on one.
    """
    architecture, socket_call = _SOCKET_CALLS[os.uname().machine]
    instructions = [
        (_LOAD, 0, 0, 4),
        (_JUMP_IF_EQUAL, 0, 5, architecture),
        (_LOAD, 0, 0, 0),
        (_JUMP_IF_EQUAL, 0, 3, socket_call),
        (_LOAD, 0, 0, 16),
        (_JUMP_IF_EQUAL, 0, 1, int(socket.AF_VSOCK)),
        (_RETURN, 0, 0, _FAIL_WITH | errno.EAFNOSUPPORT),
        (_RETURN, 0, 0, _ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in instructions))
    program = struct.pack("HP", len(instructions), ctypes.addressof(code))
    call("prctl", _SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0)


@contextmanager
def inside(network: Path) -> Iterator[None]:
    """Have this thread, and those it starts, open its sockets in another network namespace."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(network, os.O_RDONLY)
    try:
        call("setns", there, NEW_NETWORK)
        try:
            yield
        finally:
            call("setns", home, NEW_NETWORK)
    finally:
        os.close(home)
        os.close(there)


def tunnel(network: Path, name: str) -> int:
    """A new TUN interface in a namespace, as a descriptor that reads and writes whole packets."""
    with inside(network):
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        request = struct.pack("16sH22x", name.encode(), _TUN_WITHOUT_HEADER)
        fcntl.ioctl(descriptor, _TUNSETIFF, request)
    return descriptor
