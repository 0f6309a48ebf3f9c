"""The table of all legs."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.reports import legs as naming
from edgekit.reports.html import encoding, markup
from edgekit.reports.html.encoding import Look
from edgekit.reports.html.markup import Html, tag
from edgekit.reports.legs import Leg
from edgekit.reports.numbers import MIB, NO_VALUE, short, shown, spread

_COLUMNS = (
    "leg", "p50 ms", "runtime", "state", "p90 ms", "p99 ms", "first ms", "load ms", "peak MiB",
    "size MiB", "agreement", "accuracy", "per second", "threads", "batch", "mode",
)  # fmt: skip
_WORDS = ("runtime", "mode", "state")


def section(legs: Sequence[Leg], looks: dict[int, Look]) -> Html:
    """One row a leg, failed ones among them."""
    text = (
        "Latency is of one whole inference, from arrays on the host to arrays on the host. "
        "Below each median stands its 95 % interval; n<368 says that there are too few "
        "inferences for that percentile."
    )
    return markup.section(
        "legs",
        "All legs",
        markup.table(
            "Each leg: one file, one runtime",
            _COLUMNS,
            [_row(leg, looks[leg.number]) for leg in legs],
            words=_WORDS,
            sticky=True,
        ),
        encoding.key(legs, looks),
        tag("p", text, class_="quiet"),
    )


def _row(leg: Leg, look: Look) -> list[markup.Content]:
    plan = leg.result.plan
    return [
        encoding.named(leg, look),
        _median(leg),
        leg.runtime,
        state(leg),
        *(shown(leg.metric(name)) for name in _LATENCIES),
        shown(leg.metric("memory_peak_bytes"), MIB),
        _size(leg),
        leg.agreement,
        leg.worth,
        shown(leg.metric("throughput_per_s")),
        str(plan.threads),
        str(leg.batch),
        naming.scenario(leg.result),
    ]


_LATENCIES = ("latency_p90_ms", "latency_p99_ms", "first_inference_ms", "load_ms")


def _median(leg: Leg) -> list[markup.Content]:
    metric = leg.metric("latency_p50_ms")
    interval = spread(metric)
    return [
        tag("strong", shown(metric)),
        tag("span", interval, class_="interval") if interval else None,
    ]


def _size(leg: Leg) -> str:
    # Known of a leg that failed as well, unless not even its file could be read.
    size = leg.result.plan.subject.size_bytes
    return short(size / MIB) if size else NO_VALUE


def state(leg: Leg) -> Html:
    """The leg's state; a link to what there is to know of it."""
    if leg.state == "valid" and not leg.result.reasons:
        return tag("span", "valid", class_="state")
    if leg.state == "valid":
        return tag("a", "valid, noted", href=f"#trouble-{leg.number}", class_="state")
    kind = "state bad" if leg.is_measured else "state failed"
    return tag("a", leg.state, href=f"#trouble-{leg.number}", class_=kind)
