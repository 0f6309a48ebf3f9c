"""How inferences follow each other: from a user's options to a leg's scenario and profile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from edgekit import wire
from edgekit.datasets import images, packaged
from edgekit.errors import MissingDependency, UsageError
from edgekit.measure.server import LEAST_RUNS
from edgekit.records import BenchPlan
from edgekit.registry import install_command, is_installed
from edgekit.wire import EndToEnd, Profile, Scenario

MODES = ("latency", "paced", "offline", "server")
# A search takes about ten thousand inferences: some minutes at 20 ms each.
_SEARCH_FACTOR = 20.0
# Longer than this for one process, and nobody waits for it.
_LONGEST_S = 3600.0
# Enough that decoding sees several sizes; more only fill the memory.
_MOST_PHOTOS = 32
# What a camera writes.
_JPEG = {".jpg", ".jpeg"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a user says of how inferences follow each other.

    Attributes:
        mode: One of `MODES`.
        rate_per_s: Inferences a second, for `paced` and `server`.
        streams: Inferences at a time, for `offline`.
        p99_ms: What the 99th percentile may be, for `server`.
        loadgen: Whether MLCommons LoadGen asks.
        end_to_end: Whether a whole application is timed too.
        images: Folder of photos for that; None for those that come with packages.
    """

    mode: str = "latency"
    rate_per_s: float | None = None
    streams: int | None = None
    p99_ms: float | None = None
    loadgen: bool = False
    end_to_end: bool = False
    images: Path | None = None


def check(wanted: Wanted) -> None:
    """Refuse what contradicts itself.

    Raises:
        UsageError: With what to write instead.
        MissingDependency: LoadGen is wanted and isn't installed.
    """
    if wanted.mode not in MODES:
        raise UsageError(
            f"there is no mode named {wanted.mode!r}", hint=f"one of: {', '.join(MODES)}"
        )
    _check_numbers(wanted)
    _check_places(wanted)
    if wanted.mode == "paced" and wanted.rate_per_s is None:
        raise UsageError(
            "--mode paced needs a rate", hint="say how many a second: `--rate 30` for a camera"
        )
    if wanted.mode == "server" and wanted.rate_per_s is None and wanted.p99_ms is None:
        raise UsageError(
            "--mode server needs a rate to be tried at, or a latency to search the rate for",
            hint="`--rate 50`, or `--p99-ms 100` for the highest rate that holds it, or both",
        )
    if wanted.loadgen:
        _check_loadgen(wanted)


def _check_numbers(wanted: Wanted) -> None:
    for option, number in (
        ("--rate", wanted.rate_per_s),
        ("--p99-ms", wanted.p99_ms),
        ("--streams", wanted.streams),
    ):
        if number is not None and not (0 < number < math.inf):
            raise UsageError(f"{option} is {number:g}", hint="give a number above 0")


def _check_places(wanted: Wanted) -> None:
    """Each option where it means something."""
    for given, option, modes in (
        (wanted.rate_per_s is not None, "--rate", ("paced", "server")),
        (wanted.streams is not None, "--streams", ("offline",)),
        (wanted.p99_ms is not None, "--p99-ms", ("server",)),
        (wanted.end_to_end, "--end-to-end", ("latency",)),
    ):
        if given and wanted.mode not in modes:
            raise UsageError(
                f"{option} says nothing in --mode {wanted.mode}",
                hint=f"leave it out, or add `--mode {modes[0]}`",
            )
    if wanted.images is not None and not wanted.end_to_end:
        raise UsageError(
            "--images are the photos of --end-to-end", hint="add `--end-to-end`, or leave it out"
        )


def _check_loadgen(wanted: Wanted) -> None:
    if wanted.mode == "paced":
        raise UsageError(
            "LoadGen has no paced mode", hint="use --mode latency, offline or server with it"
        )
    if wanted.streams is not None or wanted.end_to_end:
        raise UsageError(
            "LoadGen asks one session, for the model alone",
            hint="leave out --streams and --end-to-end, or --loadgen",
        )
    if wanted.mode == "server" and (wanted.rate_per_s is None or wanted.p99_ms is None):
        raise UsageError(
            "LoadGen's server needs a rate and a latency",
            hint="as in `--loadgen --mode server --rate 50 --p99-ms 100`",
        )
    if not is_installed("mlperf_loadgen"):
        raise MissingDependency(
            "--loadgen needs the package mlcommons-loadgen", hint=install_command("loadgen")
        )


def applied(wanted: Wanted, plan: BenchPlan, threads: int | None, *, cores: int) -> BenchPlan:
    """`plan` with what is wanted.

    Args:
        wanted: What the user says; checked.
        plan: A leg.
        threads: The threads that the user gave; None for none.
        cores: How many can be used where it is measured.

    Raises:
        UsageError: The leg can't be run so.
        EdgekitError: There are no photos for it.
    """
    streams = _streams(wanted, cores // (threads or 1))
    scenario = Scenario(
        mode=wanted.mode,
        rate_per_s=wanted.rate_per_s,
        streams=streams,
        p99_ms=wanted.p99_ms,
        loadgen=wanted.loadgen,
    )
    own = max(1, cores // streams) if threads is None else threads
    return replace(
        plan,
        scenario=scenario,
        threads=own,
        profile=_profile(wanted, plan.profile),
        end_to_end=_end_to_end(wanted, plan) if wanted.end_to_end else None,
    )


def _streams(wanted: Wanted, most: int) -> int:
    """Streams that are asked for; else `most`, as many as fill the cores with their threads."""
    if wanted.mode != "offline" or wanted.loadgen:
        return 1
    return wanted.streams or max(1, most)


def _profile(wanted: Wanted, profile: Profile) -> Profile:
    """The profile, so long that the mode's least number of inferences fits in."""
    if wanted.mode == "server":
        if wanted.rate_per_s is None:
            # One process: it tries many rates, and confirms the last. How many inferences a rate
            # needs, and when it is hopeless, is the search's to say.
            most_s = _SEARCH_FACTOR * profile.max_time_s
            return replace(profile, launches=1, min_runs=1, max_time_s=most_s)
        return _long_enough(profile, max(LEAST_RUNS, profile.min_runs), wanted.rate_per_s)
    if wanted.mode == "paced" and wanted.rate_per_s is not None:
        return _long_enough(profile, profile.min_runs, wanted.rate_per_s)
    return profile


def _long_enough(profile: Profile, runs: int, rate_per_s: float) -> Profile:
    needed_s = runs / rate_per_s
    if needed_s > _LONGEST_S:
        raise UsageError(
            f"{runs} inferences at {rate_per_s:g} a second take {needed_s / 3600:.1f} hours",
            hint=f"give a rate from {runs / _LONGEST_S:.2g} on, or `--profile quick`",
        )
    return replace(profile, max_time_s=max(profile.max_time_s, 2.0 * needed_s))


def _end_to_end(wanted: Wanted, plan: BenchPlan) -> EndToEnd:
    artifact = plan.subject.artifact
    if artifact is None:
        raise UsageError(
            f"nothing says how a photo becomes the input of {plan.subject.name}",
            hint="--end-to-end needs an artifact: `edgekit quantize FILE` makes one of a file",
        )
    contract = wire.Preprocess(**asdict(artifact.photos))
    return EndToEnd([str(path) for path in _photos(wanted)], contract, artifact.spec.task)


def _photos(wanted: Wanted) -> Sequence[Path]:
    if wanted.images is not None:
        return images.folder(wanted.images).paths[:_MOST_PHOTOS]
    every = (*packaged.calibration().paths, *packaged.golden().paths)
    return [path for path in every if path.suffix in _JPEG]
