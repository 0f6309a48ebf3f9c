"""What the lab downloads, unpacked into a cache: an arm64 system, its emulator, wheels, adbd.

Nothing is installed: Debian's packages are unpacked into folders. `python -m tests.lab.parts` makes
all of them, and says of each that it couldn't get why.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import filelock

RELEASE = "bookworm"
# The Python of that release, which the wheels are for.
PYTHON = "3.11"
# Older emulators show an arm program the x86 machine's /proc/cpuinfo; ONNX Runtime crashes on it.
_NEWER = f"{RELEASE}-backports"
_SYSTEM = (
    "python3", "libstdc++6", "libgomp1", "openssh-server", "dash", "coreutils", "procps",
    "util-linux", "base-files", "sed", "grep", "libc-bin",
)  # fmt: skip
_WHEELS = ("onnxruntime==1.32.0", "numpy==2.4.6")
# What those need beside, where all of it comes as wheels.
_NEEDED = ("flatbuffers==25.12.19", "packaging==26.4")
_ADBD = (
    *(f"{name}/{_NEWER}" for name in ("adbd", "android-libbase", "android-libboringssl",
      "android-libcutils", "android-liblog")),
    "libprotobuf32", "libbrotli1", "liblz4-1", "libzstd1", "toybox", "mksh",
)  # fmt: skip
_FOLDERS = (
    "proc",
    "sys",
    "dev",
    "run",
    "tmp",
    "etc/ssh",
    "srv",
    f"usr/local/lib/python{PYTHON}/dist-packages",
)
_PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_TIMEOUT_S = 600


class CannotGetError(Exception):
    """A part can't be made here; the message says why."""


def emulator() -> Path:
    """qemu-aarch64, one static program."""
    return _kept("emulator", ["qemu-user", _NEWER], _make_emulator) / "usr/bin/qemu-aarch64"


def arm_system() -> Path:
    """The root of a Debian for arm64: Python, OpenSSH and what they need."""
    return _kept("arm64", [RELEASE, *_SYSTEM, *_FOLDERS], _make_system)


def arm_wheels() -> Path:
    """A folder of Python packages for that system: ONNX Runtime and NumPy."""
    return _kept("wheels", [PYTHON, *_WHEELS], _make_wheels)


def arm_wheel_files() -> Path:
    """A folder of wheels for that system, as a registry has them: all that ONNX Runtime needs."""
    return _kept("wheel-files", [PYTHON, *_WHEELS, *_NEEDED], _make_wheel_files)


def adbd() -> Path:
    """The Android debug bridge's daemon with its libraries, toybox and Android's shell."""
    return _kept("adbd", _ADBD, _make_adbd)


PARTS: dict[str, Callable[[], Path]] = {
    "the arm64 emulator": emulator,
    "the arm64 system": arm_system,
    "the arm64 packages": arm_wheels,
    "the arm64 wheels": arm_wheel_files,
    "adbd": adbd,
}


def _kept(name: str, recipe: Sequence[str], make: Callable[[Path], None]) -> Path:
    cache = Path(os.environ.get("EDGEKIT_LAB_CACHE") or Path.home() / ".cache/edgekit-lab")
    cache.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16]
    folder = cache / f"{name}-{key}"
    with filelock.FileLock(cache / f"{name}.lock"):
        if not folder.exists():
            for abandoned in cache.glob(f"{name}-part-*"):
                shutil.rmtree(abandoned)
            made = Path(tempfile.mkdtemp(prefix=f"{name}-part-", dir=cache))
            made.chmod(0o755)
            try:
                make(made)
                made.rename(folder)
            finally:
                shutil.rmtree(made, ignore_errors=True)
    return folder


def _make_emulator(folder: Path) -> None:
    _unpack(["qemu-user/" + _NEWER], folder)
    program = (folder / "usr/bin/qemu-aarch64").read_bytes()
    shutil.rmtree(folder / "usr")
    (folder / "usr/bin").mkdir(parents=True)
    (folder / "usr/bin/qemu-aarch64").write_bytes(program)
    (folder / "usr/bin/qemu-aarch64").chmod(0o755)


