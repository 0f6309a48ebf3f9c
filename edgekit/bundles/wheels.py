"""Wheels for another machine's Python, found by uv."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit.errors import Incompatible, MissingDependency, ToolError
from edgekit.registry import install_command
from edgekit.text import one_line, printable

# What the worker needs.
LEAST_PYTHON = (3, 8)
# Minor versions of glibc 2 that uv has a name for; a wheel for an older one runs on a newer.
_GLIBC = (17, 28, *range(31, 41))
_PYTHONS = tuple((3, minor) for minor in range(8, 15))
_MACHINES = ("aarch64", "x86_64")
_BITS = 64
_TIMEOUT_S = 600.0
# What runtimes ask for and inference never imports: a fifth of ONNX Runtime's. One reports to
# its maker.
UNUSED = (
    "coloredlogs", "humanfriendly", "mpmath", "openvino-telemetry", "protobuf", "sympy", "tqdm",
)  # fmt: skip
_OFFLINE = re.compile(
    r"error sending request|failed to fetch|could not connect|dns error|connect error|timed out"
    r"|network was disabled|connectivity is disabled",
    re.IGNORECASE,
)
_TAIL_LINES = 15
_PLANNED = re.compile(r"(?m)^ \+ ([A-Za-z0-9._-]+)==(\S+)$")


@dataclass(frozen=True, slots=True)
class Platform:
    """What decides which wheels a Python takes.

    Attributes:
        python: Its version, major and minor.
        machine: What it was built for: `aarch64`, `x86_64`.
        glibc: Version of the C library, major and minor.
    """

    python: tuple[int, int]
    machine: str
    glibc: tuple[int, int]

    @classmethod
    def of(cls, python: str, platform: str, bits: int, libc: str) -> Platform:
        """The platform of a Python, by its own account.

        Args:
            python: Its version, as in `3.10.12`.
            platform: `sysconfig.get_platform()`, as in `linux-aarch64`.
            bits: Of its pointers. A 32-bit Python on a 64-bit kernel tells the kernel's machine.
            libc: `os.confstr("CS_GNU_LIBC_VERSION")`, as in `glibc 2.35`; empty for another
                library. `platform.libc_ver()` was seen to tell an older one than there is.

        Raises:
            Incompatible: There are no wheels for it, and why.
        """
        found = cls(_version(python), platform.partition("-")[2], _version(libc))
        said = f"Python {one_line(python)[:20]} for {one_line(platform)[:40]}"
        if found.python < LEAST_PYTHON:
            raise Incompatible(
                f"the device has {said}; edgekit's worker needs 3.8",
                hint="install a newer one beside it (`sudo apt-get install python3.8`, or uv) and "
                "name it as `python` in the device's entry",
            )
        if bits != _BITS:
            raise Incompatible(
                f"the device has {said} with {bits} bits, for which there are no wheels",
                hint="install a system of 64 bits; a kernel of 64 bits alone isn't enough",
            )
        if not platform.startswith("linux-") or found.machine not in _MACHINES:
            raise Incompatible(
                f"the device has {said}; wheels are found for Linux on {' and '.join(_MACHINES)}",
                hint="install the runtime on the device itself",
            )
        if not libc.startswith("glibc ") or found.glibc < (2, _GLIBC[0]):
            raise Incompatible(
                f"the device's C library is {one_line(libc)[:40] or 'not glibc'}; wheels need "
                f"glibc 2.{_GLIBC[0]} or newer",
                hint="install the runtime on the device itself, or a newer system",
            )
        return found

    @property
    def tag(self) -> str:
        """What uv calls it."""
        minor = max(known for known in _GLIBC if (2, known) <= self.glibc)
        return f"{self.machine}-manylinux_2_{minor}"

    def __str__(self) -> str:
        glibc, python = (".".join(map(str, each)) for each in (self.glibc, self.python))
        return f"Python {python} on {self.machine} with glibc {glibc}"


def find_uv() -> str:
    """Where uv is.

    Raises:
        MissingDependency: It isn't installed.
    """
    beside = Path(sys.executable).with_name("uv")
    found = shutil.which("uv") or shutil.which(beside)
    if found is None:
        raise MissingDependency(
            "a runtime for a device is found by uv, which isn't installed",
            hint=install_command("bundles"),
        )
    return found


def command(uv: str, requirements: Sequence[str], platform: Platform, folder: Path) -> list[str]:
    """The words that install wheels for `platform` into `folder`.

    Args:
        uv: The program.
        requirements: What to install.
        platform: For which Python; markers are evaluated for it too.
        folder: Where to.
    """
    words = [uv, "pip", "install", "--python", sys.executable, "--no-progress"]
    words += ["--python-platform", platform.tag]
    words += ["--python-version", ".".join(map(str, platform.python))]
    # Nothing is built: the host has no compiler for the device.
    words += ["--only-binary", ":all:"]
    return [*words, "--target", str(folder), *requirements]


def install(uv: str, requirements: Sequence[str], platform: Platform, folder: Path) -> None:
    """Install wheels for `platform` into `folder`, without what is in `UNUSED`.

    Raises:
        Incompatible: Which has no wheel for it, and what would have to be newer.
        ToolError: uv failed for another reason.
    """
    _resolve(uv, requirements, platform, command(uv, requirements, platform, folder))


def foresee(uv: str, requirements: Sequence[str], platform: Platform) -> dict[str, str]:
    """Versions that `install` would install, by package.

    Raises:
        EdgekitError: As `install` does.
    """
    with tempfile.TemporaryDirectory() as folder:
        words = [*command(uv, requirements, platform, Path(folder)), "--dry-run"]
        said = _resolve(uv, requirements, platform, words)
    return dict(_PLANNED.findall(said))


def _resolve(
    uv: str, requirements: Sequence[str], platform: Platform, words: Sequence[str]
) -> str:
    """Run uv's `words` without what is in `UNUSED`, and give what it said.

    Raises:
        EdgekitError: As `install` does.
    """
    with tempfile.TemporaryDirectory() as scratch:
        # Asked for on no machine that there is, which is uv's way not to ask for it.
        overrides = Path(scratch, "unused.txt")
        overrides.write_text("".join(f"{name} ; python_version < '3'\n" for name in UNUSED))
        done, said = _ask([*words, "--override", str(overrides)])
    if done:
        return said
    for requirement in requirements:
        if not _exists(uv, requirement, platform):
            raise _missing(uv, requirement, platform, said)
    raise ToolError(
        f"uv could not install {', '.join(requirements)} for {platform}",
        hint="its last lines say why",
        stderr_tail=said,
    )


def _missing(uv: str, requirement: str, platform: Platform, tail: str) -> Incompatible:
    """Which part of the platform is to blame, found by asking for others."""
    newer = [replace(platform, glibc=(2, minor)) for minor in _GLIBC]
    newer = [other for other in newer if other.glibc > platform.glibc]
    # The newest first: where that doesn't help, none does.
    if newer and _exists(uv, requirement, newer[-1]):
        least = next(other for other in newer if _exists(uv, requirement, other))
        return Incompatible(
            f"{requirement} has no wheel for {platform}: glibc is too old, it needs "
            f"2.{least.glibc[1]}",
            hint="install a newer system on the device, or take another runtime",
            stderr_tail=tail,
        )
    pythons = [
        ".".join(map(str, python))
        for python in _PYTHONS
        if _exists(uv, requirement, replace(platform, python=python))
    ]
    if pythons:
        return Incompatible(
            f"{requirement} has no wheel for {platform}, only for Python {', '.join(pythons)}",
            hint="install one of them on the device and name it as `python` in its entry, or take "
            "another runtime",
            stderr_tail=tail,
        )
    return Incompatible(
        f"{requirement} has no wheel for {platform.machine} at all",
        hint="take another runtime; `edgekit devices check` says which are there",
        stderr_tail=tail,
    )


def _exists(uv: str, requirement: str, platform: Platform) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        return _ask([*command(uv, [requirement], platform, Path(folder)), "--dry-run"])[0]


def _ask(words: Sequence[str]) -> tuple[bool, str]:
    """Run uv; gives whether it did what it should, and what it said: if not, the last lines.

    Raises:
        ToolError: It can't be started, was ended, or couldn't ask the registry.
    """
    try:
        done = subprocess.run(  # noqa: S603 -- a fixed program, no shell
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except OSError as error:
        raise ToolError(
            f"{words[0]} can't be started: {error.strerror or error}",
            hint=install_command("bundles"),
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(
            f"uv was not done after {_TIMEOUT_S:g} s", hint="see to the network, and run it again"
        ) from error
    if done.returncode == 0:
        return True, done.stderr
    if done.returncode < 0:  # by Ctrl-C: asking it for the reason would go on
        raise ToolError(f"uv was ended by signal {-done.returncode}", hint="run it again")
    tail = "\n".join(printable(done.stderr).splitlines()[-_TAIL_LINES:])
    # Or what can't be asked would be taken for what there isn't.
    if _OFFLINE.search(done.stderr):
        raise ToolError(
            "the package registry can't be reached",
            hint="uv takes a mirror from UV_DEFAULT_INDEX, and a proxy from HTTPS_PROXY",
            stderr_tail=tail,
        )
    return False, tail or f"it ended with status {done.returncode}"


def _version(text: str) -> tuple[int, int]:
    found = re.search(r"\b([0-9]{1,3})\.([0-9]{1,3})", text)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)
