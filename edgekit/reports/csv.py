"""A bench as CSV (RFC 4180): one row a leg, for a spreadsheet or a script."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from edgekit.records import BenchResult, EvalResult, ShipVerdict
from edgekit.reports import commands
from edgekit.reports.legs import Leg, numbered
from edgekit.text import one_line

# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render(
    results: Sequence[BenchResult],
    verdicts: Sequence[ShipVerdict] = (),
    accuracies: Mapping[str, EvalResult] | None = None,
) -> str:
    """Text columns, then for each metric its value, and its 95 % interval's ends.

    A number is as exact as it was measured; a cell without one is empty. A text cell that a
    spreadsheet would take for a formula begins with an apostrophe.

    Args:
        results: What came of each leg.
        verdicts: Not in the table: a verdict is of several legs.
        accuracies: Accuracy by the digest of the file.
    """
    del verdicts
    legs = numbered(results, accuracies or {})
    names = list(dict.fromkeys(metric.name for leg in legs for metric in leg.result.metrics))
    out = io.StringIO()
    writer = csv.writer(out)
    texts = [_texts(leg) for leg in legs]
    columns = [column for name in names for column in (name, f"{name}_low", f"{name}_high")]
    writer.writerow([*(texts[0] if texts else {}), *columns])
    for leg, row in zip(legs, texts, strict=True):
        writer.writerow([*map(_safe, row.values()), *_numbers(leg, names)])
    return out.getvalue()


def _texts(leg: Leg) -> dict[str, str]:
    plan, failure, accuracy = leg.result.plan, leg.result.failure, leg.accuracy
    return {
        "artifact": one_line(plan.subject.name + " (EMULATED)" * leg.result.emulated),
        "sha256": plan.subject.sha256,
        "precision": leg.precision,
        "runtime": plan.runtime,
        "device": plan.device.name,
        "emulated": "yes" if leg.result.emulated else "",
        "mode": plan.scenario.mode,
        "profile": plan.profile_name,
        "threads": str(plan.threads),
        "batch": str(leg.batch),
        "launches": str(len(leg.result.launches)),
        "measured_at": leg.result.measured_at,
        "run": leg.result.run,
        "state": leg.state,
        "reasons": "; ".join(leg.result.reasons),
        "failure": f"{failure.kind}: {failure.message}" if failure else "",
        "hint": failure.hint if failure else "",
        "metric": accuracy.metric if accuracy else "",
        "accuracy": "" if accuracy is None or accuracy.value is None else repr(accuracy.value),
        "accuracy_images": str(accuracy.images) if accuracy else "",
        "command": commands.bench(plan),
    }


def _numbers(leg: Leg, names: Sequence[str]) -> list[float | None]:
    cells: list[float | None] = []
    for name in names:
        metric = leg.metric(name)
        low, high = metric.interval if metric and metric.interval else (None, None)
        cells += [metric.value if metric else None, low, high]
    return cells


def _safe(text: str) -> str:
    text = one_line(text)
    return f"'{text}" if text.startswith(_FORMULA) else text
