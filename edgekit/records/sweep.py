"""What came of a sweep."""

from dataclasses import dataclass

from edgekit.records.artifact import Artifact, Format, Precision
from edgekit.records.results import BenchResult, EvalResult
from edgekit.wire import Failure

# History of the schema of sweeps:
# 1  2026-11  the first
SWEEP_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Cell:
    """One file of a sweep.

    Attributes:
        model: Name of the model.
        target: Name of the target.
        format: Its format.
        precision: Its precision.
    """

    model: str
    target: str
    format: Format
    precision: Precision

    @property
    def name(self) -> str:
        """What people call it: `toy/host/onnx-int8`."""
        return f"{self.model}/{self.target}/{self.format}-{self.precision}"


@dataclass(frozen=True, slots=True)
class CellResult:
    """What came of one cell.

    Attributes:
        cell: The cell.
        artifact: Its file; None where there is none.
        cached: Whether the file was there already.
        accuracy: What was found of its accuracy; None where nothing was, or it wasn't asked for.
        benches: What was measured, one for each device and runtime.
        kept: How many of those were measured by an earlier run.
        failures: Why something of it is missing; failed legs of `benches` tell that themselves.
    """

    cell: Cell
    artifact: Artifact | None = None
    cached: bool = False
    accuracy: EvalResult | None = None
    benches: tuple[BenchResult, ...] = ()
    kept: int = 0
    failures: tuple[Failure, ...] = ()

    @property
    def every_failure(self) -> tuple[Failure, ...]:
        """Those of its own and of its legs, in the order in which things are done."""
        return (*self.failures, *(each.failure for each in self.benches if each.failure))
