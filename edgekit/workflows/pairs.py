"""From what the user names to pairs: which file of head stands against which of base."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edgekit.records import GatePair, GatePlan, Limits


@dataclass(frozen=True, slots=True)
class GateRequest:
    """What a user asks to compare.

    Attributes:
        base: An artifact's folder, a folder of those, a model file, or, with `command`, a git
            revision.
        head: Likewise.
        command: Shell command that exports into the folder that `{out}` in it, or the variable
            `EDGEKIT_OUT`, names; run in a worktree of each revision. Empty for paths.
        runtime: Name of the runtime; empty for each format's first.
        device: Name of the machine.
        threads: Threads of the runtime; None for as many as there are usable cores.
        batch: Samples in one inference; None for the file's own, or 1.
        shapes: Shapes of inputs with free axes, by input name.
        limits: How much worse head may be.
        budget_s: Seconds that each pair's latency may take.
        data: Images that accuracy is compared on; None for no such check.
    """

    base: str
    head: str
    command: str = ""
    runtime: str = ""
    device: str = "local"
    threads: int | None = None
    batch: int | None = None
    shapes: dict[str, list[int]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    budget_s: float = 60.0
    data: Path | None = None


@dataclass(frozen=True, slots=True)
class Pairs:
    """What is to be compared.

    Attributes:
        plans: Pairs to compare.
        done: Pairs about which it is clear already, such as a file that head lacks.
        notes: What concerns no pair: files that only head has.
    """

    plans: tuple[GatePlan, ...]
    done: tuple[GatePair, ...]
    notes: tuple[str, ...]
