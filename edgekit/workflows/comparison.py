"""A gate from what the user asks for to what comes of it."""

from __future__ import annotations

from collections.abc import Callable

from edgekit.records import GateVerdict, Resolution
from edgekit.workflows import gate, limits, revisions
from edgekit.workflows.pairs import GateRequest, aa_plans, pairs

OnEvent = Callable[[str], None]


def compare(request: GateRequest, on_event: OnEvent = lambda _: None) -> GateVerdict:
    """Build what are revisions, find the pairs, and compare them.

    Args:
        request: What is compared, and how.
        on_event: Told in a few words what goes on.

    Raises:
        UsageError: It can't be compared as asked, or a limit can't be kept.
        EdgekitError: A file is broken, or a revision can't be exported.
    """
    limits.check(request.limits, request.budget_s)
    with revisions.built(request, on_event) as named:
        return gate.gate(pairs(named), on_event, base=request.base, head=request.head)


def resolve(request: GateRequest, on_event: OnEvent = lambda _: None) -> tuple[Resolution, ...]:
    """What slowdown this machine tells from none, by each file of base against itself.

    Args:
        request: What is compared, and how; without a head.
        on_event: Told in a few words what goes on.

    Raises:
        UsageError: It can't be compared as asked, or the budget is too small to tell anything.
        EdgekitError: A file is broken, or can't be measured.
    """
    limits.check(request.limits, request.budget_s)
    with revisions.built(request, on_event) as named:
        return tuple(gate.resolution(plan, on_event) for plan in aa_plans(named))
