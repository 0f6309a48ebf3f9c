"""What the lab's parts need of a machine, and what a test says that finds it missing."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.lab import cgroups

# A run of these that was green because it tested nothing would say too much.
REQUIRED_IN_CI = {"ssh", "netns", "arm64"}
_SANDBOX = ("unshare", "nsenter", "mount", "chroot")
# The first Linux in which a user namespace has formats of programs (binfmt_misc) of its own.
_LINUX = (6, 7)


def needs(*names: str) -> None:
    """Skip the test, with the reason, where something it needs is missing; in CI, fail it.

    Args:
        names: Of `ssh`, `netns`, `arm64`, `adb`, `fleet`.
    """
    for name in names:
        for reason in _MISSING[name]():
            lacking(name, reason)


def lacking(name: str, reason: str) -> NoReturn:
    """End the test: what it needs can't be had."""
    message = f"{name}: {reason}"
    if name in REQUIRED_IN_CI and os.environ.get("CI") == "true":
        pytest.fail(f"{message} (.ci/lab installs it)", pytrace=False)
    pytest.skip(message)


def _ssh() -> Iterator[str]:
    if os.geteuid() != 0:
        yield "only root can make namespaces and mounts; run the tests as root"
    yield from _programs(*_SANDBOX)
    yield from _programs("sshd", "ssh", "ssh-keygen", package="openssh-server")
    if importlib.util.find_spec("asyncssh") is None:
        yield "asyncssh is not installed: pip install asyncssh"


def _netns() -> Iterator[str]:
    yield from _ssh()
    yield from _programs("ip", package="iproute2")
    if not Path("/dev/net/tun").exists():
        yield "the kernel has no TUN devices: /dev/net/tun is not there"
    unified = cgroups.tree("cgroup2")
    if unified is None or not os.access(unified, os.W_OK):
        yield "no control groups of version 2 that can be written to"


def _arm64() -> Iterator[str]:
    yield from _netns()
    yield from _programs("mmdebstrap")
    yield from _programs("apt-get", "dpkg-deb")
    release = platform.release().split("-")[0].split(".")
    if tuple(map(int, release[:2])) < _LINUX:
        yield f"Linux {'.'.join(release)} has one binfmt_misc for all; 6.7 or newer is needed"
    if "binfmt_misc" not in Path("/proc/filesystems").read_text():
        yield "the kernel can't start another architecture's programs: it has no binfmt_misc"


def _adb() -> Iterator[str]:
    yield from _netns()
    yield from _programs("adb")
    yield from _programs("apt-get", "dpkg-deb")


def _fleet() -> Iterator[str]:
    if importlib.util.find_spec("distributed") is None:
        yield "Dask is not installed: pip install 'distributed'"


def _programs(*names: str, package: str | None = None) -> Iterator[str]:
    for name in names:
        if shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
            yield f"{name} is not installed: apt-get install {package or name}"


_MISSING: dict[str, Callable[[], Iterator[str]]] = {
    "ssh": _ssh,
    "netns": _netns,
    "arm64": _arm64,
    "adb": _adb,
    "fleet": _fleet,
}
NAMES = tuple(_MISSING)
