"""Cache keys: everything that decides an artifact's content, known before anything is built."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from edgekit import registry
from edgekit.quantization.given import checked
from edgekit.quantization.recipe import recipe
from edgekit.records import (
    SCHEMA_VERSION,
    Format,
    GraphOp,
    Precision,
    Recipe,
    Target,
    digest,
)
from edgekit.workflows import routes
from edgekit.workflows.int8 import Int8Plan
from edgekit.workflows.sources import SampleSet, Source


class Keys:
    """Keys of one export's artifacts, and the inputs that they are made of.

    Args:
        source: Where the float model comes from.
        target: Where the artifacts will run.
        int8: How int8 files are made and guarded.
    """

    def __init__(self, source: Source, target: Target, int8: Int8Plan) -> None:
        self._source = source
        self._target = target
        self._int8 = int8

    @cached_property
    def golden(self) -> SampleSet:
        """What the golden sample is made of."""
        return self._source.golden()

    @cached_property
    def held_out(self) -> SampleSet:
        """What a guard measures on where no data was given."""
        return self._source.held_out(self._int8)

    @cached_property
    def calibration(self) -> SampleSet:
        """What to calibrate on."""
        return self._source.calibration(self._int8)

    @cached_property
    def _model(self) -> Mapping[str, object]:
        return self._source.key()

    @cached_property
    def _guard(self) -> object:
        return self._int8.guard_key

    def is_given(self, precision: Precision) -> bool:
        """Whether somebody gave the recipe of artifacts in `precision`."""
        return precision is Precision.INT8 and self._int8.recipe is not None

    def recipe(
        self, format: Format, precision: Precision, graph: Sequence[GraphOp] = ()
    ) -> Recipe | None:
        """The recipe of an artifact; None if it needs none.

        Args:
            format: Its format.
            precision: Its precision.
            graph: The operators of the float file that it is made from; without them the recipe
                is that for any network.

        Raises:
            UsageError: The recipe that was given is for something else.
        """
        given = self._int8.recipe if precision is Precision.INT8 else None
        if given is not None:
            return checked(given, self._target, format, graph)
        scheme = self._int8.scheme or self._source.scheme(self._target, format)
        return recipe(self._target, format, precision, scheme, graph)

    def tools(self, format: Format, precision: Precision) -> dict[str, str]:
        """Versions of the packages that take part in making an artifact."""
        steps = routes.entries(format, precision, self._source.root)
        return registry.versions(self._source.extra, *(entry.extra for entry in steps))

    def key(self, format: Format, precision: Precision) -> str:
        """The key of an artifact."""
        chosen = self.recipe(format, precision)
        calibrated = chosen is not None and chosen.range_method != "none"
        return digest(
            {
                "schema": SCHEMA_VERSION,
                "model": self._model,
                "format": format,
                "precision": precision,
                "recipe": chosen,
                "calibration": self.calibration.digests if calibrated else None,
                "guard": self._guard if precision is Precision.INT8 else None,
                "golden": self.golden.digests,
                "sm": self._target.sm if format is Format.TENSORRT else None,
                "tools": self.tools(format, precision),
            }
        )
