"""The guard of accuracy: as few layers back in float as the budget of lost points needs."""

from __future__ import annotations

from collections.abc import Callable, Sized
from dataclasses import dataclass, replace
from typing import Any

from edgekit.errors import ToolError
from edgekit.measure.environment import usable_cores
from edgekit.quantization.target import HOST
from edgekit.quantizers import LayerCost
from edgekit.records import Artifact, FloatLayer, Format, Guarded, Precision, Recipe
from edgekit.scoring import Exam, Scorer, scorer_of
from edgekit.workflows import accuracy, routes, turns
from edgekit.workflows.build import Builder
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
        scorer, exam = self._exam(first)
        expected = self._reference(leg, scorer, exam)
        exact = _Exact(self._builder.parent(leg), scorer, exam, expected)
        budget = self._plan.max_drop or 0.0
        allowed = accuracy.allowed_points(scorer, exact.metric, budget, exam.count)
        limit = exact.full - allowed / 100.0
        way = accuracy.Way(checker(leg[0]), usable_cores())

        def measured(artifact: Artifact, float_layers: int) -> Try:
            value = exact.value(artifact, accuracy.predicted(artifact, scorer, exam, way))
            self._on_event(
                f"{leg[0]}-{leg[1]}: {float_layers} layers put back in float, "
                f"{exact.metric} {100 * value:.1f} %"
            )
            return Try(artifact, float_layers, value)

        start = measured(first, 0)
        best = start if start.value >= limit else self._search(leg, start, limit, measured)
        guarded = Guarded(
            metric=exact.metric,
            images=exam.count,
            source=exam.source,
            runtime=way.runtime,
            float32=exact.full,
            all_int8=start.value,
            value=best.value,
            max_drop=budget,
            met=best.value >= limit,
            float_layers=best.float_layers,
            latency_ratio=self._slowdown(best.artifact, first, way.runtime),
            data_sha256=exam.sha256,
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

    def _exam(self, artifact: Artifact) -> tuple[Scorer, Exam]:
        """What the drop is measured on: the data that was given, or what isn't calibrated on."""
        scorer = scorer_of(artifact)
        if self._plan.data is None:
            return scorer, scorer.plain(self._builder.held_out())
        exam = scorer.read(artifact, self._plan.data, cut=self._plan.cut)
        accuracy.check_apart(artifact, exam)
        return scorer, replace(exam, right=None) if scorer.guards_closeness else exam

    def _reference(self, leg: _Leg, scorer: Scorer, exam: Exam) -> list[Any]:
        """Predictions of the float file that `leg` is made from."""
        parent = self._builder.parent(leg)
        if parent.format not in self._references:
            way = accuracy.Way(routes.RUNTIME_OF[parent.format][0], usable_cores())
            found = accuracy.predicted(parent, scorer, exam, way)
            _check_found(found)
            self._references[parent.format] = found
        return self._references[parent.format]


class _Exact:
    """The float model's predictions, and what others are worth beside them.

    Attributes:
        metric: What is measured: the scorer's own where it is known what is right.
        full: The float model's value.
    """

    def __init__(self, parent: Artifact, scorer: Scorer, exam: Exam, found: list[Any]) -> None:
        self._scorer = scorer
        self._exam = exam
        self._found = found
        score = scorer.score(parent, found, exam)
        known = score.value if score else None
        if known is not None and known <= 0:
            raise ToolError(
                f"the float model's {scorer.metric} on {exam.source} is {known:g}: there is "
                "nothing that int8 could lose",
                hint="take trained weights, or leave --max-drop out",
            )
        self._has_truth = known is not None
        self.metric = scorer.metric if self._has_truth else scorer.closeness
        self.full = 1.0 if known is None else known

    def value(self, artifact: Artifact, found: list[Any]) -> float:
        """What an artifact's predictions are worth; 0 where they say nothing."""
        if not self._has_truth:
            return self._scorer.agreement(artifact, found, self._found) or 0.0
        score = self._scorer.score(artifact, found, self._exam)
        return (score.value if score else None) or 0.0


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
        f"on {found.images} {accuracy.noun(found.metric)}, with {found.float_layers} layers put "
        f"back in float; --max-drop allows {found.max_drop:g}"
        + ", or one image"
        * accuracy.is_share(scorer_of(artifact), found.metric),
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
