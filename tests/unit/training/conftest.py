"""A set that a tiny network learns in seconds, and trainings on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from edgekit.datasets import READERS
from edgekit.datasets.items import Dataset, split
from edgekit.models import catalog
from edgekit.records import ModelRequest
from edgekit.training import METHODS
from edgekit.training.session import Job, Session


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Sums in one order: what is compared to the last bit shall not depend on the machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Dataset]:
    """Noisy red, green and blue pictures, easily told apart."""
    root = tmp_path_factory.mktemp("colours")
    random = np.random.default_rng(0)
    for channel, name in enumerate(("red", "green", "blue")):
        (root / name).mkdir()
        for index in range(8):
            values = random.integers(0, 120, (20, 20, 3))
            values[..., channel] += 120
            Image.fromarray(values.astype(np.uint8)).save(root / name / f"{index}.png")
    return split(READERS.get("classes").read(root), 0.25, 0)


@pytest.fixture
def session(colours: tuple[Dataset, Dataset]) -> Callable[..., Session]:
    """A training on `colours`; what isn't named is as small as can be."""

    def make(
        name: str = "toy",
        method: str = "full",
        *,
        size: int = 16,
        weights: str = "random",
        teacher: Path | None = None,
        **changed: Any,
    ) -> Session:
        settings = replace(METHODS.get(method).settings, **{"epochs": 3, "batch": 6, **changed})
        request = ModelRequest(name, classes=3, weights=weights, input_size=size)
        family, backbone = catalog.resolve(name)
        return Session(Job(request, family, backbone, method, settings, *colours, teacher))

    return make
