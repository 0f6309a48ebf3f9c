"""A story in a thread of its own."""

from __future__ import annotations

import threading

import pytest

from edgekit.errors import LinkLost
from edgekit.transports import relay as module
from edgekit.transports.relay import Say, relay


class About:
    def __init__(self) -> None:
        self.asked = threading.Event()
        self.broken = threading.Event()

    def ask_to_end(self) -> None:
        self.asked.set()

    def break_off(self) -> None:
        self.broken.set()


def test_lines_come_in_order_and_then_the_end() -> None:
    def story(say: Say, stop: threading.Event) -> None:
        for line in (b"one", b"two"):
            say(line)

    assert list(relay(story, About())) == [b"one", b"two"]


def test_what_a_story_ends_with_reaches_its_reader() -> None:
    def story(say: Say, stop: threading.Event) -> None:
        say(b"one")
        raise LinkLost("gone", hint="")

    lines = relay(story, About())
    assert next(lines) == b"one"
    with pytest.raises(LinkLost):
        next(lines)


def test_it_goes_on_while_the_reader_is_busy() -> None:
    later = threading.Event()

    def story(say: Say, stop: threading.Event) -> None:
        say(b"one")
        later.set()
        stop.wait()

    lines = relay(story, About())
    next(lines)
    assert later.wait(60)
    lines.close()  # type: ignore[attr-defined]


def test_a_story_that_hears_its_end_is_not_asked() -> None:
    about = About()

    def story(say: Say, stop: threading.Event) -> None:
        say(b"one")
        stop.wait()

    lines = relay(story, about)
    next(lines)
    lines.close()  # type: ignore[attr-defined]
    assert not about.asked.is_set()


@pytest.mark.parametrize("how", ["asked", "broken"])
def test_a_story_that_waits_for_something_else_is_ended(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PROMPT_S", 0.01)
    monkeypatch.setattr(module, "_ASKED_S", 0.01 if how == "broken" else 60.0)
    about = About()

    def story(say: Say, stop: threading.Event) -> None:
        say(b"one")
        assert getattr(about, how).wait(60)

    lines = relay(story, about)
    next(lines)
    lines.close()  # type: ignore[attr-defined]
    assert getattr(about, how).is_set()
