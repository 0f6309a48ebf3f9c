"""What `export` and `quantize` do with a plan: carry it out, judge, print, exit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from edgekit.cli import output
from edgekit.errors import EdgekitError

if TYPE_CHECKING:
    from edgekit.workflows.export import ExportPlan


def make(plan: ExportPlan, *, judge: bool, json: bool) -> None:
    """Make what `plan` says and print it.

    Raises:
        Exit: A leg failed, with the status of the first.
    """
    from edgekit.reports import export as report
    from edgekit.workflows import export as workflow
    from edgekit.workflows import verdict

    legs = workflow.export(plan, output.say)
    verdicts = verdict.of_legs(legs, output.say) if judge else ()
    if json:
        output.print_json(report.as_json(legs, verdicts))
    else:
        output.print_text(report.render(legs, verdicts))
    failures = [leg.failure for leg in legs if leg.failure]
    if failures:
        raise typer.Exit(EdgekitError.exit_code_of(failures[0].kind))
