"""scikit-learn's handwritten digits, as class folders of small images.

1797 digits of 8 x 8 pixels with values 0 to 16, from the test part of UCI's "Optical Recognition
of Handwritten Digits" (`sklearn.datasets.load_digits`).
"""

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from edgekit.errors import UsageError

_BRIGHTEST = 16
_OWN_EDGE = 8
# Networks' preprocessing crops: a digit that reaches the edge would lose strokes.
_MARGIN = 0.125
_HELD_OUT = 3


class Digits:
    """Writes the digits."""

    count = 1797
    size = 32

    def write(self, root: Path, *, count: int, size: int, seed: int) -> None:
        """Write them; a third of each class is in `test/`."""
        digits = load_digits()
        classes = len(digits.target_names)
        if not _HELD_OUT * classes <= count <= len(digits.target):
            raise UsageError(
                f"there are {len(digits.target)} digits in {classes} classes, not {count}",
                hint=f"give --count {_HELD_OUT * classes} to {len(digits.target)}",
            )
        if size < _OWN_EDGE:
            message = f"digits of {size} pixels can't be told apart"
            raise UsageError(message, hint=f"give --size {_OWN_EDGE} or more")
        order = np.random.default_rng(seed).permutation(len(digits.target))
        for label in range(classes):
            chosen = [index for index in order if digits.target[index] == label]
            share = chosen[: round(len(chosen) * count / len(digits.target))]
            for place, index in enumerate(share):
                part = "test" if place % _HELD_OUT == _HELD_OUT - 1 else "train"
                folder = root / part / str(label)
                folder.mkdir(parents=True, exist_ok=True)
                _picture(digits.images[index], size).save(folder / f"{index:04}.png")


def _picture(values: np.ndarray, size: int) -> Image.Image:
    """A digit as a grey image with a black margin."""
    inside = size - 2 * round(_MARGIN * size)
    small = Image.fromarray(np.round(values * (255 / _BRIGHTEST)).astype(np.uint8))
    picture = Image.new("L", (size, size))
    corner = (size - inside) // 2
    picture.paste(small.resize((inside, inside), Image.Resampling.BICUBIC), (corner, corner))
    return picture


GENERATOR = Digits()
