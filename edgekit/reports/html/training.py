"""One HTML file with a training: losses and metrics over epochs, and what it does worst on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from edgekit.records.scores import Part, Score
from edgekit.records.training import TrainResult
from edgekit.reports.html import frame, markup, plot
from edgekit.reports.html.encoding import PALETTE
from edgekit.reports.html.markup import Html, tag
from edgekit.reports.numbers import counted, share

_NAVIGATION = {
    "loss": "Loss",
    "metric": "Metrics",
    "parts": "Classes",
    "worst": "Worst images",
    "settings": "Settings",
}
_HEIGHT = 320
_LEAD = "Measured on images that were not learnt from, with the moving average of the weights."


def render(result: TrainResult) -> str:
    """The page.

    Raises:
        MissingDependency: Plotly isn't installed.
    """
    body = [
        _losses(result),
        _metrics(result),
        _parts(result.score),
        _worst(result.score),
        _settings(result),
    ]
    return frame.page("edgekit train", _header(result), _NAVIGATION, body)


def _header(result: TrainResult) -> Html:
    score = result.score
    part = result.trained_parameters / result.parameters
    facts = {
        "Network": f"{result.family}:{result.backbone}, {result.head}",
        "Method": f"{result.method}, {part:.1%} of {result.parameters:,} parameters",
        "Images": f"{result.images} learnt from, {score.images} measured on",
        "Began with": result.weights.trained.start if result.weights.trained else "",
        "Computed": f"{result.device}, {result.precision}",
        "Epochs took": f"{sum(epoch.seconds for epoch in result.epochs):.0f} s",
    }
    return tag(
        "header",
        tag("p", "edgekit train", class_="eyebrow"),
        tag("h1", f"{result.model}: {score.metric} {share(score.value)}"),
        tag("p", _weakest(score), class_="answer"),
        [tag("p", note, class_="notice") for note in result.notes],
        tag("dl", [frame.fact(name, value) for name, value in facts.items() if value]),
    )


def _weakest(score: Score) -> str:
    """The part that the mean hides."""
    known = [part for part in (*score.classes, *score.sizes) if part.value is not None]
    if not known:
        return "Nothing could be measured."
    least = min(known, key=lambda part: part.value or 0.0)
    return f"The weakest part is {least.name}: {share(least.value)} of {least.count}."


def _losses(result: TrainResult) -> Html:
    rows = [epoch.losses for epoch in result.epochs]
    figure = _lines("loss-figure", "Mean loss of each epoch", rows, "loss")
    return markup.section("loss", "Loss", plot.element(figure), _table("Losses", rows, _number))


def _metrics(result: TrainResult) -> Html:
    rows = [epoch.metrics for epoch in result.epochs]
    figure = _lines("metric-figure", "Metrics after each epoch", rows, "share")
    return markup.section(
        "metric",
        "Metrics",
        tag("p", _LEAD, class_="lead"),
        plot.element(figure),
        _table("Metrics", rows, share),
    )


def _lines(
    identifier: str, title: str, rows: Sequence[Mapping[str, float | None]], axis: str
) -> plot.Figure:
    numbers = list(range(1, len(rows) + 1))
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": plot.words(name),
            "x": numbers,
            "y": [row.get(name) for row in rows],
            "line": {"color": PALETTE[place % len(PALETTE)], "width": 2},
        }
        for place, name in enumerate(rows[0])
    ]
    layout: dict[str, Any] = {
        "height": _HEIGHT,
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1.1},
        "xaxis": {"title": {"text": "epoch", "standoff": 8}, "automargin": True},
        "yaxis": {"title": {"text": axis, "standoff": 8}, "automargin": True},
    }
    return plot.Figure(identifier, title, data, layout)


def _table(caption: str, rows: Sequence[Mapping[str, float | None]], shown: Any) -> Html:
    cells = [
        [str(number), *(shown(value) for value in row.values())]
        for number, row in enumerate(rows, 1)
    ]
    table = markup.table(f"{caption} of each epoch", ("epoch", *rows[0]), cells)
    return markup.fold(f"{caption} in numbers", table)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _parts(score: Score) -> Html:
    tables = [
        _part_table(title, parts, score.metric)
        for title, parts in (("class", score.classes), ("size", score.sizes))
        if parts
    ]
    return markup.section("parts", "Classes and sizes", tables)


def _part_table(title: str, parts: Sequence[Part], metric: str) -> Html:
    rows = [[part.name, str(part.count), share(part.value)] for part in parts]
    return markup.table(f"{metric} by {title}", (title, "count", metric), rows)


def _worst(score: Score) -> Html:
    rows = [[image.name, f"{image.value:.3f}", image.note] for image in score.worst]
    table = markup.table(
        f"{counted(len(rows), 'image')}, the worst first",
        ("image", "value", "what"),
        rows,
        words=("what",),
    )
    return markup.section("worst", "Worst images", table if rows else None)


def _settings(result: TrainResult) -> Html:
    rows = [[name, str(value)] for name, value in msgspec.to_builtins(result.settings).items()]
    table = markup.table("How it was trained", ("setting", "value"), rows)
    return markup.section("settings", "Settings", table)
