"""Files brought to a device that answers anything."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.errors import DeviceError, EdgekitError, Incompatible, LinkLost
from edgekit.transports import cargo, shell

ITEMS = [cargo.of_bytes(b"one"), cargo.of_bytes(b"two")]
GOOD: dict[str, Any] = {"root": "/home/me/.cache/edgekit", "missing": [1], "python": [3, 8, 10]}


class Script:
    """A device that says what it is told to, in pieces; meets `Shell` and `Process`."""

    def __init__(self, *pieces: bytes, status: int | None = None, forever: bytes = b"") -> None:
        self._pieces = list(pieces)
        self._status = status
        self._forever = forever
        self.sent = b""
        self.argv: Sequence[str] = ()
        self.closed = False

    def start(self, argv: Sequence[str]) -> Script:
        self.argv = argv
        return self

    def send(self, line: bytes) -> None:
        self.sent += line

    def receive(self, deadline_s: float) -> bytes:
        return self._pieces.pop(0) if self._pieces else self._forever

    def status(self, deadline_s: float) -> int | None:
        return self._status

    def complaint(self) -> str:
        return "sh: not found"

    def close(self) -> None:
        self.closed = True


def line(answer: object) -> bytes:
    return json.dumps(answer).encode() + b"\n"


def bring(device: Script) -> str:
    try:
        return shell.bring(device, "python3", "~/.cache/edgekit", ITEMS)
    finally:
        assert device.closed


def test_what_is_missing_is_sent_and_no_more() -> None:
    device = Script(line(GOOD), line({"received": 1}))
    assert bring(device) == GOOD["root"]
    listed, _, content = device.sent.partition(b"\n")
    assert [entry[0] for entry in json.loads(listed)] == [item.path for item in ITEMS]
    assert content == b"two"
    assert device.argv[:3] == ["python3", "-I", "-c"]
    assert device.argv[4] == "~/.cache/edgekit"


def test_what_a_login_script_says_is_passed_over() -> None:
    greeting = b"\x1b[31mwelcome\nto the board\n"
    pieces = [bytes([byte]) for byte in greeting + line(GOOD) + line({"received": 1})]
    assert bring(Script(*pieces)) == GOOD["root"]


@pytest.mark.parametrize(
    "answer",
    [
        {**GOOD, "root": "home"},
        {**GOOD, "root": "/a\x1b[2J"},
        {**GOOD, "root": 3},
        {**GOOD, "missing": [2]},
        {**GOOD, "missing": [-1]},
        {**GOOD, "missing": [1, 1]},
        {**GOOD, "missing": "all"},
        {"root": "/x"},
        {},
    ],
)
def test_an_answer_that_is_none_is_refused(answer: dict[str, Any]) -> None:
    device = Script(line(answer), line({"received": 1}))
    with pytest.raises(DeviceError) as caught:
        bring(device)
    assert b"two" not in device.sent
    assert "\x1b" not in str(caught.value)


def test_broken_json_is_refused() -> None:
    with pytest.raises(DeviceError, match="make sense"):
        bring(Script(b'{"root": \n'))


@pytest.mark.parametrize("endless", [b"x" * 2**16, b"{" * 2**16, b"x\n" * 2**10])
def test_an_answer_without_an_end_is_refused(endless: bytes) -> None:
    with pytest.raises(DeviceError, match="make sense"):
        bring(Script(forever=endless))


def test_a_device_that_keeps_less_than_it_got_is_told() -> None:
    with pytest.raises(DeviceError, match="didn't take"):
        bring(Script(line(GOOD), line({"received": 0})))


def test_a_refusal_is_told_without_its_colours() -> None:
    with pytest.raises(Incompatible, match="no room") as caught:
        bring(Script(line({"refused": "no room\x1b[2J"})))
    assert "\x1b" not in str(caught.value)


def test_an_old_python_is_told() -> None:
    with pytest.raises(Incompatible, match=r"3\.6\.9; the worker needs 3\.8"):
        bring(Script(line({**GOOD, "python": [3, 6, 9]})))


def test_no_python_is_told() -> None:
    with pytest.raises(Incompatible, match="there is no python3") as caught:
        bring(Script(status=127))
    assert caught.value.stderr_tail == "sh: not found"


def test_a_broken_link_is_not_a_missing_python() -> None:
    with pytest.raises(LinkLost):
        bring(Script(b"welcome\n"))


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8))
def test_no_answer_is_worse_than_an_error(pieces: list[bytes]) -> None:
    with pytest.raises(EdgekitError):
        bring(Script(*pieces, line({"refused": "no"})))
