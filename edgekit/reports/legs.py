"""Legs of a bench as reports show them: numbered, named, each with its accuracy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgekit.errors import MissingDependency
from edgekit.records import BenchResult, EvalResult, Metric
from edgekit.reports import titles
from edgekit.reports.numbers import NO_VALUE, agreed
from edgekit.text import one_line


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg, with what a report calls it.

    Attributes:
        number: Its number in the report, from 1.
        result: What came of it.
        accuracy: Accuracy of the same file; None if nobody measured it.
        variant: What tells it from other legs of the same file and runtime; empty for nothing.
    """

    number: int
    result: BenchResult
    accuracy: EvalResult | None = None
    variant: str = ""

    @property
    def name(self) -> str:
        """The file's name, and what tells this leg from others of the same file and runtime."""
        name = one_line(self.result.name)
        return f"{name} ({self.variant})" if self.variant else name

    @property
    def runtime(self) -> str:
        """Name of the runtime."""
        return one_line(self.result.plan.runtime) or NO_VALUE

    @property
    def label(self) -> str:
        """File and runtime: what names the leg where there is no table around it."""
        return f"{self.name}, {self.runtime}"

    @property
    def model(self) -> str:
        """Name of the model that the file holds; of a foreign file nobody knows: empty."""
        artifact = self.result.plan.subject.artifact
        return one_line(artifact.path.parent.name) if artifact else ""

    @property
    def family(self) -> str:
        """What only files of one model have in common: the model, or the foreign file itself."""
        return self.model or one_line(str(self.result.plan.subject.path))

    @property
    def precision(self) -> str:
        """The artifact's precision; empty for a foreign file."""
        artifact = self.result.plan.subject.artifact
        return artifact.precision.value if artifact else ""

    @property
    def batch(self) -> int:
        """Samples in one inference, as was run."""
        samples = self.result.samples
        return samples.batch if samples else self.result.plan.batch or 1

    @property
    def is_measured(self) -> bool:
        """Whether there are samples."""
        return bool(self.result.launches)

    @property
    def state(self) -> str:
        """`valid`, `invalid`, `can't run here`, or the stage in which it failed."""
        if failure := self.result.failure:
            if failure.kind == MissingDependency.__name__:
                return "can't run here"
            return f"failed in {one_line(failure.stage)}"
        return "valid" if self.result.valid else "invalid"

    def metric(self, name: str) -> Metric | None:
        """The metric of that name; None where the leg has none."""
        return next((found for found in self.result.metrics if found.name == name), None)

    def value(self, name: str) -> float | None:
        """The metric's value; None where there is none."""
        metric = self.metric(name)
        return metric.value if metric else None

    @property
    def agreement(self) -> str:
        """How often the best class is the float model's, and of how many: `6/6`; or a share."""
        golden = self.result.samples.golden if self.result.samples else None
        if golden is None:
            return NO_VALUE
        return agreed(golden.agreement, golden.images)

    @property
    def worth(self) -> str:
        """Its metric, and over how many images: `top-1 75 % of 500`; `-` if nobody measured."""
        found = self.accuracy
        if found is None or found.value is None:
            return NO_VALUE
        shown = titles.shown(found.metric, found.value)
        return f"{titles.title(found.metric)} {shown} of {found.images}"


def numbered(
    results: Sequence[BenchResult], accuracies: Mapping[str, EvalResult]
) -> tuple[Leg, ...]:
    """The legs in the order of `results`.

    Args:
        results: What came of each.
        accuracies: Accuracy by the digest of the file.
    """
    alike = Counter(_likeness(result) for result in results)
    return tuple(
        Leg(
            number,
            result,
            accuracies.get(result.plan.subject.sha256),
            _variant(result) if alike[_likeness(result)] > 1 else "",
        )
        for number, result in enumerate(results, 1)
    )


def by_model(legs: Sequence[Leg]) -> dict[str, list[Leg]]:
    """The legs of each model by its name; files that edgekit did not make are one group."""
    groups: dict[str, list[Leg]] = {}
    for leg in legs:
        groups.setdefault(leg.model or "files that edgekit did not make", []).append(leg)
    return groups


def _likeness(result: BenchResult) -> tuple[str, str]:
    return result.plan.subject.name, result.plan.runtime


def _variant(result: BenchResult) -> str:
    plan = result.plan
    words = [f"{plan.threads} threads" if plan.threads > 1 else "1 thread"]
    words += [f"batch {plan.batch}"] * (plan.batch is not None and plan.batch > 1)
    words += [scenario(result)] * (scenario(result) != "latency")
    return ", ".join(words)


def scenario(result: BenchResult) -> str:
    """The mode with what belongs to it: `paced 20/s`, `offline, 4 streams`."""
    found = result.plan.scenario
    words = one_line(found.mode)
    words += f" {found.rate_per_s:g}/s" if found.rate_per_s is not None else ""
    words += f", {found.streams} streams" if found.streams > 1 else ""
    words += f", p99 {found.p99_ms:g} ms" if found.p99_ms is not None else ""
    words += ", LoadGen" if found.loadgen else ""
    return words + (", end to end" if result.plan.end_to_end else "")
