"""Bundles: made once, the same bytes for the same packages, and never torch."""

from __future__ import annotations

import functools
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edgekit.bundles import REQUIREMENTS, Bundle, archives, bundle, foreseen, wheels
from edgekit.bundles.wheels import UNUSED, Platform, find_uv
from edgekit.errors import Incompatible, MissingDependency, ToolError
from edgekit.runtimes import RUNTIMES

JETPACK6 = Platform((3, 10), "aarch64", (2, 35))
# Installs what is asked for, with what an installer leaves beside it.
UV = """#!/bin/sh
echo "$*" >>'{log}'
while [ $# -gt 1 ]; do [ "$1" = --target ] && target=$2; shift; done
mkdir -p "$target/bin" "$target/numpy/__pycache__" "$target/numpy-2.2.6.dist-info"
mkdir -p "$target/{extra}-1.0.dist-info"
echo "#!$$" >"$target/bin/f2py"
echo 'x = 1' >"$target/numpy/__init__.py"
printf '\\177ELF' >"$target/numpy/core.so"; chmod 755 "$target/numpy/core.so"
echo $$ >"$target/numpy/__pycache__/x.pyc"
echo $$ >"$target/numpy-2.2.6.dist-info/RECORD"
echo 'Name: numpy' >"$target/numpy-2.2.6.dist-info/METADATA"
echo $$ >"$target/.lock"
"""


def stand_in(folder: Path, extra: str = "Flat_Buffers") -> str:
    program = folder / "uv"
    program.write_text(UV.format(log=folder / "asked", extra=extra))
    program.chmod(0o755)
    return str(program)


def made(tmp_path: Path, cache: str = "cache", platform: Platform = JETPACK6) -> Bundle:
    return bundle("onnxruntime", platform, tmp_path / cache, stand_in(tmp_path))


def test_a_bundle_has_what_is_imported_and_nothing_of_the_installation(tmp_path: Path) -> None:
    found = made(tmp_path)
    with tarfile.open(found.path) as tar:
        members = {member.name: member for member in tar.getmembers()}
    assert sorted(members) == ["numpy-2.2.6.dist-info/METADATA", "numpy/__init__.py",
                               "numpy/core.so"]  # fmt: skip
    assert {(one.uid, one.gid, one.mtime, one.uname) for one in members.values()} == {
        (0, 0, 0, "")
    }
    assert members["numpy/core.so"].mode == 0o755
    assert members["numpy/__init__.py"].mode == 0o644
    assert found.versions == {"numpy": "2.2.6", "flat-buffers": "1.0"}
    assert found.size_bytes == found.path.stat().st_size


def test_the_same_packages_are_the_same_bytes(tmp_path: Path) -> None:
    first, second = made(tmp_path, "a"), made(tmp_path, "b")
    assert first.sha256 == second.sha256
    # Where gzip puts the time.
    assert first.path.read_bytes()[4:8] == bytes(4)


def test_the_second_time_nothing_is_asked_for(tmp_path: Path) -> None:
    assert made(tmp_path) == made(tmp_path)
    assert len((tmp_path / "asked").read_text().splitlines()) == 1


def test_another_platform_is_another_bundle(tmp_path: Path) -> None:
    made(tmp_path)
    made(tmp_path, platform=Platform((3, 11), "aarch64", (2, 35)))
    made(tmp_path, platform=Platform((3, 10), "aarch64", (2, 31)))
    assert len((tmp_path / "asked").read_text().splitlines()) == 3
    # Between two names of uv's nothing differs.
    made(tmp_path, platform=Platform((3, 11), "aarch64", (2, 35)))
    assert len((tmp_path / "asked").read_text().splitlines()) == 3


@pytest.mark.parametrize("name", ["bundle.tar.gz", "bundle.json"])
def test_a_bundle_that_was_spoilt_is_made_again(tmp_path: Path, name: str) -> None:
    first = made(tmp_path)
    (first.path.parent / name).write_bytes(b"{}")
    assert made(tmp_path) == first


