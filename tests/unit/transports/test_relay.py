"""A story in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from edgekit.errors import DeviceError, LinkLost
from edgekit.transports import relay as module
from edgekit.transports.relay import Relay, Say


class Story:
    """One that a function tells."""

    def __init__(self, told: Callable[[Say, threading.Event], None]) -> None:
        self.asked = threading.Event()
        self.broken = threading.Event()
        self.tell = told

    def ask_to_end(self) -> None:
        self.asked.set()

    def break_off(self) -> None:
        self.broken.set()


def test_lines_come_in_order_and_then_the_end() -> None:
    def story(say: Say, stop: threading.Event) -> None:
        for line in (b"one", b"two"):
            say(line)

    assert list(Relay(Story(story)).lines()) == [b"one", b"two"]


def test_what_a_story_ends_with_reaches_its_reader() -> None:
    def story(say: Say, stop: threading.Event) -> None:
        say(b"one")
        raise LinkLost("gone", hint="")

    lines = Relay(Story(story)).lines()
    assert next(lines) == b"one"
    with pytest.raises(LinkLost):
        next(lines)


def test_it_goes_on_while_the_reader_is_busy() -> None:
    later = threading.Event()

    def story(say: Say, stop: threading.Event) -> None:
        say(b"one")
        later.set()
        stop.wait()

    lines = Relay(Story(story)).lines()
    next(lines)
    assert later.wait(60)
    lines.close()  # type: ignore[attr-defined]


def test_a_story_that_hears_its_end_is_not_asked() -> None:
    def story(say: Say, stop: threading.Event) -> None:
        say(b"one")
        stop.wait()

    about = Story(story)
    lines = Relay(about).lines()
    next(lines)
    lines.close()  # type: ignore[attr-defined]
    assert not about.asked.is_set()


@pytest.mark.parametrize("how", ["asked", "broken"])
def test_a_story_that_waits_for_something_else_is_ended(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PROMPT_S", 0.01)
    monkeypatch.setattr(module, "_ASKED_S", 0.01 if how == "broken" else 60.0)

    def story(say: Say, stop: threading.Event) -> None:
        say(b"one")
        assert getattr(about, how).wait(60)

    about = Story(story)
    lines = Relay(about).lines()
    next(lines)
    lines.close()  # type: ignore[attr-defined]
    assert getattr(about, how).is_set()


def test_another_thread_stops_it() -> None:
    def story(say: Say, stop: threading.Event) -> None:
        say(b"one")
        stop.wait()

    relay = Relay(Story(story))
    lines = relay.lines()
    next(lines)
    hand = threading.Thread(target=relay.stop)
    hand.start()
    with pytest.raises(DeviceError, match="stopped"):
        next(lines)
    hand.join()


def test_one_that_was_stopped_before_it_began_ends() -> None:
    def story(say: Say, stop: threading.Event) -> None:
        stop.wait()

    relay = Relay(Story(story))
    relay.stop()
    with pytest.raises(DeviceError, match="stopped"):
        next(relay.lines())
