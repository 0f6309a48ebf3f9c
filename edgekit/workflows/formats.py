"""What can be made and run here, and how to get the rest."""

from __future__ import annotations

from edgekit.records import Format, Precision
from edgekit.records.findings import Support
from edgekit.runtimes import RUNTIMES
from edgekit.workflows import routes
from edgekit.workflows.parts import part


def formats() -> tuple[Support, ...]:
    """Every format in every precision that it can be had in."""
    return tuple(
        _support(made, precision)
        for made, precisions in routes.PRECISIONS.items()
        for precision in precisions
    )


def _support(made: Format, precision: Precision) -> Support:
    runtimes = routes.RUNTIME_OF[made]
    needs = [*routes.entries(made, precision), RUNTIMES.entry(runtimes[0])]
    return Support(
        format=made,
        precision=precision,
        route=routes.lineage(made),
        quantizer=None if precision is Precision.FP32 else routes.QUANTIZED_AS[made, precision],
        missing=tuple(routes.missing(made, precision)),
        install=routes.install(made, precision),
        extras=tuple(dict.fromkeys(entry.extra for entry in needs)),
        runtimes=tuple(part(RUNTIMES, name) for name in runtimes),
    )
