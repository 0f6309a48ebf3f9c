"""The store of a history: nothing is lost, and nothing in it is trusted."""

from __future__ import annotations

import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.errors import DataError
from edgekit.results import history
from tests.histories import measured, of, pin, sha, write

GOOD = msgspec.to_builtins(measured(1, 1.0))


def line(**changed) -> bytes:
    return json.dumps({**GOOD, **changed}).encode()


def put(folder: Path, content: bytes, name: str = "1.jsonl") -> Path:
    (folder / name).write_bytes(content)
    return folder


def test_what_is_written_is_read_again(tmp_path):
    lines = [pin(), *of([1.0, 1.1, 0.9])]
    found = history.read(write(tmp_path / "made" / "here", lines))
    assert found.pins == (lines[0],)
    assert list(found.measurements) == lines[1:]
    assert found.faults == ()


def test_no_file_is_ever_changed(tmp_path):
    write(tmp_path, of([1.0]))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    write(tmp_path, of([1.0]))
    assert len(list(tmp_path.iterdir())) == 2
    assert {path: path.read_bytes() for path in before} == before


def test_nothing_is_there_before_the_first(tmp_path):
    assert history.read(tmp_path / "nothing") == history.read(tmp_path)


def _append(folder: str, first: int) -> None:
    for position in range(first, first + 25):
        history.append(Path(folder), [measured(position % 10, 1.0)], position % 10, "same")


def test_two_jobs_at_once_lose_nothing(tmp_path):
    context = multiprocessing.get_context("spawn")
    jobs = [
        context.Process(target=_append, args=(str(tmp_path), first)) for first in (0, 100, 200)
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(60)
    assert [job.exitcode for job in jobs] == [0, 0, 0]
    found = history.read(tmp_path)
    assert (len(found.measurements), found.faults) == (75, ())


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (b'{"record": "measure', "truncated"),
        (b"<<<<<<< HEAD", "malformed"),
        (b"[]", "no JSON object"),
        (line(record="other"), "'other'"),
        (line(schema_version=2), "schema 2"),
        (line(ratio=0.0), ">= 0.0001"),
        (line(ratio=-1.0), ">= 0.0001"),
        (line(ratio="1.0"), "float"),
        (line(ratio=1e300), "<= 10000"),
        (b'{"schema_version": 1, "record": "measurement", "ratio": NaN}', "malformed"),
        (b'{"schema_version": 1, "record": "measurement", "ratio": 1e999}', "out of range"),
        (line(interval=[1.0]), "length"),
        (line(position=-1), ">= 0"),
        (line(commit="\x1b[31mred"), "control"),
        (line(commit="a\nb"), "control"),
        (line(commit="x" * 301), "<= 300"),
        (line(head_sha256="a" * 63), "regex"),
        (line(head_sha256="a" * 64 + "\n"), "control"),
        (line(launches=[1.0] * 1001), "1000"),
        (line(fingerprint={"digest": sha("x"), "facts": {"\x07": "x"}}), "control"),
        (line(fingerprint={"digest": sha("x"), "facts": {"x": 1}}), "str"),
        (line(commit="x" * 70_000), "bytes"),
        (b"[" * 60_000, "ecursion"),
        (b"\xff\xfe", "malformed"),
    ],
)
def test_a_broken_line_is_named_and_left_out(tmp_path, broken, said):
    found = history.read(put(tmp_path, b"\n".join([line(), broken, line(), b""])))
    assert len(found.measurements) == 2
    (fault,) = found.faults
    assert fault.startswith(f"{tmp_path / '1.jsonl'}:2: ")
    assert said in fault
    assert fault.isprintable()


def test_a_file_that_is_none_is_named(tmp_path):
    (tmp_path / "folder.jsonl").mkdir()
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "link.jsonl").symlink_to("/etc/passwd")
    (tmp_path / "zeros.jsonl").write_bytes(bytes(2**24 + 1))
    put(tmp_path, line(), "good.jsonl")
    put(tmp_path, b"being written", ".0123.part")
    put(tmp_path, b"being written", ".0123.jsonl")
    put(tmp_path, b"# about", "README.md")
    found = history.read(tmp_path)
    assert len(found.measurements) == 1
    assert sorted(Path(fault.split(":")[0]).name for fault in found.faults) == [
        "folder.jsonl", "link.jsonl", "pipe.jsonl", "zeros.jsonl",
    ]  # fmt: skip


def test_a_folder_that_is_none_is_refused(tmp_path):
    path = put(tmp_path, b"") / "1.jsonl"
    with pytest.raises(DataError, match=r"1\.jsonl"):
        history.read(path)
    with pytest.raises(DataError, match="can't be written") as refused:
        history.append(path, of([1.0]), 1, "x")
    assert "--into" in refused.value.hint


@given(st.text(), st.integers(0, 10**9))
def test_any_name_makes_a_file_of_its_own(name, position):
    one, other = (history.file_name(position, name) for _ in range(2))
    assert one != other
    assert Path(one).name == one
    assert one.isascii()
    assert one.endswith(history.SUFFIX)
    assert not one.startswith(".")


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_named(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("any")
    found = history.read(put(folder, content))
    assert found.measurements == ()
    filled = [text for text in content.split(b"\n") if text.strip()]
    assert len(found.faults) == len(filled)


def test_a_reference_that_was_pinned_twice_counts_as_first(tmp_path):
    two = replace(pin("old"), number=2)
    found = history.read(write(tmp_path, [two, pin("new", 3), pin("old", 1)]))
    assert [(one.name, one.number) for one in found.pins] == [("old.onnx", 1), ("new.onnx", 3)]
