"""Photos that come with packages, so that calibration and parity need no data set.

scikit-image and scikit-learn ship a few photographs. Those of the golden sample are never
calibrated on, so that parity is not measured on what the ranges were taken from.
"""

import importlib.util
from pathlib import Path

from edgekit.datasets.images import Photos
from edgekit.errors import MissingDependency
from edgekit.registry import install_command

_GOLDEN = {
    "skimage": ("chelsea.png", "coffee.png", "rocket.jpg", "camera.png", "coins.png"),
    "sklearn": ("china.jpg",),
}
_CALIBRATION = {
    "skimage": (
        "astronaut.png", "brick.png", "clock_motion.png", "grass.png", "gravel.png",
        "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png", "page.png",
        "retina.jpg",
    ),
    "sklearn": ("flower.jpg",),
}  # fmt: skip
_FOLDERS = {"skimage": "data", "sklearn": "datasets/images"}


def golden() -> Photos:
    """Photos for parity and the golden sample."""
    return _find(_GOLDEN)


def calibration() -> Photos:
    """Photos to calibrate on where the user gives none."""
    return _find(_CALIBRATION)


def _find(wanted: dict[str, tuple[str, ...]]) -> Photos:
    paths = []
    for package, names in wanted.items():
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise MissingDependency(
                f"the built-in photos need the package {package!r}",
                hint=install_command("assets"),
            )
        root = Path(spec.submodule_search_locations[0]) / _FOLDERS[package]
        paths += [path for path in (root / name for name in names) if path.is_file()]
    return Photos("photos of scikit-image and scikit-learn", tuple(paths))
