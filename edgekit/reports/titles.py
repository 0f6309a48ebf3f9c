"""What people call the metrics of heads, and how their values are written."""

from edgekit.records.scores import Score
from edgekit.reports.numbers import NO_VALUE, share

_TITLES = {
    "top1": "top-1",
    "top5": "top-5",
    "mean_class_top1": "mean of classes",
    "recall1": "recall@1",
    "recall5": "recall@5",
    "recall10": "recall@10",
    "map50": "mAP50",
    "map": "mAP50-95",
    "miou": "mIoU",
    "pixel_accuracy": "pixels right",
    "spearman": "Spearman",
}
# A rank correlation is no share of anything.
_NUMBERS = {"spearman"}


def title(metric: str) -> str:
    """What people call a metric."""
    return _TITLES.get(metric, metric)


def noun(metric: str) -> str:
    """What a metric counts."""
    return "pairs" if metric == "spearman" else "images"


def shown(metric: str, value: float | None) -> str:
    """A metric's value: in percent, or as a number of its own."""
    if metric not in _NUMBERS:
        return share(value)
    return NO_VALUE if value is None else f"{value:.4f}"


def values(score: Score) -> dict[str, float | None]:
    """The metrics of the whole set, the main one first."""
    return {score.metric: score.value, **score.others}


def points(before: float | None, after: float | None) -> str:
    """Hundredths that were lost."""
    if before is None or after is None:
        return NO_VALUE
    return f"{round(100 * (before - after), 1) + 0.0:.1f}"  # none of -0.0
