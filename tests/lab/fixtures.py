"""The lab as fixtures. tests/conftest.py names this file, so every test has them.

A test that uses one is marked with what it needs, by the fixture's name: no test can forget to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.lab import board as boards
from tests.lab import cgroups
from tests.lab import phone as phones
from tests.lab.machine import Layout, Machine, system
from tests.lab.needs import NAMES, lacking, needs
from tests.lab.network import Device, Network
from tests.lab.parts import CannotGetError
from tests.lab.phone import Adbd
from tests.lab.sshd import Sshd

MadeT = TypeVar("MadeT")

_NEEDED_BY = {"new_sshd": "ssh", "network": "netns", "board": "arm64", "phone": "adb"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with what its fixtures need, before `-m` picks."""
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in _NEEDED_BY:
                item.add_marker(_NEEDED_BY[fixture])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Look for what a test's marks say it needs."""
    needs(*(name for name in NAMES if item.get_closest_marker(name)))


@pytest.fixture(scope="session")
def clean_lab() -> None:
    """Nothing of dead runs is left."""
    cgroups.sweep()


@pytest.fixture
def new_sshd(tmp_path: Path) -> Iterator[Callable[..., Sshd]]:
    """Starts an SSH server on loopback, on a machine of its own; takes `name` and `user`."""
    machines = []

    def start(name: str = "loopback", user: str = "ek") -> Sshd:
        folder = tmp_path / name
        folder.mkdir()
        machine = Machine(Layout(folder=folder, commands=system(folder, Path("/"))))
        machines.append(machine)
        server = Sshd(machine, user=user)
        machine.start()
        server.start()
        return server

    yield start
    for machine in machines:
        machine.power_cut()


@pytest.fixture
def sshd(new_sshd: Callable[..., Sshd]) -> Sshd:
    """An SSH server on loopback that lets a plain user in."""
    return new_sshd()


@pytest.fixture
def network(tmp_path: Path, clean_lab: None) -> Iterator[Network]:
    """A host in a network of its own, to which devices can be added."""
    folder = tmp_path / "lab"
    folder.mkdir()
    empty = Network(folder)
    yield empty
    empty.close()


@pytest.fixture
def board(network: Network) -> boards.Board:
    """An emulated arm64 Jetson, `jetson`, in the network."""
    return made("arm64", lambda: boards.add(network, "jetson"))


@pytest.fixture
def phone(network: Network) -> Device[Adbd]:
    """A phone, `phone`, in the network, that the host's adb is connected to."""
    added = made("adb", lambda: phones.add(network, "phone"))
    added.server.connect()
    return added


def made(need: str, make: Callable[[], MadeT]) -> MadeT:
    """What `make` makes; where it can't be downloaded, the end of the test."""
    try:
        return make()
    except CannotGetError as error:
        reason = str(error)
    return lacking(need, reason)
