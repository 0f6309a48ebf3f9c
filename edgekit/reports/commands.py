"""Commands that measure a leg again, or make its file again."""

from __future__ import annotations

import shlex
from pathlib import Path

from edgekit.records import Artifact, BenchPlan
from edgekit.text import one_line
from edgekit.wire import EndToEnd, Scenario

# Targets that nobody has to name: this machine, and that of a file that fits any.
_ANY = {"host", "any"}


def bench(plan: BenchPlan) -> str:
    """The `edgekit bench` that measures this leg again, quoted for a POSIX shell.

    Threads and runtime are always said: their defaults are another machine's own.
    """
    subject = plan.subject
    path = subject.artifact.path if subject.artifact else subject.path
    words = ["edgekit", "bench", str(path), "--threads", str(plan.threads)]
    words += ["--runtime", plan.runtime] if plan.runtime else []
    words += [] if plan.device.is_here else ["--device", plan.device.name]
    words += ["--batch", str(plan.batch)] if plan.batch != _own_batch(subject.artifact) else []
    words += ["--profile", plan.profile_name] if plan.profile_name not in {"", "default"} else []
    for name, shape in plan.shapes.items():
        words += ["--shape", f"{name}={','.join(map(str, shape))}"]
    if plan.timeout_s is not None:
        words += ["--timeout", f"{plan.timeout_s:g}"]
    if plan.require_int8 is not None:
        words += ["--require-int8", f"{plan.require_int8:g}"]
    return _quoted([*words, *_mode(plan.scenario), *_photos(plan.end_to_end)])


def _own_batch(artifact: Artifact | None) -> int | None:
    return artifact.inputs[0].shape[0] if artifact and artifact.inputs else None


def _mode(scenario: Scenario) -> list[str]:
    words = ["--mode", scenario.mode] if scenario.mode != Scenario().mode else []
    if scenario.rate_per_s is not None:
        words += ["--rate", f"{scenario.rate_per_s:g}"]
    # How many there are without being asked for is another machine's own.
    if scenario.mode == "offline" and not scenario.loadgen:
        words += ["--streams", str(scenario.streams)]
    words += ["--p99-ms", f"{scenario.p99_ms:g}"] if scenario.p99_ms is not None else []
    return words + ["--loadgen"] * scenario.loadgen


def _photos(photos: EndToEnd | None) -> list[str]:
    """Those that come with packages lie in several folders; the user's lie in one."""
    if photos is None:
        return []
    folders = {str(Path(path).parent) for path in photos.photos}
    return ["--end-to-end", *(["--images", *folders] if len(folders) == 1 else [])]


def export(artifact: Artifact) -> str:
    """The `edgekit export` that makes this file again; empty where the record can't tell.

    It can't where files of the user's own took part (weights, photos to calibrate on, a recipe):
    the record has their digests, and not where they lie.
    """
    spec, source = artifact.spec, artifact.spec.weights.source
    own_photos = (
        artifact.calibration is not None and "photos of" not in artifact.calibration.source
    )
    if spec.family == "file" or source.startswith("file:") or own_photos:
        return ""
    words = ["edgekit", "export", spec.name]
    words += ["--format", artifact.format.value, "--precision", artifact.precision.value]
    words += ["--head", spec.head] if spec.head != "classify" else []
    words += ["--weights", source] if source == "random" else []
    words += ["--seed", str(spec.seed)] if spec.seed else []
    words += ["--batch", str(spec.batch)] if spec.batch != 1 else []
    if artifact.preprocess is not None:
        height, width = artifact.preprocess.size
        words += ["--input-size", str(height)] if height == width else []
    words += ["--target", artifact.target.name] if artifact.target.name not in _ANY else []
    return _quoted([*words, "--out", str(artifact.path.parent.parent)])


def _quoted(words: list[str]) -> str:
    # A line break in a name would end the command where it is pasted.
    return shlex.join(one_line(word) for word in words)
