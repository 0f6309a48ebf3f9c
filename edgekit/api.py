"""The gate as Python calls: the words of the command line, numbers in place of text.

    from edgekit import api

    verdict = api.gate("exported/a", "exported/b", max_slowdown=0.03)
    assert verdict.outcome is not api.Outcome.FAIL

What comes back are records: see `edgekit.records.GateVerdict` and `Resolution`. What can't be done
is raised as an `edgekit.errors.EdgekitError`, with its `hint`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from edgekit.records import GateVerdict, Limits, Outcome, Resolution
from edgekit.workflows import comparison
from edgekit.workflows.pairs import GateRequest

__all__ = ["GateVerdict", "Outcome", "Resolution", "gate", "resolution"]

OnEvent = Callable[[str], None]
Shapes = Mapping[str, Sequence[int]]


def gate(  # noqa: PLR0913 -- the options of the command line
    base: str | Path,
    head: str | Path,
    *,
    max_slowdown: float = 0.03,
    budget_s: float = 60.0,
    export: str = "",
    runtime: str = "",
    device: str = "local",
    threads: int = 1,
    batch: int | None = None,
    shapes: Shapes | None = None,
    max_size_growth: float = 0.02,
    max_memory_growth: float = 0.02,
    max_ops_growth: float = 0.02,
    max_int8_drop: float = 0.01,
    data: str | Path | None = None,
    max_drop: float = 1.0,
    on_event: OnEvent = lambda _: None,
) -> GateVerdict:
    """Compare two model files, or folders of them: is `head` no worse than `base`?

    Args:
        base: An artifact's folder, a folder of those, a model file; with `export` a git revision.
            Paths are relative to the current folder.
        head: Likewise; files of two folders are matched by name.
        max_slowdown: How much slower head may be, as a share: 0.03 is 3 %.
        budget_s: Seconds that the latency of each pair may take.
        export: Shell command that makes the artifacts, run in a worktree of each revision.
        runtime: Name of the runtime; empty for each format's first.
        device: Where to measure.
        threads: Threads of the runtime.
        batch: Samples in one inference; None for the file's own, or 1.
        shapes: Shapes of inputs with free axes, by input name.
        max_size_growth: How much larger the file may be, as a share.
        max_memory_growth: How much more memory each phase may take, as a share.
        max_ops_growth: How many more operators may run, as a share.
        max_int8_drop: By how much the share of operators in int8 may fall: 0.01 is a point.
        data: Images that accuracy is compared on; None for no such check.
        max_drop: Points of the head's metric, or of agreement without labels, that head may lose.
        on_event: Told in a few words what goes on.

    Returns:
        The verdict; its `outcome` is the worst of its checks'.

    Raises:
        UsageError: It can't be compared as asked, or a limit can't be kept.
        EdgekitError: A file is broken, or what measures it failed.
    """
    limits = Limits(
        slowdown=max_slowdown,
        size_growth=max_size_growth,
        memory_growth=max_memory_growth,
        ops_growth=max_ops_growth,
        int8_drop=max_int8_drop,
        accuracy_drop=max_drop / 100,
    )
    request = GateRequest(
        base=str(base),
        head=str(head),
        command=export,
        runtime=runtime,
        device=device,
        threads=threads,
        batch=batch,
        shapes=_lists(shapes),
        limits=limits,
        budget_s=budget_s,
        data=Path(data) if data is not None else None,
    )
    return comparison.compare(request, on_event)


def resolution(  # noqa: PLR0913 -- the options of the command line
    base: str | Path,
    *,
    max_slowdown: float = 0.03,
    budget_s: float = 60.0,
    export: str = "",
    runtime: str = "",
    device: str = "local",
    threads: int = 1,
    batch: int | None = None,
    shapes: Shapes | None = None,
    on_event: OnEvent = lambda _: None,
) -> tuple[Resolution, ...]:
    """Compare model files with themselves: what slowdown does this machine tell from none?

    Args:
        base: As in `gate`, and so are the others.
        max_slowdown: The slowdown that a gate would be asked to tell.
        budget_s: Seconds that each file may take.
        export: Shell command that makes the artifacts.
        runtime: Name of the runtime.
        device: Where to measure.
        threads: Threads of the runtime.
        batch: Samples in one inference.
        shapes: Shapes of inputs with free axes, by input name.
        on_event: Told in a few words what goes on.

    Returns:
        What each file's times resolve, and whether that is as fine as `max_slowdown`.

    Raises:
        UsageError: It can't be compared as asked.
        EdgekitError: A file is broken, or what measures it failed.
    """
    request = GateRequest(
        base=str(base),
        head="",
        command=export,
        runtime=runtime,
        device=device,
        threads=threads,
        batch=batch,
        shapes=_lists(shapes),
        limits=Limits(slowdown=max_slowdown),
        budget_s=budget_s,
    )
    return comparison.resolve(request, on_event)


def _lists(shapes: Shapes | None) -> dict[str, list[int]]:
    return {name: list(shape) for name, shape in (shapes or {}).items()}
