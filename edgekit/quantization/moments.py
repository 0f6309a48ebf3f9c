"""First and second moments of what each layer multiplies its weights with, from calibration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.quantization.layers import Array, Layer, Window

# Positions of its maps that each layer's moments are taken from, over all calibration inputs:
# neighbours say the same, and a few thousand positions say what all would.
POSITIONS = 4096
# Positions that are held until their products are summed: one large product in place of many.
_HELD = 256


@dataclass(frozen=True, slots=True)
class Moment:
    """Moments of a layer's terms.

    Attributes:
        mean: Shape (groups, terms).
        second: Mean of the products of two terms, shape (groups, terms, terms).
    """

    mean: npt.NDArray[np.float64]
    second: npt.NDArray[np.float64]


class Moments:
    """Sums over calibration inputs, for each layer.

    Args:
        layers: The layers.
        inputs: How many calibration inputs there will be.
        seed: Seed of the positions that are looked at.
    """

    def __init__(self, layers: Iterable[Layer], inputs: int, seed: int = 0) -> None:
        self._sums = [_Sums(layer) for layer in layers]
        self._positions = -(-POSITIONS // max(inputs, 1))
        self._random = np.random.default_rng(seed)

    def add(self, activations: Mapping[str, Array]) -> None:
        """Count the activations of one calibration input, by tensor name."""
        for sums in self._sums:
            values = activations[sums.layer.input]
            sums.add(_terms(sums.layer, values, self._positions, self._random))

    def by_layer(self) -> dict[str, Moment]:
        """The moments over everything that was added, by the layer's name."""
        return {sums.layer.name: sums.moment() for sums in self._sums}


class _Sums:
    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self._held: list[Array] = []
        self._count = 0
        groups, _, terms = layer.rows.shape
        self._first = np.zeros((groups, terms))
        self._second = np.zeros((groups, terms, terms), np.float32)

    def add(self, terms: Array) -> None:
        self._held.append(terms)
        if sum(held.shape[1] for held in self._held) >= _HELD:
            self._flush()

    def moment(self) -> Moment:
        self._flush()
        count = max(self._count, 1)
        return Moment(self._first / count, self._second.astype(np.float64) / count)

    def _flush(self) -> None:
        if not self._held:
            return
        terms = np.concatenate(self._held, axis=1)
        self._held.clear()
        self._count += terms.shape[1]
        self._first += terms.sum(axis=1)
        self._second += np.matmul(terms.transpose(0, 2, 1), terms)


def _terms(layer: Layer, values: Array, count: int, random: np.random.Generator) -> Array:
    """What the weights of `layer` are multiplied with, shape (groups, positions, terms)."""
    if layer.window is None:
        rows = values.reshape(-1, values.shape[-1])
        return rows[_some(len(rows), count, random)][None]
    kernel = layer.weight.shape[2:]
    views = _windows(values, kernel, layer.window)  # (N, C, ...positions, ...kernel)
    places = views.shape[2 : 2 + len(kernel)]
    chosen = _some(int(np.prod(places)), count, random)
    index: tuple[Any, ...] = (slice(None), slice(None), *np.unravel_index(chosen, places))
    picked = np.moveaxis(views[index], 2, 1)  # (N, P, C, ...kernel)
    picked = picked.reshape(-1, layer.groups, picked.shape[2] // layer.groups, *kernel)
    return np.ascontiguousarray(np.moveaxis(picked, 1, 0)).reshape(
        layer.groups, picked.shape[0], -1
    )


def _windows(values: Array, kernel: tuple[int, ...], window: Window) -> Array:
    padded = np.pad(values, ((0, 0), (0, 0), *window.pads))
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, window.dilations, strict=True))
    axes = tuple(range(2, 2 + len(kernel)))
    views = np.lib.stride_tricks.sliding_window_view(padded, spans, axis=axes)
    steps = (*window.strides, *window.dilations)
    return views[(slice(None), slice(None), *(slice(None, None, step) for step in steps))]


def _some(total: int, count: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    if total <= count:
        return np.arange(total)
    return random.choice(total, count, replace=False)
