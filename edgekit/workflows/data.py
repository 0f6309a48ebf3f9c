"""Writing a generated set of images."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from edgekit import publishing
from edgekit.datasets import GENERATORS
from edgekit.errors import UsageError


@dataclass(frozen=True, slots=True)
class DataPlan:
    """Which set to write.

    Attributes:
        name: Name of the generator.
        out: Folder to make.
        count: Number of images; None for the set's own.
        size: Height and width in pixels; None for the set's own.
        seed: Seed of what is drawn and of what is held out.
    """

    name: str
    out: Path
    count: int | None
    size: int | None
    seed: int


def generate(plan: DataPlan) -> int:
    """Write the set, whole or not at all, and count its images.

    Raises:
        UsageError: The folder is there already, or there can't be such a set.
        MissingDependency: What the set comes from is not installed.
        DataError: The disk is full or read-only.
    """
    generator = GENERATORS.get(plan.name)
    if plan.seed < 0:
        raise UsageError(f"--seed {plan.seed} is out of range", hint="give 0 or more")
    if plan.out.exists():
        raise UsageError(f"{plan.out} is there already", hint="name a new folder, or remove it")
    with publishing.disk_errors(plan.out, "OUT"):
        plan.out.parent.mkdir(parents=True, exist_ok=True)
        aside = plan.out.with_name(f".{plan.out.name}.part")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        try:
            generator.write(
                aside,
                count=generator.count if plan.count is None else plan.count,
                size=generator.size if plan.size is None else plan.size,
                seed=plan.seed,
            )
            aside.rename(plan.out)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return sum(1 for path in plan.out.rglob("*.png") if path.parent.name != "masks")
