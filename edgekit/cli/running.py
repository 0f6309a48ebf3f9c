"""A bench as it runs: what is shown meanwhile, kept as it comes, and told at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from edgekit.cli import drawing, output, progress
from edgekit.errors import EdgekitError, MissingDependency

if TYPE_CHECKING:
    from edgekit.records import BenchPlan, BenchResult
    from edgekit.workflows.keeping import Keeper

LOCAL = "local"


def measure(
    legs: Sequence[BenchPlan],
    failed: Sequence[BenchResult],
    keeper: Keeper,
    form: drawing.Form,
    *,
    tune: bool,
    judge: bool,
    engine: str = LOCAL,
) -> tuple[BenchResult, ...]:
    """Measure, keep and show; after Ctrl-C what was done by then.

    Args:
        legs: What to measure.
        failed: Legs that can't be measured.
        keeper: Keeps the results.
        form: How to show them.
        tune: Whether to hold the clocks still meanwhile.
        judge: Whether to say which precision to ship.
        engine: Who drives the devices.
    """
    from edgekit import dispatch
    from edgekit.workflows import fleet, tuning, verdict

    try:
        with (
            tuning.tuned(leg.device for leg in legs if tune),
            dispatch.crew(engine, fleet.lanes(legs)) as crew,
            progress.shown() as on_step,
        ):
            found = fleet.measure(legs, crew, on_step, keeper.keep)
            verdicts = verdict.of_results(found, output.say) if judge else ()
    except KeyboardInterrupt:
        keeper.keep_unplanned(failed)
        output.say(f"interrupted; {keeper.where}")
        if (done := keeper.drawing()).results:
            drawing.show(done, form)
        raise
    found += keeper.keep_unplanned(failed)
    keeper.keep_verdicts(verdicts)
    drawing.show(keeper.drawing(verdicts), form)
    output.say(keeper.where)
    keeper.check()
    return found


def leave(found: Sequence[BenchResult], *, lenient: bool) -> None:
    """End with the status of what came of a bench.

    Args:
        found: The results.
        lenient: Whether a runtime that isn't here is no failure, if anything was measured.

    Raises:
        Exit: Something failed, or may not be used.
    """
    lenient = lenient and any(result.samples for result in found)
    failures = [result.failure.kind for result in found if result.failure]
    counted = [kind for kind in failures if not lenient or kind != MissingDependency.__name__]
    if counted:
        raise typer.Exit(EdgekitError.exit_code_of(counted[0]))
    if any(result.samples and not result.valid for result in found):
        raise typer.Exit(EdgekitError.exit_code)
