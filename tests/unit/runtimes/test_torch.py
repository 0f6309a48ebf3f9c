"""The parts of an inference on a GPU, with the CPU and a made-up clock in its place."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from edgekit.errors import MissingDependency
from edgekit.runtimes import torch as adapter
from edgekit.wire import TensorSpec


class _Event:
    """Recorded one millisecond after the last one."""

    count = itertools.count()

    def __init__(self, *, enable_timing: bool) -> None:
        assert enable_timing

    def record(self) -> None:
        self.at = next(self.count)

    def elapsed_time(self, end: Any) -> float:
        return float(end.at - self.at)


def test_copies_and_computing_are_timed_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = []
    monkeypatch.setattr(torch.cuda, "Event", _Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: waited.append(next(_Event.count)))
    program = torch.export.export(torch.nn.ReLU(), (torch.zeros(1, 3),))
    inputs = [TensorSpec("input", (1, 3), "float32")]
    session = adapter.TorchCudaSession(program, inputs, "cpu", compiled=False)
    feed = {"input": np.array([[-1, 0, 2]], np.float32)}
    found = session.parts(feed)
    assert found.pop("compute_host") > 0
    # A wait, which takes a tick too, is inside none of them.
    assert found == {"h2d": 1_000_000, "compute": 1_000_000, "d2h": 1_000_000}
    assert len(waited) == 4
    assert session.run(feed)[0].tolist() == [[0, 0, 2]]


def test_a_torch_without_cuda_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(MissingDependency, match="without CUDA") as caught:
        adapter._need_gpu()
    assert "--index-url" in caught.value.hint
