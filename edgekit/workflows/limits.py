"""Limits that a gate can keep, and those that it can't."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

from edgekit.errors import UsageError
from edgekit.records import Limits, Resolution

# Where a process has its code and data in memory moves its times by as much, however long anybody
# measures.
LEAST_SLOWDOWN = 0.01


def check(limits: Limits, budget_s: float) -> None:
    """Refuse limits that no measurement can keep, before anything is measured for them.

    Raises:
        UsageError: A limit is no share, or finer than any machine resolves; no time to measure.
    """
    for name, value in asdict(limits).items():
        if not 0 <= value < math.inf:
            raise UsageError(
                f"a limit of {value:g} for {name} is no share", hint="0.02 is 2 %, and 0 is least"
            )
    if limits.slowdown < LEAST_SLOWDOWN:
        raise UsageError(
            f"a slowdown of {100 * limits.slowdown:g} % can't be told from none: where a process "
            "lies in memory alone moves its times by about 1 %",
            hint="take `--max-slowdown 1%` or more; `--aa` says what this machine resolves",
        )
    if not 0 < budget_s < math.inf:
        raise UsageError(
            f"a budget of {budget_s:g} s is no time to measure", hint="take `--budget 60s`"
        )


def check_resolved(found: Sequence[Resolution]) -> None:
    """Refuse a slowdown that this machine does not resolve in its budget.

    Raises:
        UsageError: One of the files needs a larger limit, or a longer budget.
    """
    short = [each for each in found if not each.attainable]
    if not short:
        return
    worst = max(short, key=lambda each: each.slowdown)
    # To a tenth of a per cent, upwards.
    larger = math.ceil(1000 * worst.slowdown) / 10
    plan = worst.plan
    raise UsageError(
        f"this machine does not tell a slowdown of {100 * plan.limits.slowdown:g} % from none in "
        f"{plan.budget_s:g} s: {plan.name} resolves {100 * worst.slowdown:.1f} %",
        hint=f"take `--max-slowdown {larger:g}%`, or more time: `--budget {2 * plan.budget_s:g}s`",
    )
