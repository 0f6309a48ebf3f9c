"""How far a long run is, on standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.cli import output

if TYPE_CHECKING:
    from edgekit.workflows.bench import Step


def tell(step: Step) -> None:
    """A line where a leg begins."""
    if step.launch == 1 and step.phase == "start":
        output.say(f"{step.plan.subject.name}: measuring with {step.plan.runtime}")
