"""From a float artifact to files in a lower precision: recipe, calibration, quantizer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from edgekit.errors import ToolError
from edgekit.graphs import GRAPHS
from edgekit.quantization.ends import BEHIND
from edgekit.quantization.schemes import FLOAT16, STATIC
from edgekit.quantization.solve import Observed
from edgekit.quantizers import QUANTIZERS, LayerCost, Quantizer
from edgekit.records import Artifact, Calibration, FloatLayer, Format, Precision, Recipe
from edgekit.tasks import TASKS
from edgekit.workflows import routes
from edgekit.workflows.frameworks import framework
from edgekit.workflows.keys import Keys

# Inputs that layers are ranked on: enough to order them, few enough to try each one.
_RANKED_ON = 8


class Lowering:
    """Carries recipes out; each float file is calibrated once, whatever is made of it.

    Args:
        keys: What decides the artifacts.
        staging: Folder that frameworks' output is logged in.
        on_event: Told in a few words what goes on.
    """

    def __init__(self, keys: Keys, staging: Path, on_event: Callable[[str], None]) -> None:
        self._keys = keys
        self._staging = staging
        self._on_event = on_event
        self._observed: dict[str, Observed] = {}
        # Formats that share a float file share its ranking.
        self._ranked: dict[tuple[str, str], tuple[LayerCost, ...]] = {}

    def recipe(self, parent: Artifact, leg: tuple[Format, Precision]) -> Recipe:
        """The recipe that makes `leg` of `parent`, with what its graph says.

        Raises:
            UsageError: The recipe that was given is for something else.
        """
        graph = GRAPHS.get(parent.model.suffix).read(parent.model)
        found = self._keys.recipe(*leg, graph)
        if found is None:
            raise ToolError(f"{leg[0]}-{leg[1]} has no recipe", hint="report this to edgekit")
        return found if self._keys.is_given(leg[1]) else _with_ends(found, parent)

    def lower(self, parent: Artifact, recipe: Recipe, workdir: Path) -> dict[str, str]:
        """Write `parent` as `recipe` says into `workdir`; role of each file by name.

        Raises:
            EdgekitError: The framework failed, or the samples are unfit.
        """
        observed = self._observe(parent) if recipe.range_method != "none" else None
        with framework(f"{parent.format} quantizer", self._staging):
            return _quantizer(parent).quantize(parent, recipe, observed, workdir)

    def calibration(self, parent: Artifact, recipe: Recipe) -> Calibration | None:
        """What stands of the samples in an artifact; None for a recipe without calibration."""
        if recipe.range_method == "none":
            return None
        return self._keys.calibration.record(parent)

    def rank(self, parent: Artifact, recipe: Recipe) -> tuple[LayerCost, ...]:
        """What each layer of `parent` costs in 8 bits, worst first."""
        key = (parent.sha256, recipe.weight_scale)
        if key not in self._ranked:
            self._on_event("measuring what each layer costs in 8 bits")
            self._ranked[key] = self._rank(parent, recipe)
        return self._ranked[key]

    def _rank(self, parent: Artifact, recipe: Recipe) -> tuple[LayerCost, ...]:
        feeds = self._keys.calibration.feeds(parent)[:_RANKED_ON]
        observed = self._observe(parent)
        with framework(f"{parent.format} quantizer", self._staging):
            return _quantizer(parent).rank(parent, recipe, observed, feeds)

    def name_overflow(self, artifact: Artifact) -> None:
        """Name the tensor in which a float file's values stop being numbers, if that can be seen.

        Raises:
            DataError: With the tensor, if the golden sample shows it.
        """
        quantized = routes.QUANTIZED_AS.get((artifact.format, Precision.INT8))
        if artifact.precision is Precision.FP32 and quantized is artifact.format:
            feeds = self._keys.golden.feeds(artifact)
            with framework(f"{artifact.format} quantizer", self._staging):
                _quantizer(artifact).observe(artifact, feeds)

    def _observe(self, parent: Artifact) -> Observed:
        if parent.sha256 not in self._observed:
            self._on_event(f"calibrating on {self._keys.calibration.words()}")
            self._keys.calibration.check_differ(parent)
            feeds = self._keys.calibration.feeds(parent)
            with framework(f"{parent.format} quantizer", self._staging):
                found = _quantizer(parent).observe(parent, feeds)
            self._observed[parent.sha256] = found
        return self._observed[parent.sha256]


def _quantizer(parent: Artifact) -> Quantizer:
    return QUANTIZERS.get(parent.format)


def _with_ends(recipe: Recipe, parent: Artifact) -> Recipe:
    """`recipe` with what stands behind the last layers in float, where the task wants that."""
    task = parent.spec.task
    quantized = recipe.scheme in {STATIC, FLOAT16} and parent.format in {
        Format.ONNX,
        Format.LITERT,
    }
    if not quantized or task not in TASKS.names() or not TASKS.get(task).float_end:
        return recipe
    added = tuple(FloatLayer(name, BEHIND) for name in _quantizer(parent).ends(parent))
    return replace(recipe, float_layers=(*recipe.float_layers, *added))
