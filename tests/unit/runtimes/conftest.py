"""A library in the place of CUDA's driver: `cuda_stub.c`, with host memory and a clock of its own."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).with_name("cuda_stub.c")
MODULE = "edgekit.runtimes.cudadriver"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The library."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler:
        pytest.skip("needs a C compiler")
    path = tmp_path_factory.mktemp("cuda") / "libcuda.so.1"
    words = [compiler, "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(path), str(SOURCE)]
    subprocess.run(words, check=True, timeout=120)
    return str(path)


@pytest.fixture
def driver(library: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """`cudadriver` as it is in a process where that library is the driver's."""
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    module = importlib.import_module(MODULE)
    monkeypatch.setattr(module, "LIBRARY", library)
    yield module
    sys.modules.pop(MODULE, None)
