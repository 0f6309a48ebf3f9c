"""The fixture `edgekit_gate` of pytest: a test that fails if a model became slower.

    def test_fast(edgekit_gate):
        edgekit_gate("exported/a", "exported/b", max_slowdown=0.03)

Paths are relative to the folder that pytest was started in, as everywhere else. What noise leaves
open is a warning, or what `on_inconclusive` says: an argument of the fixture, the command line's
`--edgekit-on-inconclusive`, or `edgekit_on_inconclusive` in pytest's settings. Where warnings are
errors, say `pass`, or leave this one out: `default::edgekit.pytest_plugin.InconclusiveWarning`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from edgekit.errors import EdgekitError
    from edgekit.records import GateVerdict

_SETTING = "edgekit_on_inconclusive"
_CHOICES = ("warn", "pass", "fail")


class InconclusiveWarning(pytest.PytestWarning):
    """A gate could not decide: noise was too large for its budget."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """What an inconclusive gate is taken for, where the test doesn't say it."""
    about = "what an inconclusive edgekit_gate is taken for: warn, pass or fail"
    group = parser.getgroup("edgekit")
    group.addoption("--edgekit-on-inconclusive", choices=_CHOICES, help=about)
    parser.addini(_SETTING, about, default="warn")


@pytest.fixture
def edgekit_gate(request: pytest.FixtureRequest) -> Callable[..., GateVerdict]:
    """Compares two model files, or folders of them, and fails the test if head is worse than base.

    The function that it gives takes what `edgekit.api.gate` takes, and `on_inconclusive`. It
    returns the verdict. Ratios go to the test's properties, which JUnit XML shows.
    """
    default = request.config.getoption(_SETTING) or request.config.getini(_SETTING)

    def gate(
        base: Any, head: Any, *, on_inconclusive: str = default, **options: Any
    ) -> GateVerdict:
        __tracebackhide__ = True
        if on_inconclusive not in _CHOICES:
            raise pytest.UsageError(
                f"on_inconclusive knows no {on_inconclusive!r}: one of {', '.join(_CHOICES)}"
            )
        found = _compared(base, head, options)
        if isinstance(found, Exception):
            # Not while it is handled, or pytest would tell of both.
            told = filter(None, [str(found), found.stderr_tail, f"hint: {found.hint}"])
            pytest.fail("\n".join(["edgekit_gate: could not compare", *told]), pytrace=False)
        # `record_property` does the same, and warns of a schema that readers don't mind.
        request.node.user_properties += _properties(found)
        _judge(found, on_inconclusive)
        return found

    return gate


def _compared(base: Any, head: Any, options: dict[str, Any]) -> GateVerdict | EdgekitError:
    # Here, so that no other test waits for them.
    from edgekit import api
    from edgekit.errors import EdgekitError

    try:
        return api.gate(base, head, **options)
    except EdgekitError as error:
        return error


def _properties(verdict: GateVerdict) -> list[tuple[str, str]]:
    found = [("edgekit.outcome", verdict.outcome.value)]
    for pair in verdict.pairs:
        if timing := pair.timing:
            name = f"edgekit.{pair.plan.name}"
            found.append((f"{name}.latency_ratio", f"{timing.ratio:.5f}"))
            if timing.interval:
                low, high = timing.interval
                found.append((f"{name}.latency_interval", f"{low:.5f} {high:.5f}"))
    return found


def _judge(verdict: GateVerdict, on_inconclusive: str) -> None:
    __tracebackhide__ = True
    from edgekit.records import Outcome
    from edgekit.reports.gate import text, words

    inconclusive = verdict.outcome is Outcome.INCONCLUSIVE
    if verdict.outcome is Outcome.FAIL or (inconclusive and on_inconclusive == "fail"):
        pytest.fail(
            f"edgekit_gate: {words.headline(verdict)}\n{text.render(verdict)}", pytrace=False
        )
    if inconclusive and on_inconclusive == "warn":
        # To where the test calls the fixture.
        warnings.warn(
            InconclusiveWarning(f"edgekit_gate: {words.headline(verdict)}"), stacklevel=3
        )
