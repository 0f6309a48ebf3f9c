"""CUDA's driver library by ctypes, played by a library of ours."""

from __future__ import annotations

import threading
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from edgekit.errors import MissingDependency, ToolError


def test_a_machine_without_a_driver_is_told_so(
    driver: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "LIBRARY", "libno-such-thing.so.1")
    with pytest.raises(MissingDependency, match=r"no libno-such-thing\.so\.1") as caught:
        driver.need_gpu()
    assert "nvidia-smi" in caught.value.hint


@pytest.mark.parametrize(("status", "name"), [("100", "CUDA_ERROR_NO_DEVICE"), ("35", "error 35")])
def test_a_driver_without_a_gpu_says_why(
    driver: ModuleType, monkeypatch: pytest.MonkeyPatch, status: str, name: str
) -> None:
    monkeypatch.setenv("STUB_STATUS", status)
    with pytest.raises(MissingDependency, match=name):
        driver.need_gpu()


def test_another_library_of_that_name_is_none(
    driver: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "LIBRARY", "libc.so.6")
    with pytest.raises(MissingDependency):
        driver.need_gpu()


def test_what_the_gpu_is(driver: ModuleType) -> None:
    driver.need_gpu()
    assert driver.device_settings() == {"device_name": "Orin", "compute_capability": "8.7"}


def test_copies_and_the_time_between_marks(driver: ModuleType) -> None:
    stream, given = driver.Stream(), np.arange(6, dtype=np.uint8)
    address = driver.allocated(given.nbytes)
    taken = np.zeros(4, np.uint8)
    stream.mark()
    stream.copy_in(address, given)
    stream.mark()
    stream.copy_out(address, taken)
    stream.mark()
    assert stream.spans_ns() == [6_000_000, 4_000_000]
    assert taken.tolist() == [0, 1, 2, 3]
    stream.mark()
    assert stream.spans_ns() == []  # those of before are gone
    assert stream.address > 0


def test_another_thread_has_the_same_context(driver: ModuleType) -> None:
    address, stream, failures = driver.allocated(4), driver.Stream(), list[Any]()

    def copy() -> None:
        try:
            stream.copy_in(address, np.ones(4, np.uint8))
            stream.wait()
        except ToolError as error:
            failures.append(error)

    thread = threading.Thread(target=copy)
    thread.start()
    thread.join()
    assert failures == []


def test_a_call_that_fails_says_which_error(
    driver: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUB_FULL", "1")
    with pytest.raises(ToolError, match="CUDA says CUDA_ERROR_OUT_OF_MEMORY"):
        driver.allocated(4)
