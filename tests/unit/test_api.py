"""The gate as Python calls: the words of the command line."""

from __future__ import annotations

import contextlib
import inspect
import types
from pathlib import Path
from typing import Any

import pytest

from edgekit import api
from edgekit.cli.gate import gate as command
from edgekit.errors import UsageError
from edgekit.records import Limits
from edgekit.workflows import comparison, revisions
from edgekit.workflows.pairs import GateRequest, Pairs
from tests import gate_verdicts as made


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was to be compared; nothing is measured."""
    found: list[Any] = []

    def pairs(request: GateRequest) -> Pairs:
        found.append(request)
        return Pairs((made.plan(),), (), ())

    def gate(_: Pairs, on_event: Any, *, base: str, head: str) -> Any:
        on_event(f"{base} {head}")
        return made.slow()

    stub = types.SimpleNamespace(gate=gate, resolution=lambda *_: made.resolution())
    monkeypatch.setattr(comparison, "gate", stub)
    monkeypatch.setattr(comparison, "pairs", pairs)
    monkeypatch.setattr(revisions, "built", lambda request, _: contextlib.nullcontext(request))
    monkeypatch.setattr(comparison, "aa_plans", lambda request: pairs(request).plans)
    return found


def test_a_gate_gives_a_verdict(asked):
    heard: list[str] = []
    verdict = api.gate(Path("a"), "b", max_slowdown=0.05, data="photos", on_event=heard.append)
    assert verdict.outcome is api.Outcome.FAIL
    assert heard == ["a b"]
    assert asked == [GateRequest("a", "b", limits=Limits(0.05), data=Path("photos"))]


def test_every_limit_arrives(asked):
    api.gate(
        "a",
        "b",
        max_slowdown=0.02,
        max_size_growth=0.03,
        max_memory_growth=0.04,
        max_ops_growth=0.05,
        max_int8_drop=0.06,
        max_drop=7,
        shapes={"x": (1, 3)},
    )
    (request,) = asked
    assert request.limits == Limits(0.02, 0.03, 0.04, 0.05, 0.06, 0.07)
    assert request.shapes == {"x": [1, 3]}


def test_the_defaults_are_the_command_lines(asked):
    api.gate("a", "b")
    assert asked == [GateRequest("a", "b")]
    words = {"budget": "budget_s", "shape": "shapes"}
    told = {"aa", "junit", "markdown", "sarif", "annotations", "json", "on_inconclusive"}
    known = inspect.signature(api.gate).parameters.keys() - {"on_event"}
    assert {
        words.get(name, name) for name in inspect.signature(command).parameters
    } - told == known


def test_resolution_compares_each_file_with_itself(asked):
    (found,) = api.resolution("a", threads=1)
    assert found.attainable
    assert asked == [GateRequest("a", "", threads=1)]


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"max_slowdown": 0.009}, "--aa"),
        ({"max_slowdown": float("nan")}, "no share"),
        ({"max_size_growth": -0.1}, "no share"),
        ({"budget_s": 0.0}, "no time"),
        ({"budget_s": float("inf")}, "no time"),
    ],
)
def test_limits_that_can_not_be_kept_are_refused(asked, limits, words):
    with pytest.raises(UsageError) as error:
        api.gate("a", "b", **limits)
    assert words in f"{error.value} {error.value.hint}"
    assert asked == []
