"""One HTML file with the whole of a bench: it needs no server and asks the network for nothing.

`page.html` is the frame, `style.css` the look, `page.js` draws the figures and follows the
system's light or dark; each section of the page is a module here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgekit.records import BenchResult, EvalResult, ShipVerdict
from edgekit.reports import answers
from edgekit.reports.html import (
    encoding,
    energy,
    frame,
    latency,
    machine,
    markup,
    memory,
    modes,
    operators,
    overview,
    plot,
    reproduce,
    tradeoff,
    trouble,
)
from edgekit.reports.html.markup import Html, tag
from edgekit.reports.legs import Leg, numbered
from edgekit.reports.numbers import counted
from edgekit.text import one_line

# What fits above everything else; the others are to be opened.
_MOST_ANSWERS = 4
NAVIGATION = {
    "legs": "All legs",
    "accuracy": "Accuracy",
    "size": "Size",
    "latency": "Latency",
    "modes": "Modes",
    "memory": "Memory",
    "energy": "Energy",
    "operators": "Operators",
    "machine": "Machine",
    "trouble": "Failures",
    "reproduce": "Reproduce",
}


def render(
    results: Sequence[BenchResult],
    verdicts: Sequence[ShipVerdict] = (),
    accuracies: Mapping[str, EvalResult] | None = None,
) -> str:
    """The page.

    Args:
        results: What came of each leg.
        verdicts: Which precisions to ship.
        accuracies: Accuracy by the digest of the file, from `edgekit eval`.

    Raises:
        MissingDependency: Plotly isn't installed.
    """
    legs = numbered(results, accuracies or {})
    header = _header(legs, verdicts)
    return frame.page("edgekit bench report", header, NAVIGATION, sections(legs))


def sections(legs: Sequence[Leg]) -> list[Html]:
    """What there is to say of `legs`, as `NAVIGATION` calls it."""
    looks = encoding.looks(legs)
    return [
        overview.section(legs, looks),
        tradeoff.accuracy_section(legs, looks),
        tradeoff.size_section(legs, looks),
        latency.section(legs, looks),
        modes.section(legs, looks),
        memory.section(legs, looks),
        energy.section(legs, looks),
        operators.section(legs, looks),
        machine.section(legs, looks),
        trouble.section(legs, looks),
        reproduce.section(legs, looks),
    ]


def check() -> None:
    """See that a page can be drawn, before anything is measured for it.

    Raises:
        MissingDependency: Plotly isn't installed.
    """
    plot.plotly()


def _header(legs: Sequence[Leg], verdicts: Sequence[ShipVerdict]) -> Html:
    sentences = answers.answers(legs, verdicts)
    return tag(
        "header",
        tag("p", "edgekit bench", class_="eyebrow"),
        tag("h1", _title(legs, verdicts)),
        [tag("p", sentence, class_="answer") for sentence in sentences[:_MOST_ANSWERS]],
        _more(sentences[_MOST_ANSWERS:]),
        _reasons(verdicts),
        _counts(legs),
        tag("dl", [frame.fact(name, value) for name, value in _facts(legs).items() if value]),
    )


def _more(sentences: Sequence[str]) -> Html | None:
    items = [tag("li", sentence) for sentence in sentences]
    return markup.fold(f"{len(items)} more", tag("ul", items)) if items else None


def _title(legs: Sequence[Leg], verdicts: Sequence[ShipVerdict]) -> str:
    if verdicts:
        return "What to ship"
    real = any(leg.result.valid and not leg.result.emulated for leg in legs)
    return "What is fastest" if real else "Nothing to go by"


def _reasons(verdicts: Sequence[ShipVerdict]) -> Html | None:
    items = [tag("li", reason) for verdict in verdicts for reason in verdict.reasons]
    return markup.fold("Why", tag("ul", items)) if items else None


def _counts(legs: Sequence[Leg]) -> Html | None:
    failed = sum(leg.result.failure is not None for leg in legs)
    invalid = sum(leg.is_measured and not leg.result.valid for leg in legs)
    words = [f"{failed} failed"] * bool(failed) + [f"{invalid} invalid"] * bool(invalid)
    if not words:
        return None
    text = f"Of {counted(len(legs), 'leg')}: {', '.join(words)}. "
    return tag("p", text, tag("a", "See why", href="#trouble"), class_="notice")


def _facts(legs: Sequence[Leg]) -> dict[str, str]:
    times = sorted(leg.result.measured_at for leg in legs if leg.result.measured_at)
    machines = machine.facts(legs)
    devices = dict.fromkeys(leg.result.plan.device.name for leg in legs)
    return {
        "Measured": one_line(times[0]).replace("T", " ").replace("+00:00", " UTC")
        if times
        else "",
        "Device": ", ".join(devices),
        "Processor": machines.get("cpu.model", ""),
        "System": machines.get("system", ""),
        "Run": ", ".join(dict.fromkeys(leg.result.run for leg in legs if leg.result.run)),
    }
