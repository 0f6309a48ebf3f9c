"""The host's side of the agent, with devices that answer anything, or nothing."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.errors import (
    AuthFailed,
    DataError,
    DeviceBusy,
    DeviceError,
    HostKeyChanged,
    Incompatible,
    LinkLost,
)
from edgekit.transports import agentfile
from edgekit.transports.agentanswers import Output, Result, failure
from edgekit.transports.agentclient import AgentClient

JOB = "0" * 32
LONG_S = 60.0
HELLO = {
    "hello": "edgekit-agent",
    "protocol": 1,
    "sha256": agentfile.sha256(),
    "python": "3.8.10",
    "refused": "",
}
RESULT = {
    "reason": "exit",
    "error": "",
    "status": 0,
    "signal": None,
    "wall_s": 1.0,
    "peak_bytes": 1,
    "strays": 0,
    "all_ended": True,
    "disk_full": False,
    "kept_bytes": {"stdout": 1, "stderr": 0},
    "dropped_bytes": {"stdout": 0, "stderr": 0},
    "supervisor_cpu_s": 0.0,
    "tail": "",
    "outputs": {},
}


class Script:
    """A channel that says what it was given, and then ends."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.sent: list[Any] = []
        self.closed = False

    def send(self, line: bytes) -> None:
        assert line.endswith(b"\n")
        self.sent.append(json.loads(line))

    def receive(self, deadline_s: float) -> bytes:
        if time.monotonic() > deadline_s:
            raise LinkLost("nothing came", hint="")
        return next(self._chunks, b"")

    def close(self) -> None:
        self.closed = True


def line(fields: Any) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def ok(fields: Any, number: int = 1) -> bytes:
    return line({"id": number, "ok": fields})


def part(data: bytes, next: int, state: str = "running") -> dict[str, Any]:
    return {"data": base64.b64encode(data).decode(), "next": next, "state": state}


def client(*chunks: bytes, patience_s: float = 0.0) -> AgentClient:
    """A client of a device that says its first line and then `chunks`, once."""
    channels = iter([Script([line(HELLO), *chunks])])
    return AgentClient(lambda: next(channels, Script([])), patience_s=patience_s)


def test_answers_come_in_whatever_pieces() -> None:
    text = line(HELLO) + ok({"missing": []}) + ok({"missing": ["1" * 64]}, 2)
    channel = Script(bytes([byte]) for byte in text)
    talk = AgentClient(lambda: channel, patience_s=0.0)
    assert talk.mkjob(JOB, {}) == []
    assert talk.mkjob(JOB, {"model": "1" * 64}) == ["1" * 64]
    assert [question["id"] for question in channel.sent] == [1, 2]


def test_what_a_login_script_says_is_passed_over() -> None:
    channel = Script([b"Welcome!\n\nLast login: today\n", line(HELLO), ok({"released": True})])
    AgentClient(lambda: channel, patience_s=0.0).unlock("a")


def test_a_login_script_that_has_no_end_is_no_agent() -> None:
    channel = Script(itertools.repeat(b"Welcome!\n"))
    with pytest.raises(DeviceError, match="make sense"):
        AgentClient(lambda: channel, patience_s=0.0).unlock("a")
    assert channel.closed


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"sha256": "0" * 64}, Incompatible),
        ({"protocol": 2}, Incompatible),
        ({"hello": "somebody"}, Incompatible),
        ({"refused": "the folder is open"}, Incompatible),
        ({"more": 1}, DeviceError),
    ],
)
def test_another_agent_is_none(change: dict[str, Any], kind: type[DeviceError]) -> None:
    channel = Script([line({**HELLO, **change})])
    with pytest.raises(kind):
        AgentClient(lambda: channel, patience_s=0.0).unlock("a")


@pytest.mark.parametrize(
    "answer",
    [
        b"\n",
        b"\xff\n",
        b"[" * 10_000 + b"\n",
        b"null\n",
        line({"id": 2, "ok": {"released": True}}),
        line({"id": None, "ok": {"released": True}}),
        line({"id": 1}),
        line({"id": 1, "ok": {"released": True}, "error": "busy", "message": ""}),
        line({"id": 1, "ok": {"released": 1}}),
        line({"id": 1, "ok": {"released": True, "more": 1}}),
        line({"id": 1, "ok": None}),
        b'{"id": 1, "ok": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
        b"x" * (2**20 + 2**17),
    ],
)
def test_an_answer_that_is_none(answer: bytes) -> None:
    with pytest.raises(DeviceError, match="make sense") as caught:
        client(answer).unlock("a")
    assert not isinstance(caught.value, LinkLost)


