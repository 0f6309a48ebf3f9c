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

from edgekit.bundles import archives, wheels
from edgekit.bundles.wheels import Platform
from edgekit.errors import Incompatible, ToolError, UsageError
from edgekit.records import digest
from edgekit.storage import file_sha256

# Newest first is what uv takes; what an adapter can't use says so itself.
REQUIREMENTS = {
    "onnxruntime": ("onnxruntime", "numpy"),
    "onnxruntime-reference": ("onnxruntime", "numpy"),
    "openvino": ("openvino", "numpy"),
    "litert": ("ai-edge-litert", "numpy"),
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
        runtime: Name of the runtime.
        platform: The device's.
        cache: Where archives are kept. Whoever removes it gets the newest packages again.
        uv: The program; empty to find it.

    Raises:
        UsageError: The runtime can't be pushed to a device.
        MissingDependency: uv isn't installed.
        Incompatible: A package has no wheel for the device.
        ToolError: uv failed, as where the registry can't be reached.
    """
    requirements = _requirements(runtime)
    name = digest({"requirements": requirements, "tag": platform.tag, "python": platform.python})
    place = cache / name[:32]
    return _kept(place) or _made(requirements, platform, place, uv or wheels.find_uv())


def _requirements(runtime: str) -> Sequence[str]:
    if runtime in REQUIREMENTS:
        return REQUIREMENTS[runtime]
    if runtime.startswith(_NEVER):
        raise UsageError(
            f"{runtime} is never pushed to a device: torch alone is half a GiB",
            hint="install torch on the device, or export to another format",
        )
    raise UsageError(
        f"{runtime} can't be pushed to a device",
        hint="what JetPack brings (TensorRT, CUDA) is used where it is; pushed are "
        + ", ".join(REQUIREMENTS),
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
    place.mkdir(parents=True, exist_ok=True)
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
    if found is None:  # somebody else made it at the same time, with other versions
        raise ToolError(f"{place} was changed meanwhile", hint="run it again")
    return found


def _versions(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.glob("*.dist-info")):
        name, _, version = path.name.removesuffix(".dist-info").partition("-")
        found[re.sub("[-_.]+", "-", name).lower()] = version
    return found
