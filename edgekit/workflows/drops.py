"""What head lost of base's accuracy: on labelled images, or against base itself."""

from __future__ import annotations

from collections.abc import Callable

from edgekit.datasets import labels
from edgekit.errors import UsageError
from edgekit.records import Artifact, BenchPlan, Check, GatePlan, Outcome
from edgekit.text import percent
from edgekit.workflows import accuracy

_POINTS = 100.0


def accuracy_checks(plan: GatePlan, on_event: Callable[[str], None]) -> tuple[Check, ...]:
    """Run the plan's images through both files, each prepared as its artifact says.

    With labels `top1` may not fall, without them `agreement` with base's best class: by more than
    the plan allows, or by one image if that is more.

    Args:
        plan: What is compared; without images there is nothing to check.
        on_event: Told in a few words what goes on.

    Raises:
        UsageError: A side is no artifact, has no classes, or has others than the other side.
        DataError: The images can't be read, or a side was calibrated on them.
        EdgekitError: A side can't be run.
    """
    if plan.data is None:
        return ()
    base, head = _artifacts(plan)
    data = labels.read(plan.data, accuracy.classes(base))
    for side in (base, head):
        accuracy.check_apart(side, data.photos)
    count = len(data.photos.paths)
    on_event(f"{plan.name}: running {count} images through both files")
    theirs, ours = (
        accuracy.outputs(artifact, leg.runtime, data.photos, leg.threads, leg.device)
        for artifact, leg in ((base, plan.base), (head, plan.head))
    )
    before = accuracy.share_right(theirs, data.right, 1)
    after = accuracy.share_right(ours, data.right, 1)
    if before is None or after is None:
        return (_check(plan, "agreement", 1.0, accuracy.agreement(ours, theirs), count),)
    return (_check(plan, "top1", before, after, count),)


def _artifacts(plan: GatePlan) -> tuple[Artifact, Artifact]:
    base, head = _artifact(plan.base), _artifact(plan.head)
    if base.spec.classes != head.spec.classes:
        raise UsageError(
            f"head tells {head.spec.classes} classes apart, base {base.spec.classes}",
            hint="accuracy is compared on the same classes only; leave --data out",
        )
    return base, head


def _artifact(plan: BenchPlan) -> Artifact:
    artifact = plan.subject.artifact
    if artifact is None:
        raise UsageError(
            f"nothing says how a photo becomes the input of {plan.subject.name}",
            hint="--data needs artifacts: `edgekit export` and `edgekit quantize` make them",
        )
    accuracy.check_head(artifact)
    return artifact


def _check(plan: GatePlan, metric: str, base: float, head: float, count: int) -> Check:
    """The check of a share of `count` images."""
    points = accuracy.allowed_points(_POINTS * plan.limits.accuracy_drop, count)
    allowed = base - points / _POINTS
    outcome = Outcome.FAIL if head < allowed else Outcome.PASS
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
        reason=_words(plan, metric, base, head, count),
    )


def _words(plan: GatePlan, metric: str, base: float, head: float, count: int) -> str:
    budget = _POINTS * plan.limits.accuracy_drop
    if metric == "agreement":
        found = f"the best class is base's on {percent(head)} of {count} images without labels"
    else:
        found = f"top-1 {percent(head)} on {count} images, base's {percent(base)}"
    return f"{found}; {budget:g} points less may be" + (", or one image" if budget else "")
