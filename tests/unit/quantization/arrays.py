"""Layers with random weights."""

import numpy as np
from hypothesis import strategies as st

from edgekit.quantization.layers import Layer, Window


def conv(outputs, inputs, kernel=1, groups=1, seed=0, spread=1.0):
    """A convolution whose rows differ in size, with a few large weights, as trained ones have."""
    random = np.random.default_rng(seed)
    weight = random.standard_normal((outputs, inputs // groups, kernel, kernel))
    weight *= np.exp(spread * random.standard_normal((outputs, 1, 1, 1)))
    weight[random.random(weight.shape) < 0.05] *= 6.0
    pad = kernel // 2
    return Layer(
        name=f"conv{seed}",
        input="x",
        weight=weight.astype(np.float32),
        bias=random.standard_normal(outputs).astype(np.float32),
        groups=groups,
        window=Window((1, 1), (1, 1), ((pad, pad), (pad, pad))),
    )


layers = st.builds(
    conv,
    outputs=st.sampled_from([1, 4, 12]),
    inputs=st.sampled_from([2, 8, 24]),
    kernel=st.sampled_from([1, 3]),
    seed=st.integers(0, 2**16),
    spread=st.sampled_from([0.0, 1.0, 3.0]),
)
