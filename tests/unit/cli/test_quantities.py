"""Numbers with units on the command line."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.cli import quantities
from edgekit.errors import UsageError


@pytest.mark.parametrize(
    ("text", "value"),
    [("3%", 0.03), ("3 %", 0.03), ("0.03", 0.03), (".5", 0.5), ("0", 0.0), ("100%", 1.0)],
)
def test_a_share_is_written_as_percent_or_as_a_number(text, value):
    assert quantities.share(text, "--max-slowdown") == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "%", "-3%", "3s", "nan", "inf", "1e-2", "3%%", "200%", "٣%"])
def test_what_is_no_share_is_refused_with_what_would_be(text):
    with pytest.raises(UsageError, match="--max-slowdown") as refused:
        quantities.share(text, "--max-slowdown")
    assert "3%" in refused.value.hint


def test_a_forgotten_percent_sign_is_guessed_in_the_hint_only():
    with pytest.raises(UsageError) as refused:
        quantities.share("3", "--max-slowdown")
    assert "--max-slowdown 3%" in refused.value.hint


@pytest.mark.parametrize(
    ("text", "seconds"), [("60", 60), ("60s", 60), ("2m", 120), ("1.5 min", 90), ("500ms", 0.5)]
)
def test_a_time_has_a_unit_or_is_in_seconds(text, seconds):
    assert quantities.duration_s(text, "--budget") == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "0", "0s", "-1", "60x", "1m30s", "5%", "inf"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(UsageError, match="--budget"):
        quantities.duration_s(text, "--budget")


@given(st.text())
def test_any_text_is_a_share_or_refused(text):
    with contextlib.suppress(UsageError):
        assert 0.0 <= quantities.share(text, "--x") <= 1.0


@given(st.floats(0.0, 100.0))
def test_percent_comes_back(percent):
    assert quantities.share(f"{percent:.6f}%", "--x") == pytest.approx(percent / 100, abs=1e-8)
