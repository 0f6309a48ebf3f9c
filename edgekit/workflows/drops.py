"""What head lost of base's worth: on labelled data, or against base itself."""

from __future__ import annotations

from collections.abc import Callable

from edgekit.errors import UsageError
from edgekit.records import Artifact, BenchPlan, Check, GatePlan, Outcome
from edgekit.scoring import Scorer, metric_of, scorer_of
from edgekit.text import percent
from edgekit.workflows import accuracy

_POINTS = 100.0


def accuracy_checks(plan: GatePlan, on_event: Callable[[str], None]) -> tuple[Check, ...]:
    """Run the plan's data through both files, each prepared as its artifact says.

    Where it is known what is right, the metric of their head may not fall; where it isn't, the
    agreement with base: by more than the plan allows, or by one image if that is more and the
    metric is a share of images.

    Args:
        plan: What is compared; without data there is nothing to check.
        on_event: Told in a few words what goes on.

    Raises:
        UsageError: A side is no artifact, has no metric, or has other classes than the other.
        DataError: The data can't be read, or a side was calibrated on it.
        EdgekitError: A side can't be run.
    """
    if plan.data is None:
        return ()
    base, head = _artifacts(plan)
    scorer = scorer_of(base)
    exam = scorer.read(base, plan.data, cut=False)
    for side in (base, head):
        accuracy.check_apart(side, exam)
    on_event(f"{plan.name}: running {exam.count} {scorer.noun} through both files")
    theirs, ours = (
        accuracy.predicted(side, scorer, exam, accuracy.Way(leg.runtime, leg.threads, leg.device))
        for side, leg in ((base, plan.base), (head, plan.head))
    )
    before, after = scorer.score(base, theirs, exam), scorer.score(head, ours, exam)
    if before is None or after is None or before.value is None:
        near = scorer.agreement(head, ours, theirs) or 0.0
        return (_check(plan, scorer, scorer.closeness, (1.0, near), exam.count),)
    values = (before.value, after.value or 0.0)
    return (_check(plan, scorer, scorer.metric, values, exam.count),)


def _artifacts(plan: GatePlan) -> tuple[Artifact, Artifact]:
    base, head = _artifact(plan.base), _artifact(plan.head)
    if base.spec.classes != head.spec.classes:
        raise UsageError(
            f"head tells {head.spec.classes} classes apart, base {base.spec.classes}",
            hint="accuracy is compared on the same classes only; leave --data out",
        )
    if metric_of(base) != metric_of(head):
        raise UsageError(
            f"head ends in {head.spec.head!r}, base in {base.spec.head!r}: no metric is of both",
            hint="compare artifacts with one kind of head; or leave --data out",
        )
    return base, head


def _artifact(plan: BenchPlan) -> Artifact:
    artifact = plan.subject.artifact
    if artifact is None:
        raise UsageError(
            f"nothing says how a photo becomes the input of {plan.subject.name}",
            hint="--data needs artifacts: `edgekit export` and `edgekit quantize` make them",
        )
    scorer_of(artifact)
    return artifact


def _check(
    plan: GatePlan, scorer: Scorer, metric: str, values: tuple[float, float], count: int
) -> Check:
    """The check of a metric of `count` images, base's value and head's."""
    base, head = values
    budget = _POINTS * plan.limits.accuracy_drop
    points = accuracy.allowed_points(scorer, metric, budget, count)
    is_share = accuracy.is_share(scorer, metric)
    allowed = max(0.0, base - points / _POINTS)
    outcome = Outcome.FAIL if head < allowed else Outcome.PASS
    if is_share and metric == scorer.closeness:
        found = f"head says what base says for {percent(head)} of {count} images without labels"
    else:
        noun = accuracy.noun(metric)
        found = f"{metric} {percent(head)} on {count} {noun}, base's {percent(base)}"
    one = ", or one image" * bool(budget and is_share)
    return Check(
        metric=metric,
        unit="share",
        better="higher",
        base=base,
        head=head,
        ratio=head / base if base else None,
        interval=None,
        allowed=allowed,
        outcome=outcome,
        reason=f"{found}; {budget:g} points less may be{one}",
    )