def test_torch_is_never_pushed(tmp_path: Path) -> None:
    for runtime in ("torch", "torch-compiled", "torch-cuda"):
        with pytest.raises(Incompatible, match="never pushed"):
            bundle(runtime, JETPACK6, tmp_path, "uv")
    with pytest.raises(Incompatible, match="want torch"):
        bundle("onnxruntime", JETPACK6, tmp_path, stand_in(tmp_path, extra="torch"))
    assert not list(tmp_path.glob("*/bundle.tar.gz"))


def test_what_comes_with_the_board_is_not_pushed(tmp_path: Path) -> None:
    with pytest.raises(Incompatible) as caught:
        bundle("tensorrt", JETPACK6, tmp_path, "uv")
    assert "nvidia-jetpack" in caught.value.hint


def test_every_runtime_that_can_be_pushed_exists() -> None:
    assert REQUIREMENTS.keys() <= {*RUNTIMES.names(), "numpy"}


def test_two_at_once_ask_once(tmp_path: Path) -> None:
    uv = stand_in(tmp_path)
    ask = functools.partial(bundle, "onnxruntime", JETPACK6, tmp_path / "cache", uv)
    with ThreadPoolExecutor() as pool:
        found = [asked.result() for asked in [pool.submit(ask) for _ in range(4)]]
    assert len({bundle.sha256 for bundle in found}) == 1
    assert len((tmp_path / "asked").read_text().splitlines()) == 1


def test_what_it_would_be_is_told_before_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Path(stand_in(tmp_path))
    monkeypatch.setattr(wheels, "find_uv", lambda: str(program))
    told = " + numpy==2.2.6\\n + onnxruntime==1.23.2\\n"
    program.write_text(f"#!/bin/sh\nprintf 'Would install 2 packages\\n{told}' >&2\n")
    versions = {"numpy": "2.2.6", "onnxruntime": "1.23.2"}
    assert foreseen("onnxruntime", JETPACK6, tmp_path / "cache") == (versions, None)
    bundle = made(tmp_path)
    known = foreseen("onnxruntime", JETPACK6, tmp_path / "cache")
    assert known == (bundle.versions, bundle.size_bytes)


def test_links_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "a.py").write_text("")
    (folder / "b.py").symlink_to("/etc/passwd")
    archives.pack(folder, tmp_path / "a.tar.gz")
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        assert tar.getnames() == ["a.py"]


@pytest.mark.registry
def test_real_wheels_for_a_jetson(tmp_path: Path) -> None:
    try:
        uv = find_uv()
        found = bundle("onnxruntime", JETPACK6, tmp_path, uv)
    except MissingDependency as error:
        pytest.skip(str(error))
    except ToolError as error:
        pytest.skip(f"{error}: {error.stderr_tail}")
    assert {"onnxruntime", "numpy"} <= found.versions.keys()
    assert found.versions.keys().isdisjoint(UNUSED)
    with tarfile.open(found.path) as tar:
        names = tar.getnames()
        wheel = tar.extractfile(f"onnxruntime-{found.versions['onnxruntime']}.dist-info/WHEEL")
        assert wheel is not None
        tags = wheel.read().decode()
    assert "Tag: cp310-cp310-manylinux" in tags
    assert "aarch64" in tags
    assert any(name.endswith("aarch64-linux-gnu.so") for name in names)


@pytest.mark.registry
def test_a_real_package_that_has_no_wheel_for_an_old_python(tmp_path: Path) -> None:
    try:
        uv = find_uv()
        with pytest.raises(Incompatible) as caught:
            bundle("litert", Platform((3, 8), "aarch64", (2, 31)), tmp_path, uv)
    except (MissingDependency, ToolError) as error:
        pytest.skip(str(error))
    assert "ai-edge-litert has no wheel for Python 3.8 on aarch64" in str(caught.value)
    assert "only for Python 3.9" in str(caught.value)
