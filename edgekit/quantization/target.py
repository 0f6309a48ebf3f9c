"""Targets: the facts of a machine that decide a recipe, detected here or named.

Feature names are those of Linux's /proc/cpuinfo, which archspec uses too.
"""

from __future__ import annotations

import subprocess
from shutil import which

from archspec.cpu import host
from archspec.cpu.detect import detected_info

from edgekit.errors import UsageError
from edgekit.records import Target
from edgekit.registry import nearest

# One instruction multiplies int8 by int8 and adds the products up in int32. Without any of them,
# x86 kernels add two products in int16 (vpmaddubsw), which saturates.
_INT8_DOT = ("avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8", "asimddp", "i8mm")

# Those, and the ones that decide the width of the kernels and what float16 is computed in.
FEATURES = (
    *_INT8_DOT,
    "avx2",
    "avx512f",
    "avx512_bf16",
    "avx512_fp16",
    "amx_bf16",
    "asimd",
    "asimdhp",
    "bf16",
    "sve",
    "svei8mm",
)

_DOTPROD = ("asimd", "asimddp", "asimdhp")
_I8MM = (*_DOTPROD, "bf16", "i8mm")
_NVIDIA = (75, 80, 86, 87, 89, 90, 100, 120, 121)

NAMED: dict[str, Target] = {
    named.name: named
    for named in (
        Target("x86-avx2", "x86_64", ("avx2",)),
        Target("x86-vnni", "x86_64", ("avx2", "avx_vnni")),
        Target("arm64", "aarch64", ("asimd",)),
        Target("arm64-dotprod", "aarch64", _DOTPROD),
        Target("arm64-i8mm", "aarch64", _I8MM),
        Target("jetson-orin", "aarch64", _DOTPROD, sm=87),
        Target("jetson-thor", "aarch64", _I8MM, sm=110),
        *(Target(f"sm{sm}", "nvidia", sm=sm) for sm in _NVIDIA),
    )
}
HOST = "host"


def target(name: str) -> Target:
    """The target called `name`; `host` is this machine, as it is detected now.

    Raises:
        UsageError: No target has that name.
    """
    if name == HOST:
        return detect()
    try:
        return NAMED[name]
    except KeyError:
        hint = nearest(name, [HOST, *NAMED])
        raise UsageError(f"there is no target named {name!r}", hint=hint) from None


def detect() -> Target:
    """This machine. What can't be found out is left out: no features, no GPU."""
    machine = host()
    # archspec's host() is the nearest model that it knows, and has only that model's features: a
    # virtual machine that hides one flag of a Zen 4 loses VNNI with it. So the CPU's own flags
    # count too; there are none on Apple's systems, where the model is certain.
    features = set(machine.features) | set(detected_info().features)
    gpu = gpus()
    return Target(
        name=HOST,
        arch=str(machine.family),
        features=tuple(sorted(features.intersection(FEATURES))),
        sm=gpu[0][0] if gpu else None,
    )


def has_int8_dot(machine: Target) -> bool:
    """Whether int8 kernels of `machine` add products up in int32, so that none saturates.

    A GPU beside a CPU doesn't help the CPU's kernels: of a machine with both, the CPU is judged.
    """
    return machine.arch == "nvidia" or any(name in machine.features for name in _INT8_DOT)


def gpus(timeout_s: float = 5.0) -> tuple[tuple[int, str], ...]:
    """Compute capability (89 for 8.9) and name of each NVIDIA GPU that the driver shows."""
    program = which("nvidia-smi")
    if program is None:
        return ()
    query = [program, "--query-gpu=compute_cap,name", "--format=csv,noheader"]
    try:
        answer = subprocess.run(  # noqa: S603 -- fixed words
            query, capture_output=True, text=True, timeout=timeout_s, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ()  # a driver that doesn't answer runs no engine either
    return tuple(filter(None, map(_gpu, answer.stdout.splitlines())))


def _gpu(line: str) -> tuple[int, str] | None:
    capability, _, name = line.partition(",")
    major, _, minor = capability.strip().partition(".")
    if not (major.isdigit() and minor.isdigit()):
        return None
    return int(major + minor), name.strip()


def saturates(target: Target) -> bool:
    """Whether the target's int8 kernels add two products in int16, which can overflow.

    x86 without VNNI or AMX has only `vpmaddubsw` (u8 x s8, pairs added into saturating int16).
    """
    return target.arch == "x86_64" and not has_int8_dot(target)