def test_a_line_of_a_gigabyte_is_not_kept() -> None:
    chunks = 0

    def endless() -> Iterator[bytes]:
        nonlocal chunks
        yield line(HELLO)
        for _ in range(2**14):
            chunks += 1
            yield b"x" * 2**16

    channel = Script(endless())
    with pytest.raises(DeviceError, match="a line has more"):
        AgentClient(lambda: channel, patience_s=0.0).unlock("a")
    assert chunks < 20
    assert channel.closed


@pytest.mark.parametrize(
    ("kind", "error"), [("busy", DeviceBusy), ("disk", Incompatible), ("file", DeviceError)]
)
def test_a_refusal_is_told_without_what_steers_a_terminal(
    kind: str, error: type[DeviceError]
) -> None:
    refusal = {"id": 1, "error": kind, "message": "\x1b[2Jheld by\nben\x07" + "x" * 9999}
    with pytest.raises(error, match="held by ben") as caught:
        client(line(refusal)).start(JOB)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_a_lock_that_somebody_else_has() -> None:
    lock = {"held": False, "owner": "ben\x1b[0m", "left_s": 12.0}
    with pytest.raises(DeviceBusy, match=r"held by ben.*12 s"):
        client(ok(lock)).lock("anna", 60.0)


def test_files_that_nobody_named_are_not_pushed() -> None:
    with pytest.raises(DeviceError, match="doesn't need"):
        client(ok({"missing": ["2" * 64]})).mkjob(JOB, {"model": "1" * 64})


def test_lines_are_cut_where_they_end() -> None:
    parts = [part(b"on", 2), part(b"e\ntwo\n\nth", 11), part(b"ree", 14), part(b"", 14, "done")]
    parts.append({"state": "done", "result": RESULT})
    talk = client(*(ok(fields, number) for number, fields in enumerate(parts, 1)))
    assert list(talk.attach(JOB, timeout_s=LONG_S)) == [b"one", b"two", b"", b"three"]


@pytest.mark.parametrize("next", [0, 2, 4, 2**62])
def test_a_piece_that_is_not_where_it_should_be(next: int) -> None:
    with pytest.raises(DeviceError, match="where it should be"):
        list(client(ok(part(b"one", next))).attach(JOB, timeout_s=LONG_S))


def test_output_without_end_is_cut_off() -> None:
    def endless() -> Iterator[bytes]:
        yield line(HELLO)
        for number in itertools.count(1):
            yield ok(part(b"x" * 1000, 1000 * number), number)

    talk = AgentClient(lambda: Script(endless()), patience_s=0.0)
    with pytest.raises(DeviceError, match="more than 5000 bytes"):
        list(talk.attach(JOB, timeout_s=LONG_S, most_bytes=5000))


def test_a_job_that_never_ends_is_left_at_its_time() -> None:
    def idle() -> Iterator[bytes]:
        yield line(HELLO)
        for number in itertools.count(1):
            yield ok(part(b"", 0), number)

    with pytest.raises(DeviceError, match="not over"):
        list(AgentClient(lambda: Script(idle()), patience_s=0.0).attach(JOB, timeout_s=0.05))


@pytest.mark.parametrize(
    "change",
    [
        {"reason": "signal"},
        {"reason": "bored"},
        {"status": None},
        {"status": -1},
        {"signal": 9},
        {"wall_s": -1.0},
        {"peak_bytes": 1.5},
        {"kept_bytes": {"stdin": 1}},
        {"outputs": {"../../x": {"size_bytes": 1, "sha256": "0" * 64}}},
        {"outputs": {"x": {"size_bytes": -1, "sha256": "0" * 64}}},
        {"tail": "x" * 5000},
    ],
)
def test_a_result_that_can_not_be(change: dict[str, Any]) -> None:
    state = {"state": "done", "result": {**RESULT, **change}}
    with pytest.raises(DeviceError, match="make sense"):
        client(ok(state)).result(JOB)


@pytest.mark.parametrize(
    "state", [{"state": "done"}, {"state": "running", "result": RESULT}, {"state": "asleep"}]
)
def test_a_state_that_contradicts_itself(state: dict[str, Any]) -> None:
    with pytest.raises(DeviceError, match="make sense"):
        client(ok(state)).status(JOB)


