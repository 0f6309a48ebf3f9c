"""Ranges of activations, from calibration."""

from __future__ import annotations

import numpy as np

from edgekit.errors import DataError
from edgekit.quantization.layers import Array

Range = tuple[float, float]
EVERYTHING: Range = (-np.inf, np.inf)

# Values kept of each tensor, over all inputs, to weigh clipping against rounding with: with fewer
# the ends, where the values are rare, are left to chance.
_KEPT = 65536
_STEPS = 255
# Shares of the whole range that are tried.
_SHARES = np.linspace(0.5, 1.0, 26)


class Ranges:
    """Least and largest value of every tensor over calibration inputs, and a sample between.

    Args:
        inputs: How many calibration inputs there will be.
        seed: Seed of the sample.
    """

    def __init__(self, inputs: int, seed: int = 0) -> None:
        self._kept = -(-_KEPT // max(inputs, 1))
        self._random = np.random.default_rng(seed)
        self._ends: dict[str, Range] = {}
        self._samples: dict[str, list[Array]] = {}

    def add(self, name: str, values: Array) -> None:
        """Count the values of tensor `name` for one calibration input.

        Raises:
            DataError: A value is NaN or infinite.
        """
        low, high = float(values.min()), float(values.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise DataError(
                f"calibration: the values of {name!r} hold NaN or infinity",
                hint="the float model itself overflows there on these photos: check its weights "
                "and the preprocessing, or calibrate on other photos",
            )
        least, largest = self._ends.get(name, (low, high))
        self._ends[name] = (min(least, low), max(largest, high))
        flat = values.reshape(-1)
        chosen = self._random.integers(0, flat.size, min(self._kept, flat.size))
        self._samples.setdefault(name, []).append(flat[chosen])

    def __contains__(self, name: str) -> bool:
        return name in self._ends

    def names(self) -> list[str]:
        """Tensors that were seen."""
        return list(self._ends)

    def of(self, name: str, method: str, bounds: Range = EVERYTHING) -> Range:
        """The range of tensor `name`.

        Args:
            name: The tensor.
            method: `minmax` (true ends) or `mse` (ends that make the mean square of clipping and
                rounding together least, over 256 steps; Banner et al. 2019, arXiv:1810.05723, by
                search as in TensorRT's and NNCF's calibrators).
            bounds: What whoever reads the tensor lets through: nothing beyond it needs a step.
        """
        low, high = self._ends[name]
        low, high = max(low, bounds[0]), min(high, bounds[1])
        if method == "mse" and high > low:
            sample = np.clip(np.concatenate(self._samples[name]), low, high)
            low, high = _least_error(sample, low, high)
        return _on_steps(low, high)


def _on_steps(low: float, high: float) -> Range:
    """The least range around both ends in which zero falls on a step.

    Libraries round the zero point and leave the scale: one end then lies half a step outside and
    is clipped. Where many values lie at an end (a white background, a ReLU6) that is no noise but
    an error of one sign.
    """
    if not low < 0.0 < high:
        return low, high
    zero = min(max(round(-low / (high - low) * _STEPS), 1), _STEPS - 1)
    step = max(-low / zero, high / (_STEPS - zero))
    return -zero * step, (_STEPS - zero) * step


def _least_error(sample: Array, low: float, high: float) -> Range:
    low, high = min(low, 0.0), max(high, 0.0)
    errors = []
    for share in _SHARES:
        step = share * (high - low) / _STEPS
        kept = np.rint(np.clip(sample, share * low, share * high) / step) * step
        errors.append(float(np.square(kept - sample).mean()))
    best = float(_SHARES[int(np.argmin(errors))])
    return best * low, best * high
