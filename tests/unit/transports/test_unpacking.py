"""Bundles on a device: unpacked once, whole or not at all, and nowhere but where they belong."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest

from edgekit.bundles import archives
from edgekit.errors import DeviceError, Incompatible
from edgekit.transports.agent import unpacking
from edgekit.transports.agent.requests import RefusedError
from tests.agents import FolderDevice, eventually
from tests.unit.transports.conftest import MakeDevice
from tests.unit.transports.test_agent import PYTHONS

JOB = "0" * 32


def of_bytes(raw: bytes) -> bytes:
    return gzip.compress(raw, mtime=0)


def tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as made:
        for info, content in members:
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return of_bytes(buffer.getvalue())


def member(name: str, content: bytes = b"x = 1\n", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def linked(kind: bytes) -> tuple[tarfile.TarInfo, bytes]:
    return member("evil", b"", type=kind, linkname="/etc/passwd")


GOOD = tar(member("pack/__init__.py", b"answer = 42\n"), member("pack/a.so", b"ELF", mode=0o755))


def sparse() -> bytes:
    """One that says of itself that it has holes."""
    holes = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "evil"}
    info, content = member("evil", b"1\n0\n4\n".ljust(512, b"\0") + b"data")
    info.pax_headers = {**holes, "GNU.sparse.realsize": str(2**20)}
    return tar((info, content))


def test_a_bundle_is_unpacked_once_and_its_archive_goes(device: FolderDevice) -> None:
    client = device.client()
    sha256 = hashlib.sha256(GOOD).hexdigest()
    assert not client.unpack(sha256)
    device.push(GOOD)
    assert client.unpack(sha256)
    assert client.unpack(sha256)
    folder = device.root / "bundles" / sha256
    assert (folder / "pack/__init__.py").read_bytes() == b"answer = 42\n"
    assert list((device.root / "files").iterdir()) == []
    # Nothing of it is anybody else's.
    assert {path.stat().st_mode & 0o077 for path in folder.rglob("*")} == {0}


def test_what_is_packed_on_the_host_is_unpacked(device: FolderDevice, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    (packages / "pack/.libs").mkdir(parents=True)
    (packages / "pack/.libs/lib-1.so").write_bytes(os.urandom(300_000))
    (packages / "pack" / ("long" * 60)).write_text("")
    sha256 = archives.pack(packages, tmp_path / "a.tar.gz")
    device.client().probe()
    device.push((tmp_path / "a.tar.gz").read_bytes())
    assert device.client().unpack(sha256)
    there = device.root / "bundles" / sha256
    for path in (packages / "pack").rglob("*"):
        assert (
            path.is_dir() or (there / path.relative_to(packages)).read_bytes() == path.read_bytes()
        )


@pytest.mark.parametrize("python", [path for path in PYTHONS if Path(path).exists()])
def test_a_job_finds_it_on_its_path_alone(make_device: MakeDevice, python: str) -> None:
    device = make_device(python=python)
    client = device.client()
    client.probe()
    sha256 = device.push(GOOD)
    assert client.unpack(sha256)
    program = "import pack; print(pack.answer)"
    lines, _ = device.run(program, env={"PYTHONPATH": f"../../../bundles/{sha256}"})
    assert lines == [b"42"]
    lines, result = device.run(program)
    assert result.status == 1


@pytest.mark.parametrize(
    ("archive", "word"),
    [
        (tar(member("/etc/cron.d/evil")), "plain files"),
        (tar(member("../evil")), "plain files"),
        (tar(member("pack/../../evil")), "plain files"),
        (tar(member("pack//evil")), "plain files"),
        (tar(member("./evil")), "plain files"),
        (tar(member("e\x1b[31mvil")), "plain files"),
        (tar(member("e" * 1001)), "plain files"),
        (tar(linked(tarfile.SYMTYPE)), "plain files"),
        (tar(linked(tarfile.LNKTYPE)), "plain files"),
        (tar(member("evil", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3)), "plain files"),
        (tar(member("evil", b"", type=tarfile.FIFOTYPE)), "plain files"),
        (tar(member("evil", b"", type=tarfile.DIRTYPE)), "plain files"),
        (sparse(), "plain files"),
        (tar(member("twice"), member("twice")), "File exists"),
        (tar(member("a"), member("a/b")), "File exists|Not a directory"),
        (b"no archive at all", "broken"),
        (GOOD[: len(GOOD) // 2], "broken"),
        (of_bytes(b"no tar" * 1000), "broken"),
        (GOOD[:60] + bytes(20) + GOOD[80:], "broken|CRC"),
    ],
)
def test_a_hostile_archive_leaves_nothing(
    device: FolderDevice, tmp_path: Path, archive: bytes, word: str
) -> None:
    client = device.client()
    client.probe()
    before = sorted(path for path in tmp_path.rglob("*") if "agent" not in path.name)
    sha256 = device.push(archive)
    with pytest.raises(DeviceError, match=word):
        client.unpack(sha256)
    assert list((device.root / "bundles").iterdir()) == [device.root / "bundles/guard"]
    (device.root / "bundles/guard").unlink()
    (device.root / "files" / sha256).unlink()
    assert sorted(path for path in tmp_path.rglob("*") if "agent" not in path.name) == before


@pytest.mark.parametrize(("most", "value"), [("MOST_BYTES", 10), ("MOST_FILES", 1)])
def test_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: str, value: int
) -> None:
    monkeypatch.setattr(unpacking, most, value)
    (tmp_path / "a").write_bytes(GOOD)
    with pytest.raises(RefusedError, match="too much"):
        unpacking.unpack(tmp_path / "a", tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_an_archive_that_was_mangled_on_its_way_is_not_unpacked(device: FolderDevice) -> None:
    client = device.client()
    client.probe()
    sha256 = device.push(GOOD + b"more", "a" * 64)
    with pytest.raises(DeviceError, match="push it again"):
        client.unpack(sha256)
    # It is gone, so that it can be.
    assert not client.unpack(sha256)


@pytest.mark.parametrize("name", ["", "..", "a" * 63, "A" * 64, "../" + "a" * 61, 7, None])
def test_what_is_no_digest_names_no_bundle(device: FolderDevice, name: object) -> None:
    answer = device.greeted().ask({"id": 1, "op": "unpack", "args": {"sha256": name}})
    assert answer["error"] == "bad-request"


def test_many_at_once_unpack_it_once(device: FolderDevice) -> None:
    device.client().probe()
    big = tar(*(member(f"pack/m{number}.py", os.urandom(2000)) for number in range(500)))
    sha256 = device.push(big)
    found: list[bool] = []
    threads = [
        threading.Thread(target=lambda: found.append(device.client().unpack(sha256)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 4
    assert len(list((device.root / "bundles" / sha256 / "pack").iterdir())) == 500
    assert {path.name for path in (device.root / "bundles").iterdir()} == {sha256, "guard"}


def test_what_a_killed_agent_left_is_swept(device: FolderDevice) -> None:
    client = device.client()
    client.probe()
    (device.root / "bundles/aside/pack").mkdir(parents=True)
    (device.root / "bundles/aside/pack/stale.py").write_text("")
    sha256 = device.push(GOOD)
    assert client.unpack(sha256)
    folder = device.root / "bundles"
    assert {path.name for path in folder.iterdir()} == {sha256, "guard"}
    assert sorted(path.name for path in (folder / sha256 / "pack").iterdir()) == [
        "__init__.py",
        "a.so",
    ]


def test_what_was_used_longest_ago_goes_first(device: FolderDevice) -> None:
    client = device.client()
    client.probe()
    old, new = (tar(member(f"{name}.py", bytes(1000))) for name in ("old", "new"))
    first, second = device.push(old), device.push(new)
    client.unpack(first)
    client.unpack(second)
    folder = device.root / "bundles"
    os.utime(folder / first, (1, 1))
    os.utime(folder / second, (2, 2))
    client.unpack(first)
    client.gc(JOB, keep_bytes=1500)
    assert {path.name for path in folder.iterdir()} == {first, "guard"}
    client.gc(JOB, keep_bytes=0)
    assert {path.name for path in folder.iterdir()} == {"guard"}


def test_none_goes_while_a_job_may_read_it(device: FolderDevice) -> None:
    client = device.client()
    client.probe()
    sha256 = device.push(GOOD)
    client.unpack(sha256)
    job = device.begin(client, "input(); input()", stdin="\n")
    client.gc(uuid.uuid4().hex, keep_bytes=0)
    assert (device.root / "bundles" / sha256).is_dir()
    client.cancel(job)
    eventually(lambda: client.status(job).state == "done")

    def is_gone() -> bool:
        client.gc(job, keep_bytes=0)
        return not (device.root / "bundles" / sha256).exists()

    eventually(is_gone)


def test_a_size_that_a_job_wrote_over_is_none(device: FolderDevice) -> None:
    client = device.client()
    client.probe()
    sha256 = device.push(GOOD)
    client.unpack(sha256)
    for text in ("", "-1", "x", "9" * 5000, "\u00b2", "\u0663"):
        (device.root / "bundles" / sha256 / ".size").write_text(text)
        client.gc(JOB, keep_bytes=0)
        assert (device.root / "bundles" / sha256).is_dir()


def test_a_full_disk_is_told_and_leaves_no_half(small_disk: Path, make_device: MakeDevice) -> None:
    device = make_device(small_disk)
    client = device.client()
    client.probe()
    sha256 = device.push(tar(member("big.bin", bytes(2**21))))
    with pytest.raises(Incompatible, match="disk is full"):
        client.unpack(sha256)
    assert {path.name for path in (small_disk / "bundles").iterdir()} == {"guard"}
