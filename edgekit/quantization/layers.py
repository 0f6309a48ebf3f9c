"""Layers: the operators that multiply by weights, in words that no format has of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Window:
    """How a convolution moves over its input, along each axis of space.

    Attributes:
        strides: Steps between outputs.
        dilations: Steps between the taps of the kernel.
        pads: Zeros before and after.
    """

    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution or a product with a constant matrix.

    Attributes:
        name: Name of the operator in its file.
        input: Name of the tensor that it reads, channels second (N, C, ...), or last for a
            product (..., C).
        weight: Shape (outputs, inputs / groups, ...kernel).
        bias: Shape (outputs,); None where there is none to write to.
        groups: Groups of channels that don't see each other.
        window: How a convolution moves; None for a product.
    """

    name: str
    input: str
    weight: Array
    bias: Array | None
    groups: int = 1
    window: Window | None = None

    @property
    def is_depthwise(self) -> bool:
        """Whether each output sees one channel. Kernels for it add no products in pairs."""
        return self.groups > 1 and self.weight.shape[1] == 1

    @property
    def rows(self) -> Array:
        """The weights as the products see them, shape (groups, outputs / groups, terms)."""
        return self.weight.reshape(self.groups, self.weight.shape[0] // self.groups, -1)
