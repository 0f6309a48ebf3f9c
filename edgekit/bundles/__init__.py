"""Bundles: the packages of a runtime that a device lacks, found on the host for the device.

The device needs no registry, no compiler and no pip: uv resolves for the device's own Python,
platform and C library, and what it finds travels as one archive that is called by its digest.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import filelock

from edgekit.bundles import archives, wheels
from edgekit.bundles.wheels import Platform
from edgekit.errors import Incompatible, ToolError
from edgekit.records import digest
from edgekit.storage import file_sha256

# Newest first is what uv takes; what an adapter can't use says so itself.
REQUIREMENTS = {
    "onnxruntime": ("onnxruntime", "numpy"),
    "onnxruntime-reference": ("onnxruntime", "numpy"),
    "openvino": ("openvino", "numpy"),
    "litert": ("ai-edge-litert", "numpy"),
    # Alone, beside a runtime that the device has: its own build must not be hidden by another.
    "numpy": ("numpy",),
}
# Half a GiB, for a device that has better runtimes.
_NEVER = "torch"
_ARCHIVE, _RECORD = "bundle.tar.gz", "bundle.json"


@dataclass(frozen=True, slots=True)
class Bundle:
    """Packages in one archive.

    Attributes:
        path: The archive.
        sha256: Its digest, which is its name on a device.
        size_bytes: Its size.
        versions: Versions of the packages, by name.
    """

    path: Path
    sha256: str
    size_bytes: int
    versions: dict[str, str]


def bundle(runtime: str, platform: Platform, cache: Path, uv: str = "") -> Bundle:
    """What `runtime` needs on a device, from the cache if it was made before.

    Args:
        runtime: Name of the runtime; `numpy` for NumPy alone.
        platform: The device's.
        cache: Where archives are kept. Whoever removes it gets the newest packages again.
        uv: The program; empty to find it.

    Raises:
        MissingDependency: uv isn't installed.
        Incompatible: The runtime can't be pushed to a device, or has no wheel for it.
        ToolError: uv failed, as where the registry can't be reached.
    """
    requirements = _requirements(runtime)
    place = _place(requirements, platform, cache)
    place.mkdir(parents=True, exist_ok=True)
    # A fleet of one kind of board asks for one bundle eight times at once.
    with filelock.FileLock(place / "lock"):
        return _kept(place) or _made(requirements, platform, place, uv or wheels.find_uv())


def kept(runtime: str, platform: Platform, cache: Path) -> Bundle | None:
    """What `bundle` gives without asking anybody; None if it must be made.

    Raises:
        Incompatible: The runtime can't be pushed to a device.
    """
    return _kept(_place(_requirements(runtime), platform, cache))


def foreseen(runtime: str, platform: Platform, cache: Path) -> tuple[dict[str, str], int | None]:
    """What `bundle` would give, without making it.

    Returns:
        Versions by package, and the bytes of the archive; None if it isn't made yet.

    Raises:
        EdgekitError: As `bundle` does.
    """
    found = kept(runtime, platform, cache)
    if found is not None:
        return found.versions, found.size_bytes
    return wheels.foresee(wheels.find_uv(), _requirements(runtime), platform), None


def _place(requirements: Sequence[str], platform: Platform, cache: Path) -> Path:
    name = digest({"requirements": requirements, "tag": platform.tag, "python": platform.python})
    return cache / name[:32]


def _requirements(runtime: str) -> Sequence[str]:
    if runtime in REQUIREMENTS:
        return REQUIREMENTS[runtime]
    if runtime.startswith(_NEVER):
        raise Incompatible(
            "the device has no torch, which is never pushed: it is half a GiB",
            hint="there: `python3 -m pip install --user torch`; or export to another format",
        )
    raise Incompatible(
        f"the device has no {runtime}, which can't be pushed to it",
        hint="a Jetson has TensorRT and CUDA by `sudo apt install nvidia-jetpack`, for "
        "/usr/bin/python3: take that one as `python` in the device's entry",
    )


def _kept(place: Path) -> Bundle | None:
    archive = place / _ARCHIVE
    try:
        told = json.loads((place / _RECORD).read_bytes())
        found = Bundle(archive, told["sha256"], archive.stat().st_size, told["versions"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if file_sha256(archive) == found.sha256 else None


def _made(requirements: Sequence[str], platform: Platform, place: Path, uv: str) -> Bundle:
    with tempfile.TemporaryDirectory(dir=place) as scratch:
        folder, aside = Path(scratch, "packages"), Path(scratch, _ARCHIVE)
        wheels.install(uv, requirements, platform, folder)
        versions = _versions(folder)
        if _NEVER in versions:
            raise Incompatible(
                f"{' and '.join(requirements)} want torch, which is never pushed to a device",
                hint="install the runtime on the device itself",
            )
        sha256 = archives.pack(folder, aside)
        record = Path(scratch, _RECORD)
        record.write_text(json.dumps({"sha256": sha256, "versions": versions}), "utf-8")
        # The record last: it says that the archive beside it is whole.
        aside.replace(place / _ARCHIVE)
        record.replace(place / _RECORD)
    found = _kept(place)
    if found is None:
        raise ToolError(f"{place} was changed meanwhile", hint="run it again")
    return found


def _versions(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.glob("*.dist-info")):
        name, _, version = path.name.removesuffix(".dist-info").partition("-")
        found[re.sub("[-_.]+", "-", name).lower()] = version
    return found
