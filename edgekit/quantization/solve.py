"""From a recipe and what calibration saw to the 8-bit weights of every layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgekit.quantization.layers import Array, Layer
from edgekit.quantization.moments import Moment
from edgekit.quantization.ranges import Ranges
from edgekit.quantization.rounding import MOST_TERMS, error_feedback, nearest
from edgekit.quantization.scales import bounds_pairs, fit_pairs, weight_scale
from edgekit.records import Recipe


@dataclass(frozen=True, slots=True)
class Solved:
    """The 8-bit weights of one layer.

    Attributes:
        steps: Weights in steps of the scale, in the shape of the layer's weights.
        scale: Scale of each output, shape (outputs,).
        bias: The bias, with the mean error of the weights taken out; None where there is none.
    """

    steps: npt.NDArray[np.int8]
    scale: Array
    bias: Array | None

    @property
    def weight(self) -> Array:
        """The weights that the steps stand for."""
        shape = (-1, *(1,) * (self.steps.ndim - 1))
        return self.steps.astype(np.float32) * self.scale.reshape(shape)


class Observed:
    """What calibration showed of one float file, and the weights that were solved from it.

    Several recipes for one file (of formats that share it, of a guard that puts layers back in
    float) share what they have in common.

    Args:
        layers: The file's layers.
        ranges: Ranges of its tensors.
        moments: Moments of the layers' terms, by the layer's name.
    """

    def __init__(
        self, layers: Iterable[Layer], ranges: Ranges, moments: Mapping[str, Moment]
    ) -> None:
        self.layers = tuple(layers)
        self.ranges = ranges
        self._moments = moments
        self._solved: dict[tuple[object, ...], Solved] = {}

    def solved(self, layer: Layer, recipe: Recipe) -> Solved:
        """The weights of `layer` by `recipe`."""
        key = (layer.name, recipe.weight_scale, recipe.rounding, recipe.correct_bias)
        if key not in self._solved:
            self._solved[key] = solve(layer, recipe, self._moments.get(layer.name))
        return self._solved[key]


def solve(layer: Layer, recipe: Recipe, moment: Moment | None) -> Solved:
    """Round the weights of `layer` as `recipe` says.

    Args:
        layer: The layer.
        recipe: What to do.
        moment: Moments of the layer's terms; None for a recipe without calibration.
    """
    rows = layer.rows
    scale = weight_scale(layer, recipe.weight_scale)
    feeds_back = recipe.rounding == "error-feedback" and rows.shape[-1] <= MOST_TERMS
    if feeds_back and moment is not None:
        steps = error_feedback(rows, scale, moment.second)
    else:
        steps = nearest(rows, scale)
    if bounds_pairs(layer, recipe.weight_scale):
        steps = fit_pairs(steps)
    bias = layer.bias
    if recipe.correct_bias and bias is not None and moment is not None:
        bias = bias + mean_error(rows - steps * scale, moment).astype(np.float32)
    return Solved(steps.reshape(layer.weight.shape), scale.reshape(-1), bias)


def mean_error(lost: npt.NDArray[np.floating], moment: Moment) -> npt.NDArray[np.float64]:
    """What the weights' rounding takes from each output on average, shape (outputs,).

    Bias correction on real activations: Nagel et al. 2019, arXiv:1906.04721, section 4.2;
    Finkelstein et al. 2019, arXiv:1906.03193.

    Args:
        lost: Float weights less rounded ones, shape (groups, outputs / groups, terms).
        moment: Moments of the terms.
    """
    mean: npt.NDArray[np.float64] = np.einsum("got,gt->go", lost, moment.mean).reshape(-1)
    return mean
