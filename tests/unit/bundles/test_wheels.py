"""Which wheels a device's Python takes, and why there are none; uv is played by a script."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.bundles.wheels import Platform, command, find_uv, install
from edgekit.errors import Incompatible, MissingDependency, ToolError

JETPACK6 = Platform((3, 10), "aarch64", (2, 35))
UV = """#!{python}
import json, sys
words = sys.argv[1:]
value = lambda option: words[words.index(option) + 1]
tag, python = value("--python-platform"), value("--python-version")
with open({log!r}, "a") as log:
    log.write(json.dumps(words) + "\\n")
wheels = json.loads({wheels!r})
dry = words[-1] == "--dry-run"
if not dry:
    unused = open(value("--override")).read()
    assert "sympy ; python_version < '3'" in unused, unused
asked = words[words.index("--target") + 2 : -1 if dry else -2]
for requirement in asked:
    minor = int(tag.rpartition("_")[2])
    least = wheels.get(requirement + " " + python, wheels.get(requirement))
    if least is None or minor < least:
        sys.exit("x no solution found: " + requirement)
if not dry:
    import pathlib
    for requirement in asked:
        folder = pathlib.Path(value("--target"), requirement.replace("-", "_"))
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(tag + " " + python)
"""


def stand_in(folder: Path, wheels: Mapping[str, int | None]) -> str:
    """A uv that knows wheels: the least minor version of glibc 2 by package, and by Python."""
    program, log = folder / "uv", str(folder / "asked")
    text = UV.format(python=sys.executable, log=log, wheels=json.dumps(wheels))
    program.write_text(text)
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    ("python", "platform", "bits", "libc", "tag"),
    [
        ("3.10.12", "linux-aarch64", 64, "glibc 2.35", "aarch64-manylinux_2_35"),
        ("3.8.10", "linux-aarch64", 64, "glibc 2.31", "aarch64-manylinux_2_31"),
        ("3.11.2", "linux-aarch64", 64, "glibc 2.36", "aarch64-manylinux_2_36"),
        # Between those that uv has names for, and beyond them.
        ("3.9.2", "linux-x86_64", 64, "glibc 2.27", "x86_64-manylinux_2_17"),
        ("3.14.0", "linux-x86_64", 64, "glibc 2.44", "x86_64-manylinux_2_40"),
    ],
)
def test_a_python_tells_its_platform(
    python: str, platform: str, bits: int, libc: str, tag: str
) -> None:
    assert Platform.of(python, platform, bits, libc).tag == tag


@pytest.mark.parametrize(
    ("python", "platform", "bits", "libc", "word"),
    [
        ("3.6.9", "linux-aarch64", 64, "glibc 2.27", "needs 3.8"),
        # A 32-bit userland on a 64-bit kernel tells the kernel's machine.
        ("3.11.2", "linux-aarch64", 32, "glibc 2.36", "32 bits"),
        ("3.11.2", "linux-armv7l", 32, "glibc 2.36", "32 bits"),
        ("3.12.1", "linux-riscv64", 64, "glibc 2.39", "aarch64 and x86_64"),
        ("3.12.1", "macosx-14.0-arm64", 64, "", "aarch64 and x86_64"),
        ("3.12.1", "linux-aarch64", 64, "", "not glibc"),
        ("3.8.0", "linux-aarch64", 64, "glibc 2.12", "glibc 2.17 or newer"),
        ("nonsense", "linux-aarch64", 64, "glibc 2.35", "needs 3.8"),
    ],
)
def test_a_python_for_which_there_are_no_wheels_says_why(
    python: str, platform: str, bits: int, libc: str, word: str
) -> None:
    with pytest.raises(Incompatible, match=word):
        Platform.of(python, platform, bits, libc)


@settings(deadline=None)
@given(st.text(), st.text(), st.integers(), st.text())
def test_whatever_a_device_says_is_taken_or_refused(
    python: str, platform: str, bits: int, libc: str
) -> None:
    said = ""
    try:
        said = Platform.of(python, platform, bits, libc).tag
    except Incompatible as error:
        said = str(error)
    assert said.isprintable()
    assert said.startswith(("the device", "aarch64-manylinux_2_", "x86_64-manylinux_2_"))


def test_the_words_for_a_device(tmp_path: Path) -> None:
    words = command("uv", ["onnxruntime", "numpy"], JETPACK6, tmp_path)
    options = dict(itertools.pairwise(words))
    assert options["--python-platform"] == "aarch64-manylinux_2_35"
    assert options["--python-version"] == "3.10"
    assert options["--only-binary"] == ":all:"
    assert words[-4:] == ["--target", str(tmp_path), "onnxruntime", "numpy"]


def test_wheels_are_installed(tmp_path: Path) -> None:
    uv = stand_in(tmp_path, {"onnxruntime": 28, "numpy": 17})
    install(uv, ["onnxruntime", "numpy"], JETPACK6, tmp_path / "packages")
    text = (tmp_path / "packages/onnxruntime/__init__.py").read_text()
    assert text == "aarch64-manylinux_2_35 3.10"


def test_a_library_that_is_too_old_is_told_which_would_do(tmp_path: Path) -> None:
    uv = stand_in(tmp_path, {"onnxruntime": 17, "openvino": 31})
    old = Platform((3, 8), "aarch64", (2, 27))
    with pytest.raises(Incompatible) as caught:
        install(uv, ["onnxruntime", "openvino"], old, tmp_path / "packages")
    assert str(caught.value) == (
        "openvino has no wheel for Python 3.8 on aarch64 with glibc 2.27: glibc is too old, it "
        "needs 2.31"
    )


def test_a_python_that_is_too_old_is_told_which_would_do(tmp_path: Path) -> None:
    wheels: dict[str, int | None] = {"ai-edge-litert": 17, "ai-edge-litert 3.8": None}
    with pytest.raises(Incompatible, match=r"only for Python 3\.9, 3\.10, 3\.11"):
        install(
            stand_in(tmp_path, wheels),
            ["ai-edge-litert"],
            Platform((3, 8), "aarch64", (2, 31)),
            tmp_path / "packages",
        )


def test_a_package_without_any_wheel(tmp_path: Path) -> None:
    with pytest.raises(Incompatible, match="no wheel for aarch64 at all"):
        install(stand_in(tmp_path, {}), ["onnxruntime"], JETPACK6, tmp_path / "packages")


def failing(folder: Path, says: str) -> str:
    program = folder / "uv"
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit 2\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    "says",
    [
        "error: Failed to fetch: `https://pypi.org/simple/numpy/`\x1b[31m",
        # With UV_OFFLINE.
        "hint: Packages were unavailable because the network was disabled.",
        "Network connectivity is disabled, but the data was not found in the cache for: numpy",
    ],
)
def test_a_registry_that_is_out_of_reach_is_no_missing_wheel(tmp_path: Path, says: str) -> None:
    uv = failing(tmp_path, says)
    with pytest.raises(ToolError, match="registry can't be reached") as caught:
        install(uv, ["numpy"], JETPACK6, tmp_path / "packages")
    assert "\x1b" not in caught.value.stderr_tail


def test_a_uv_that_can_not_be_started(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="can't be started"):
        install("/nonexistent/uv", ["numpy"], JETPACK6, tmp_path / "packages")


def test_no_uv_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(MissingDependency) as caught:
        find_uv()
    assert caught.value.hint == "pip install 'edgekit-ml[bundles]'"
