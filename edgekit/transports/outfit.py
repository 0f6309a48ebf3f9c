"""What a job needs of Python on a device: what is there is used, what isn't is brought.

Nothing is installed: a bundle is unpacked into edgekit's own folder, and the job alone finds it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from edgekit import bundles
from edgekit.bundles import Bundle
from edgekit.bundles.wheels import Platform
from edgekit.errors import DeviceError
from edgekit.transports import workers
from edgekit.transports.agentclient import AgentClient
from edgekit.transports.cargo import Item
from edgekit.transports.relay import Say
from edgekit.wire import Job

NUMPY = "numpy"
# By runtime: distributions of which one must be installed, as an agent tells of them. Runtimes
# that aren't here, as those of third parties, are looked for by the worker alone.
BUILDS = {
    "onnxruntime": ("onnxruntime", "onnxruntime_gpu"),
    "onnxruntime-reference": ("onnxruntime", "onnxruntime_gpu"),
    "onnxruntime-cuda": ("onnxruntime_gpu",),
    "litert": ("ai_edge_litert", "tflite_runtime"),
    "openvino": ("openvino",),
    "tensorrt": ("tensorrt", "tensorrt_rtx_cu12_bindings", "tensorrt_rtx_cu13_bindings"),
    "torch": ("torch",),
    "torch-compiled": ("torch",),
    "torch-cuda": ("torch",),
    "torch-cuda-compiled": ("torch",),
}
# From the folder that a job runs in, so that no path that a device tells of is needed.
_PLACE = "../../../bundles/{}"


def cache() -> Path:
    """Where bundles are kept here; `~/.cache/edgekit` is the folder of a device."""
    folder = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(folder).expanduser() / "edgekit-bundles"


def lacking(runtime: str, packages: Mapping[str, str]) -> str:
    """What has to be brought for `runtime`: itself, NumPy alone, or nothing.

    Args:
        runtime: Its name, one of `BUILDS`.
        packages: Versions of what is installed on the device, as its agent tells of them.

    Returns:
        `runtime`, `numpy`, or nothing.
    """
    if not any(build in packages for build in BUILDS[runtime]):
        return runtime
    return "" if NUMPY in packages else NUMPY


class Outfit:
    """The packages of one device, looked at once and brought once for each runtime.

    Args:
        client: Its agent.
        system: Where its system's files are.
        bring: Brings a file to the device's store of files.
    """

    def __init__(self, client: AgentClient, system: str, bring: Callable[[Item], object]) -> None:
        self._client = client
        self._system = system
        self._bring = bring
        self._paths: dict[str, list[str]] = {}

    def paths(self, job: Job, say: Say) -> list[str]:
        """What `job` needs on Python's path beside the worker, relative to where it runs.

        Args:
            job: What will be done there.
            say: Is told where a bundle has to be made or brought, which takes half a minute.

        Raises:
            Incompatible: The runtime isn't there and can't be brought; says what is missing.
            MissingDependency: uv is needed here, and isn't installed.
            ToolError: uv failed.
            DeviceError: The device doesn't take the bundle.
            LinkLost: The link broke for good.
        """
        if job.runtime not in BUILDS:  # also where there is none to run
            return []
        if job.runtime not in self._paths:
            self._paths[job.runtime] = self._found(job.runtime, say)
        return self._paths[job.runtime]

    def _found(self, runtime: str, say: Say) -> list[str]:
        facts = self._client.probe(system=self._system)
        wanted = lacking(runtime, facts.packages)
        if not wanted:
            return []
        platform = Platform.of(facts.python, facts.platform, facts.bits, facts.glibc)
        found = bundles.kept(wanted, platform, cache())
        if found is None or not self._client.unpack(found.sha256):
            say(workers.phase("bundle"))
            found = found or bundles.bundle(wanted, platform, cache())
            self._unpack(found)
        return [_PLACE.format(found.sha256)]

    def _unpack(self, bundle: Bundle) -> None:
        """Bring a bundle, unless another host has."""
        if self._client.unpack(bundle.sha256):
            return
        self._bring(Item(bundle.sha256, bundle.size_bytes, bundle.path))
        if not self._client.unpack(bundle.sha256):
            raise DeviceError("the device lost a bundle that it got", hint="run it again")
