"""The file that takes files in on a device, as the device runs it."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgekit.transports import courier

SOURCE = Path(courier.__file__).read_text()


def _entry(content: bytes, place: str = "files/x") -> list[Any]:
    return [place, len(content), hashlib.sha256(content).hexdigest()]


def _sent(root: Path, entries: list[list[Any]], content: bytes) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", SOURCE, str(root)],
        input=json.dumps(entries).encode() + b"\n" + content,
        capture_output=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "work"


def _files(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def test_what_is_missing_is_taken_and_what_is_there_is_not(root: Path) -> None:
    entries = [_entry(b"one", "files/1"), _entry(b"two!", "agent.pyz")]
    first, last = _sent(root, entries, b"onetwo!")
    assert first == {"root": str(root), "missing": [0, 1], "python": [*sys.version_info[:3]]}
    assert last == {"received": 2}
    assert (root / "files/1").read_bytes() == b"one"
    assert (root / "agent.pyz").stat().st_mode & 0o777 == 0o600
    assert _sent(root, entries, b"")[0]["missing"] == []


def test_another_digest_leaves_nothing(root: Path) -> None:
    *_, last = _sent(root, [_entry(b"one")], b"eno")
    assert "digest" in last["refused"]
    assert _files(root) == []


def test_an_upload_that_breaks_off_leaves_nothing_but_what_was_whole(root: Path) -> None:
    entries = [_entry(b"one", "files/1"), _entry(b"two", "files/2")]
    *_, last = _sent(root, entries, b"onetw")
    assert "broke off" in last["refused"]
    assert _files(root) == ["1"]
    assert _sent(root, entries, b"two")[0]["missing"] == [1]


def test_a_file_that_was_cut_is_taken_again(root: Path) -> None:
    _sent(root, [_entry(b"one")], b"one")
    (root / "files/x").write_bytes(b"on")
    assert _sent(root, [_entry(b"one")], b"one")[0]["missing"] == [0]


def test_a_link_in_place_of_a_file_is_replaced_and_not_followed(
    root: Path, tmp_path: Path
) -> None:
    (root / "files").mkdir(parents=True, mode=0o700)
    root.chmod(0o700)
    (tmp_path / "victim").write_bytes(b"mine")
    (root / "files/x").symlink_to(tmp_path / "victim")
    assert _sent(root, [_entry(b"evil")], b"evil")[-1] == {"received": 1}
    assert (tmp_path / "victim").read_bytes() == b"mine"


def test_a_folder_that_others_may_enter_is_refused(root: Path) -> None:
    root.mkdir()
    root.chmod(0o755)
    assert "chmod 700" in _sent(root, [_entry(b"one")], b"one")[0]["refused"]


def test_a_link_to_a_folder_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    root.symlink_to(tmp_path / "elsewhere")
    assert "not a folder" in _sent(root, [_entry(b"one")], b"one")[0]["refused"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(root: Path) -> None:
    root.mkdir(mode=0o700)
    os.chown(root, 65534, 65534)
    assert "not a folder of this user" in _sent(root, [_entry(b"one")], b"one")[0]["refused"]


def test_no_room_is_told_before_anything_is_sent(root: Path) -> None:
    (refused,) = _sent(root, [["files/x", 2**60, "0" * 64]], b"")
    assert "no room" in refused["refused"]


def test_it_is_of_python_3_6() -> None:
    ast.parse(SOURCE, feature_version=(3, 6))
    vermin = str(Path(sys.executable).with_name("vermin"))
    command = [vermin, "--target=3.6-", "--no-tips", "--violations", courier.__file__]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
