"""The guard of accuracy: as few layers back in float as the budget of lost points needs."""

from __future__ import annotations

from collections.abc import Callable, Sized
from dataclasses import dataclass, replace
from typing import Any

from edgekit.datasets import images, labels
from edgekit.errors import ToolError, UsageError
from edgekit.measure.environment import usable_cores
from edgekit.quantization.target import HOST
from edgekit.quantizers import LayerCost
from edgekit.records import Artifact, FloatLayer, Format, Guarded, Precision, Recipe
from edgekit.tasks import TASKS
from edgekit.workflows import accuracy, routes, turns
from edgekit.workflows.build import Builder
from edgekit.workflows.calibrate import held_out_set
from edgekit.workflows.int8 import Int8Plan
from edgekit.workflows.parity import REFERENCE, checker

_Leg = tuple[Format, Precision]


@dataclass(frozen=True, slots=True)
class Try:
    """One artifact that was tried.

    Attributes:
        artifact: The artifact.
        float_layers: Layers in float beyond the recipe's own.
        value: Its accuracy, from 0 to 1.
    """

    artifact: Artifact
    float_layers: int
    value: float


class Guard:
    """Measures and mends the int8 artifacts of one export.

    Args:
        builder: What makes them.
        plan: The budget, and what it is measured on.
        on_event: Told in a few words what goes on.
    """

    def __init__(self, builder: Builder, plan: Int8Plan, on_event: Callable[[str], None]) -> None:
        self._builder = builder
        self._plan = plan
        self._on_event = on_event
        self._references: dict[Format, list[Any]] = {}

    def mend(self, leg: _Leg) -> None:
        """Put layers of `leg` back in float until it loses no more than the budget.

        The builder has the artifact that was chosen afterwards.

        Raises:
            ToolError: None meets the budget, and the best of them isn't to be kept.
        """
        first = self._builder.artifact(*leg)
        data = self._data(first)
        reference = self._reference(leg, data.photos)
        task = TASKS.get(first.spec.task)
        top1 = accuracy.share_predicted(reference, data.right)
        full = 1.0 if top1 is None else top1
        budget = self._plan.max_drop or 0.0
        limit = full - accuracy.allowed_points(budget, len(data.photos.paths)) / 100.0
        runtime = checker(leg[0])

        def measured(artifact: Artifact, float_layers: int) -> Try:
            found = accuracy.predictions(artifact, runtime, data.photos, usable_cores())
            value = accuracy.share_predicted(found, data.right)
            agreed = task.agreement(found, reference) if value is None else value
            self._on_event(
                f"{leg[0]}-{leg[1]}: {float_layers} layers put back in float, "
                f"{'agreement' if top1 is None else 'top-1'} {100 * agreed:.1f} %"
            )
            return Try(artifact, float_layers, agreed)

        start = measured(first, 0)
        best = start if start.value >= limit else self._search(leg, start, limit, measured)
        guarded = Guarded(
            metric="agreement" if top1 is None else "top1",
            images=len(data.photos.paths),
            source=data.photos.source,
            runtime=runtime,
            float32=full,
            all_int8=start.value,
            value=best.value,
            max_drop=budget,
            met=best.value >= limit,
            float_layers=best.float_layers,
            latency_ratio=self._slowdown(best.artifact, first, runtime),
        )
        chosen = replace(best.artifact, guard=guarded)
        self._builder.replace(leg, chosen)
        missed = over_budget(chosen)
        if missed and not self._plan.keep:
            raise missed

    def _slowdown(self, chosen: Artifact, first: Artifact, runtime: str) -> float | None:
        """What the layers in float cost in time, where that can be measured."""
        if chosen is first or first.target.name != HOST or runtime == REFERENCE:
            return None
        self._on_event("measuring what the layers in float cost in time")
        return turns.latency_ratio(chosen, first, runtime)

    def _search(
        self, leg: _Leg, start: Try, limit: float, measured: Callable[[Artifact, int], Try]
    ) -> Try:
        recipe = start.artifact.recipe
        if recipe is None:
            raise ToolError(f"{leg[0]}-{leg[1]} has no recipe", hint="report this to edgekit")
        ranked = self._builder.rank(leg)
        tries = {0: start}

        def passes(count: int) -> bool:
            if count not in tries:
                changed = _with_float(recipe, ranked[:count])
                tries[count] = measured(self._builder.remake(leg, changed), count)
            return tries[count].value >= limit

        least = fewest(len(ranked), passes)
        if least is not None:
            return tries[least]
        return max(tries.values(), key=lambda found: (found.value, -found.float_layers))

    def _data(self, artifact: Artifact) -> labels.Labelled:
        """What the drop is measured on: labelled images, or photos that weren't calibrated on."""
        if artifact.spec.task not in TASKS.names():
            raise UsageError(
                f"--max-drop counts predictions; nothing says what {artifact.spec.head!r} means",
                hint="leave --max-drop out; parity and SQNR are measured all the same",
            )
        if self._plan.data is not None:
            accuracy.check_head(artifact)
            return labels.read(self._plan.data, accuracy.classes(artifact))
        photos = held_out_set(self._plan.calib).photos
        return labels.Labelled(photos, tuple(frozenset() for _ in photos.paths))

    def _reference(self, leg: _Leg, photos: images.Photos) -> list[Any]:
        """Predictions of the float file that `leg` is made from."""
        parent = self._builder.parent(leg)
        if parent.format not in self._references:
            runtime = routes.RUNTIME_OF[parent.format][0]
            found = accuracy.predictions(parent, runtime, photos, usable_cores())
            _check_found(found)
            self._references[parent.format] = found
        return self._references[parent.format]


def _check_found(predictions: list[Any]) -> None:
    """Refuse to compare boxes where there are none: nothing would agree with nothing."""
    if all(isinstance(one, Sized) and not len(one) for one in predictions):
        raise ToolError(
            f"the float model finds nothing on any of {len(predictions)} images: agreement with "
            "it would say nothing",
            hint="take trained weights, and give photos with what they know with --calib",
        )


def over_budget(artifact: Artifact) -> ToolError | None:
    """The error of an artifact that lost more than it was allowed; None if it didn't."""
    found = artifact.guard
    if found is None or found.met:
        return None
    return ToolError(
        f"{artifact.format}-{artifact.precision} loses {found.drop:.1f} points of {found.metric} "
        f"on {found.images} images, with {found.float_layers} layers put back in float; "
        f"--max-drop allows {found.max_drop:g}, or one image",
        hint="allow more with --max-drop, calibrate on more photos, or ship another precision; "
        "--keep publishes the best try",
    )


def fewest(most: int, passes: Callable[[int], bool]) -> int | None:
    """The least count from 0 to `most` that passes, if more never fail where fewer pass.

    Doubled until one passes, then halved between: logarithmically many tries.

    Args:
        most: The largest count.
        passes: Asked for a count; a count that was asked for may be asked for again.
    """
    if passes(0):
        return 0
    low, high = 0, min(1, most)
    while not passes(high):
        if high == most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        if passes(middle):
            high = middle
        else:
            low = middle
    return high


def _with_float(recipe: Recipe, layers: tuple[LayerCost, ...]) -> Recipe:
    added = tuple(
        FloatLayer(layer.name, f"alone in 8 bits it leaves {layer.sqnr_db:.1f} dB")
        for layer in layers
    )
    return replace(recipe, float_layers=(*recipe.float_layers, *added))