def test_times_that_are_no_numbers() -> None:
    state = ok({"state": "done", "result": RESULT}).replace(b'"wall_s": 1.0', b'"wall_s": NaN')
    with pytest.raises(DeviceError, match="make sense"):
        client(state).result(JOB)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"reason": "timeout", "status": None, "signal": 9}, DeviceError, "no result after 7 s"),
        ({"reason": "oom", "status": None, "signal": 9}, DeviceError, "memory"),
        ({"reason": "cancelled"}, DeviceError, "cancelled"),
        ({"reason": "lease"}, LinkLost, "heard nothing"),
        ({"reason": "exec", "status": None, "error": "no \x1bfile"}, DeviceError, "no  file"),
        ({"reason": "signal", "status": None, "signal": 11}, DeviceError, "SIGSEGV"),
        ({"status": 3}, DeviceError, "status 3"),
        ({"disk_full": True}, Incompatible, "full"),
        ({"dropped_bytes": {"stdout": 1}}, DeviceError, "more than"),
    ],
)
def test_how_a_job_ended_is_an_error_that_says_so(
    change: dict[str, Any], error: type[DeviceError], words: str
) -> None:
    state = {"state": "done", "result": {**RESULT, **change}}
    found = failure(client(ok(state)).result(JOB), timeout_s=7.0)
    assert isinstance(found, error)
    assert words in str(found)
    assert found.hint


def test_an_output_that_is_another_than_was_told(tmp_path: Path) -> None:
    told = Output(3, hashlib.sha256(b"one").hexdigest())
    for data in (b"two", b"on"):
        talk = client(ok(part(data, len(data), "done")), ok(part(b"", len(data), "done"), 2))
        with pytest.raises(DataError):
            talk.fetch(JOB, "x", told, tmp_path / "x")
    with pytest.raises(DeviceError, match="more than 3 bytes"):
        client(ok(part(b"more", 4, "done"))).fetch(JOB, "x", told, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_channel_that_breaks_is_opened_again_and_asked_again() -> None:
    scripts = [
        Script([line(HELLO), ok(part(b"one\nt", 5))]),
        Script([b'{"hel']),
        Script([line(HELLO), b'{"id": 1, "o']),
        Script([line(HELLO), ok(part(b"wo\n", 8)), ok(part(b"", 8, "done"), 2)]),
    ]
    waiting = iter(scripts)
    talk = AgentClient(lambda: next(waiting), patience_s=LONG_S)
    assert list(talk.attach(JOB, timeout_s=LONG_S)) == [b"one", b"two"]
    assert [script.closed for script in scripts] == [True, True, True, False]
    assert [script.sent[-1]["args"]["offset"] for script in scripts if script.sent] == [5, 5, 8]


def test_patience_has_an_end() -> None:
    talk = client(ok({"released": True}))
    talk.unlock("a")
    with pytest.raises(LinkLost, match="broke off"):
        talk.unlock("a")


def test_what_was_never_reached_is_not_waited_for() -> None:
    opened: list[Script] = []

    def opener() -> Script:
        opened.append(Script([b"Permission denied"]))
        return opened[-1]

    with pytest.raises(LinkLost, match="broke off: Permission denied"):
        AgentClient(opener, patience_s=1.0).unlock("a")
    assert len(opened) == 1


@pytest.mark.parametrize("kind", [AuthFailed, HostKeyChanged])
def test_another_try_helps_against_a_lost_link_alone(kind: type[DeviceError]) -> None:
    first = Script([line(HELLO), ok({"released": True})])
    waiting: Iterator[Callable[[], Script]] = iter([lambda: first])

    def opener() -> Script:
        for step in waiting:
            return step()
        raise kind("no", hint="")

    talk = AgentClient(opener, patience_s=LONG_S)
    talk.unlock("a")
    with pytest.raises(kind):
        talk.unlock("a")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
RESULTS = st.fixed_dictionaries({name: st.just(value) | JSON for name, value in RESULT.items()})
STATES = st.fixed_dictionaries({"state": st.just("done") | JSON, "result": RESULTS | JSON})
ANSWERS = st.fixed_dictionaries({"id": st.just(1) | JSON, "ok": STATES | JSON})


@given(answer=st.binary(max_size=200) | ANSWERS.map(line))
@settings(max_examples=150, deadline=None)
def test_any_answer_is_believed_whole_or_refused(answer: bytes) -> None:
    try:
        result = client(answer).result(JOB)
    except DeviceError as error:
        said = str(error)
    else:
        assert isinstance(result, Result)
        said = f"{result.wall_s:g}"
    assert said.isprintable()
    assert said not in ("nan", "inf")