def _make_system(folder: Path) -> None:
    options = ["--quiet", "--variant=extract", "--architectures=arm64"]
    options += ["--aptopt=Apt::Install-Recommends false", f"--include={','.join(_SYSTEM)}"]
    _run("mmdebstrap", *options, RELEASE, str(folder), f"deb {_mirror()} {RELEASE} main")
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    # What the packages' own scripts do on an installation.
    for name in ("passwd", "shadow"):
        (folder / "etc" / name).touch()
    (folder / "bin/sh").unlink(missing_ok=True)
    (folder / "bin/sh").symlink_to("dash")
    _compile(folder / f"usr/lib/python{PYTHON}")


def _make_wheels(folder: Path) -> None:
    _pip("install", f"--target={folder}", *_WHEELS)
    _compile(folder)


def _make_wheel_files(folder: Path) -> None:
    _pip("download", f"--dest={folder}", *_WHEELS, *_NEEDED)


def _pip(*words: str) -> None:
    """Run pip for the board's Python."""
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check"]
    options += [f"--python-version={PYTHON}", "--implementation=cp"]
    options += [f"--platform={name}_aarch64" for name in _PLATFORMS]
    _run(sys.executable, "-m", "pip", words[0], *options, *words[1:])


def _make_adbd(folder: Path) -> None:
    _unpack(_ADBD, folder)


def _compile(folder: Path) -> None:
    """Compile Python's files here: the emulated Python takes many times as long."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == PYTHON:
        options = ["-qq", "--invalidation-mode=unchecked-hash", "-j0"]
        # The standard library has files that are wrong on purpose.
        subprocess.run([sys.executable, "-m", "compileall", *options, str(folder)], check=False)


def _unpack(packages: Sequence[str], folder: Path) -> None:
    """Unpack Debian packages of this machine's architecture, without a trace in its own apt."""
    with tempfile.TemporaryDirectory(prefix="edgekit-lab-apt-") as name:
        apt = Path(name)
        (apt / "lists/partial").mkdir(parents=True)
        (apt / "archives/partial").mkdir(parents=True)
        sources = apt / "sources.list"
        line = f"deb [signed-by={_KEYRING}] {_mirror()}"
        sources.write_text(f"{line} {RELEASE} main\n{line} {_NEWER} main\n")
        settings = {
            "Dir::Etc::SourceList": sources,
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State::Lists": apt / "lists",
            "Dir::Cache": apt,
            "APT::Sandbox::User": "root",
            # A list that can't be fetched is a warning otherwise, and a riddle later.
            "APT::Update::Error-Mode": "any",
        }
        options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
        _run("apt-get", "-qq", *options, "update")
        _run("apt-get", "-qq", *options, "download", *packages, cwd=apt)
        for package in sorted(apt.glob("*.deb")):
            _run("dpkg-deb", "-x", str(package), str(folder))


def _mirror() -> str:
    """Where this machine gets Debian's packages from."""
    listed = _run("apt-get", "--print-uris", "update")
    found = re.search(r"'(\S+)/dists/[a-z]+/InRelease'", listed)
    if not found or "ID=debian" not in Path("/etc/os-release").read_text().splitlines():
        raise CannotGetError("this machine's apt has no source of Debian's packages")
    return found[1]


def _run(*argv: str, cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotGetError(str(error)) from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        # apt and pip begin the line that says it with E: or ERROR:
        reason = next((line for line in said if line.startswith("E")), said[-1])
        raise CannotGetError(f"{Path(argv[0]).name}: {reason}")
    return done.stdout


def main() -> int:
    """Make all parts; say what can't be had."""
    failed = 0
    for name, make in PARTS.items():
        try:
            make()
        except CannotGetError as error:
            failed += 1
            print(f"lab: {name} can't be had: {error}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
