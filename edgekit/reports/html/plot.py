"""Figures, from plain traces to what plotly draws: the one file that knows plotly."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from edgekit.errors import MissingDependency
from edgekit.registry import install_command
from edgekit.reports.html.markup import Html, escape_json, tag

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif"
# Text, lines of a grid, the page: the same as in style.css.
_THEMES = {
    "light": ("#1b1f24", "#e3e6ea", "#ffffff"),
    "dark": ("#e6e9ee", "#2f353d", "#13171c"),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as plotly wants it, without colours of the page.

    Attributes:
        identifier: Name of its element.
        title: What it shows, in a line.
        data: Traces.
        layout: Layout; its `height` in pixels is asked for.
    """

    identifier: str
    title: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]


def plotly() -> Any:
    """The library.

    Raises:
        MissingDependency: It isn't installed.
    """
    try:
        import plotly
        import plotly.graph_objects
        import plotly.offline
    except ModuleNotFoundError as error:
        raise MissingDependency(
            f"an HTML report needs the module {error.name!r}", hint=install_command("report")
        ) from error
    return plotly


def library() -> str:
    """Plotly's JavaScript, whole: the page asks no server for it."""
    source: str = plotly().offline.get_plotlyjs()
    return source


def figure_json(figure: Figure) -> str:
    """The figure as JSON, its traces and layout checked by plotly.

    Raises:
        MissingDependency: Plotly isn't installed.
    """
    drawn = plotly().graph_objects.Figure(figure.data, {**_LAYOUT, **figure.layout})
    return escape_json(drawn.to_json())


def element(figure: Figure) -> Html:
    """Where the figure is drawn, and what to draw."""
    return tag(
        "div",
        tag(
            "div",
            id=figure.identifier,
            class_="plot",
            role="img",
            aria_label=figure.title,
            style=f"height:{figure.layout['height']}px",
        ),
        tag(
            "script",
            Html(figure_json(figure)),
            type="application/json",
            data_figure=figure.identifier,
        ),
        tag("noscript", tag("p", "The figure needs JavaScript; the table has its numbers.")),
        class_="figure",
    )


def templates() -> dict[str, Any]:
    """A template of each theme, for the page's script to choose from."""
    return {name: _template(*colours) for name, colours in _THEMES.items()}


def _template(text: str, grid: str, page: str) -> dict[str, Any]:
    axis = {"gridcolor": grid, "linecolor": grid, "zerolinecolor": grid, "tickcolor": grid}
    return {
        "layout": {
            "font": {"family": _FONT, "size": 13, "color": text},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "xaxis": axis,
            "yaxis": axis,
            "annotationdefaults": {"font": {"color": text}},
            "hoverlabel": {"bgcolor": page, "bordercolor": grid, "font": {"color": text}},
        },
        # Parts and points that touch stay apart.
        "data": {
            "bar": [{"marker": {"line": {"color": page, "width": 1}}}],
            "scatter": [{"marker": {"line": {"color": page}}}],
        },
    }


# One finger scrolls the page, and doesn't drag the axes.
_LAYOUT = {
    "template": "none",
    "showlegend": False,
    "dragmode": False,
    "hovermode": "closest",
    "margin": {"l": 8, "r": 16, "t": 12, "b": 8},
}


def words(text: str, most: int = 60) -> str:
    """Foreign text for a figure: plotly reads tags in texts; too long, its middle is left out."""
    if len(text) > most:
        half = most // 2
        text = f"{text[: half - 1]}…{text[-half:]}"
    return html.escape(text)
