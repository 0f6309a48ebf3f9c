"""Which adapters work here, found without importing any of them."""

from __future__ import annotations

import functools
from importlib import metadata
from typing import Any

from edgekit.quantization.target import gpus
from edgekit.records.findings import Part
from edgekit.registry import Registry, install_command, is_installed

# Runtimes that need more than packages.
_NVIDIA_RUNTIMES = {"tensorrt", "onnxruntime-cuda", "torch-cuda", "torch-cuda-compiled"}
# Builds of a package that another distribution than the usual one brings.
_BUILDS = {"onnxruntime-cuda": "onnxruntime-gpu"}


def part(registry: Registry[Any], name: str) -> Part:
    """What the adapter `name` of `registry` needs, and what of it is here."""
    entry = registry.entry(name)
    missing = registry.missing(name)
    build = _BUILDS.get(name, "") if registry.kind == "runtime" else ""
    if build and not missing and not _is_there(build):
        missing = [build]
    install = install_command(entry.extra) if missing else ""
    if registry.kind == "runtime" and name in _NVIDIA_RUNTIMES and not gpus():
        missing = [*missing, "an NVIDIA GPU"]
    return Part(registry.kind, name, _versions(entry.modules), tuple(missing), install)


def _is_there(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _versions(modules: tuple[Any, ...]) -> dict[str, str]:
    """Versions of the distributions that the installed ones of `modules` come from."""
    names = [name for need in modules for name in (need if isinstance(need, tuple) else (need,))]
    owners = _owners()
    distributions = [
        owner for name in names if is_installed(name) for owner in owners.get(name, ())
    ]
    return {name: metadata.version(name) for name in dict.fromkeys(distributions)}


# Reads the file lists of everything that is installed.
_owners = functools.cache(metadata.packages_distributions)
