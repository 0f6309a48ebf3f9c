"""Histories made by hand: measurements of commits that nobody measured."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgekit.records import digest
from edgekit.records.history import Acceptance, Fingerprint, Line, Measurement, Past, Pin, Series
from edgekit.results import history

SERIES = Series("net.onnx", "onnxruntime", 1, None)
# Noise of a ratio on a shared machine of two cores.
SD = 0.013


def sha(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def machine(cpu: str = "Cortex-A76", **more: str) -> Fingerprint:
    facts = {"cpu": cpu, "arch": "aarch64", **more}
    return Fingerprint(digest(facts), facts)


MACHINE = machine()


def pin(name: str = "old", number: int = 1, position: int = 0) -> Pin:
    return Pin(sha(name), f"{name}.onnx", number, position, "2026-11-25T00:00:00+00:00", "0.1.0")


def measured(position: int, ratio: float, reference: str = "old", **other) -> Measurement:
    one = Measurement(
        series=SERIES,
        commit=sha(f"commit {position}")[:40],
        position=position,
        reference_sha256=sha(reference),
        head_sha256=sha(f"head {position}"),
        ratio=ratio,
        interval=(ratio * 0.99, ratio * 1.01),
        cpu_ratio=ratio,
        floor_ratio=ratio,
        launches=(ratio,) * 6,
        machine="quiet",
        fingerprint=MACHINE,
        recorded_at="2026-11-25T00:00:00+00:00",
        edgekit="0.1.0",
    )
    return replace(one, **other)


def noisy(count: int, seed: int = 0, sd: float = SD) -> list[float]:
    """Ratios around 1."""
    drawn = random.Random(seed)
    return [math.exp(drawn.gauss(0.0, sd)) for _ in range(count)]


def stepped(count: int, at: int, by: float, seed: int = 0, sd: float = SD) -> list[float]:
    """Ratios around 1, and from `at` on around 1 + `by`."""
    return [
        ratio * (1.0 + by * (place >= at)) for place, ratio in enumerate(noisy(count, seed, sd))
    ]


def of(ratios: Sequence[float], start: int = 1, **other) -> list[Measurement]:
    """One measurement a commit, from position `start` on."""
    return [measured(start + place, ratio, **other) for place, ratio in enumerate(ratios)]


def past(*lines: Line) -> Past:
    return Past(
        tuple(line for line in lines if isinstance(line, Measurement)),
        tuple(line for line in lines if isinstance(line, Pin)),
        tuple(line for line in lines if isinstance(line, Acceptance)),
    )


def write(folder: Path, lines: Sequence[Any]) -> Path:
    """A history with a file for each line."""
    for line in lines:
        history.append(folder, [line], line.position, line.record)
    return folder
