"""Engines are built once for each file, TensorRT, GPU and flags."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edgekit.runtimes import enginecache

FACTS = {"tensorrt": "10.3.0", "device_name": "Orin", "compute_capability": "8.7", "shapes": "{}"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"a model")
    return path


def counting() -> tuple[list[int], Callable[[], bytes]]:
    calls: list[int] = []

    def build() -> bytes:
        calls.append(1)
        return b"an engine"

    return calls, build


def test_the_second_process_gets_what_the_first_built(tmp_path: Path, model: Path) -> None:
    calls, build = counting()
    name = enginecache.key(model, FACTS)
    assert enginecache.kept(name, build, tmp_path / "engines") == (b"an engine", False)
    assert enginecache.kept(name, build, tmp_path / "engines") == (b"an engine", True)
    assert len(calls) == 1


@pytest.mark.parametrize("fact", FACTS)
def test_everything_that_decides_is_in_the_name(model: Path, fact: str) -> None:
    assert enginecache.key(model, FACTS) != enginecache.key(model, {**FACTS, fact: "other"})


def test_so_are_the_files_content_and_weights_beside_it(model: Path) -> None:
    first = enginecache.key(model, FACTS)
    model.with_name("model.onnx.data").write_bytes(b"weights")
    second = enginecache.key(model, FACTS)
    model.with_name("model.onnx.data").write_bytes(b"other weights")
    third = enginecache.key(model, FACTS)
    model.write_bytes(b"another model")
    assert len({first, second, third, enginecache.key(model, FACTS)}) == 4


def test_the_same_model_elsewhere_is_the_same(model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "copy.onnx"
    copy.parent.mkdir()
    copy.write_bytes(model.read_bytes())
    assert enginecache.key(copy, FACTS) == enginecache.key(model, FACTS)


@pytest.mark.parametrize("spoil", [lambda old: old[:-1], lambda old: b"", lambda old: old + b"x"])
def test_an_engine_that_is_not_whole_is_built_again(
    tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    calls, build = counting()
    enginecache.kept("e", build, tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(spoil(path.read_bytes()))
    assert enginecache.kept("e", build, tmp_path) == (b"an engine", False)
    assert enginecache.kept("e", build, tmp_path) == (b"an engine", True)
    assert len(calls) == 2


def test_a_place_that_can_not_be_written_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    calls, build = counting()
    for _ in range(2):
        assert enginecache.kept("e", build, tmp_path / "file") == (b"an engine", False)
    assert len(calls) == 2


def test_a_build_that_fails_keeps_nothing(tmp_path: Path) -> None:
    def build() -> bytes:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        enginecache.kept("e", build, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_those_that_nobody_used_go_first(tmp_path: Path) -> None:
    for number in range(enginecache.MOST):
        enginecache.kept(f"e{number}", lambda: b"an engine", tmp_path)
        os.utime(tmp_path / f"e{number}.engine", (1_000 + number, 1_000 + number))
    enginecache.kept("e0", lambda: b"", tmp_path)  # used again
    enginecache.kept("new", lambda: b"an engine", tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert len(names) == enginecache.MOST
    assert {"e0.engine", "new.engine"} <= names
    assert "e1.engine" not in names
