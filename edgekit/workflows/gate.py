"""The gate: is head worse than base, of any pair of files, by more than it may be?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from edgekit.errors import EdgekitError, UsageError
from edgekit.records import (
    Check,
    GatePair,
    GatePlan,
    GateVerdict,
    Outcome,
    Resolution,
)
from edgekit.regression.exact import MEMORY, exact_checks
from edgekit.regression.family import holm
from edgekit.regression.sequential import ERROR, LOOKS
from edgekit.transports import linked
from edgekit.wire import Failure, Samples
from edgekit.workflows import bench, duels
from edgekit.workflows.alike import notes
from edgekit.workflows.drops import accuracy_checks
from edgekit.workflows.duels import Duel
from edgekit.workflows.limits import LEAST_SLOWDOWN
from edgekit.workflows.outputs import outputs_check
from edgekit.workflows.pairs import Pairs

OnEvent = Callable[[str], None]

# Fresh launches have seeds, and so orders and CPUs, of their own.
_AGAIN = 1_000
# Of each file, where one isn't enough.
_PROCESSES = 2


@dataclass(frozen=True, slots=True)
class _Measured:
    """A pair whose latency was measured, before the family is judged."""

    pair: GatePair
    found: Duel
    again: Duel | None


def gate(
    pairs: Pairs, on_event: OnEvent = lambda _: None, *, base: str = "", head: str = ""
) -> GateVerdict:
    """Compare each pair and judge all of them.

    A pair that can't be compared is one with its failure; the others go on.

    Args:
        pairs: What to compare.
        on_event: Told in a few words what goes on.
        base: What base was called.
        head: What head was called.

    Raises:
        UsageError: A device is emulated.
    """
    for plan in pairs.plans:
        duels.refuse_emulated(plan)
    began = datetime.now(UTC).isoformat(timespec="seconds")
    share = 1.0 / max(1, len(pairs.plans))
    compared = [_compare(plan, share, on_event) for plan in pairs.plans]
    measured = [each for each in compared if isinstance(each, _Measured)]
    slower = holm([each.found.p_slower for each in measured], ERROR)
    judged = iter([_judged(each, slow=slow) for each, slow in zip(measured, slower, strict=True)])
    done = [next(judged) if isinstance(each, _Measured) else each for each in compared]
    return GateVerdict(
        pairs=(*done, *pairs.done), notes=pairs.notes, base=base, head=head, measured_at=began
    )


def resolution(plan: GatePlan, on_event: OnEvent = lambda _: None) -> Resolution:
    """What slowdown this machine tells from none, within the plan's budget.

    Args:
        plan: A file against itself.
        on_event: Told in a few words what goes on.

    Raises:
        UsageError: The budget is too small to tell anything.
        EdgekitError: The file can't be measured.
    """
    found = duels.duel(plan, lambda _: False, on_event)
    resolved = found.wall.resolution
    if resolved is None:
        raise UsageError(
            f"{plan.name}: {found.wall.count} launches fit into {plan.budget_s:g} s, and "
            f"{LOOKS[0]} are needed",
            hint=f"give --budget {found.seconds / found.wall.count * LOOKS[1]:.0f}s",
        )
    slowdown = max(resolved, LEAST_SLOWDOWN)
    return Resolution(plan, duels.timing(found), slowdown, plan.limits.slowdown >= slowdown)


def _compare(plan: GatePlan, share: float, on_event: OnEvent) -> _Measured | GatePair:
    pair = GatePair(plan, notes=notes(plan.base.subject.artifact, plan.head.subject.artifact))
    try:
        on_event(f"{plan.name}: comparing outputs")
        outputs = outputs_check(plan)
        pair = replace(pair, checks=(outputs,))
        if outputs.outcome is Outcome.FAIL:
            # What computes something else isn't slower or faster.
            return pair
        exact = _exact(plan)
        accuracy = accuracy_checks(plan, on_event)
        on_event(f"{plan.name}: measuring in turns")
        found = duels.duel(plan, lambda duel: duels.decided(duel, share), on_event)
        again = None
        if found.hostile and found.p_slower <= ERROR:
            on_event(f"{plan.name}: slower, on a machine that others use: measuring again")
            again = duels.duel(plan, duels.decided, on_event, seed=_AGAIN)
    except EdgekitError as error:
        failure = Failure.of("gate", error)
        return replace(pair, failure=failure)
    checks = (outputs, *exact, *accuracy)
    first = found.launches[0].base
    facts = {
        **{
            name: fact
            for name, fact in first.environment.items()
            if not name.startswith(("before.", "after."))
        },
        **{f"version.{name}": version for name, version in first.versions.items()},
    }
    return _Measured(replace(pair, checks=checks, facts=facts), found, again)


def _exact(plan: GatePlan) -> tuple[Check, ...]:
    """What has hardly any noise, from a process of each file.

    An allocator takes what it takes: a fail for memory counts only if two processes of each
    file say the same.
    """
    sides: tuple[list[Samples], list[Samples]] = ([], [])
    checks: tuple[Check, ...] = ()
    for count in (1, _PROCESSES):
        for leg, samples in zip((plan.base, plan.head), sides, strict=True):
            with linked(leg.device) as link:
                samples += [
                    bench.run(link, leg, fixed_heap=True) for _ in range(count - len(samples))
                ]
        checks = exact_checks(plan, *sides)
        failed = {check.metric for check in checks if check.outcome is Outcome.FAIL}
        if not failed & MEMORY.keys():
            break
    return checks


def _judged(measured: _Measured, *, slow: bool) -> GatePair:
    found, again = measured.found, measured.again
    confirmed = None if again is None else again.p_slower <= ERROR
    timing = replace(duels.timing(found), confirmed=confirmed)
    outcome, reason = _verdict(found, slow=slow, confirmed=confirmed)
    check = Check(
        metric="latency",
        unit="ms",
        better="lower",
        base=timing.base_ms,
        head=timing.head_ms,
        ratio=timing.ratio,
        interval=timing.interval,
        allowed=1.0 + found.plan.limits.slowdown,
        outcome=outcome,
        reason=reason,
    )
    return replace(measured.pair, timing=timing, checks=(check, *measured.pair.checks))


def _verdict(found: Duel, *, slow: bool, confirmed: bool | None) -> tuple[Outcome, str]:
    limit = f"{100 * found.plan.limits.slowdown:g} %"
    if slow and confirmed is False:
        return Outcome.INCONCLUSIVE, (
            "slower on a machine that others use, and fresh launches didn't confirm it"
        )
    if slow and found.hostile and found.floor_ratio <= 1.0 + found.plan.limits.slowdown / 2.0:
        return Outcome.INCONCLUSIVE, (
            "slower on a machine that others use, and the shortest times don't show it"
        )
    if slow:
        return Outcome.FAIL, f"slower than base by more than {limit}"
    if found.p_within <= ERROR:
        return Outcome.PASS, f"not slower than base by more than {limit}"
    return Outcome.INCONCLUSIVE, _undecided(found)


def _undecided(found: Duel) -> str:
    wall = found.wall
    if found.hostile and min(wall.p_slower, wall.p_within) <= ERROR:
        return "wall and CPU time disagree, on a machine that others use"
    if wall.count < LOOKS[0]:
        return (
            f"only {wall.count} launches fit into {found.plan.budget_s:g} s; "
            f"{LOOKS[0]} are the least: give a larger --budget"
        )
    return (
        f"not clear after {wall.count} launches in {found.seconds:.0f} s on a {found.machine} "
        "machine: give a larger --budget, or a quieter machine"
    )
