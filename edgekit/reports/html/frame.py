"""The frame of a page: its look, its scripts, and a policy that forbids all others."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources
from string import Template

from edgekit import __version__
from edgekit.reports.html import encoding, markup, plot
from edgekit.reports.html.markup import Html, tag


def page(title: str, header: Html, names: Mapping[str, str], body: Sequence[Html]) -> str:
    """A page that is complete in itself.

    Args:
        title: What the browser calls it.
        header: What stands above all.
        names: What the navigation calls each section, by its identifier.
        body: Sections; an empty one isn't there.

    Raises:
        MissingDependency: Plotly isn't installed.
    """
    scripts = (plot.library(), _file("page.js"))
    return Template(_file("page.html")).substitute(
        title=markup.join(title),
        policy=_policy(scripts),
        style=_file("style.css") + encoding.style(),
        header=header,
        navigation=_navigation(names, body),
        body=markup.join(body),
        templates=markup.script_json(plot.templates()),
        plotly=scripts[0],
        script=scripts[1],
        version=__version__,
    )


def fact(name: str, value: str) -> Html:
    """One entry of the header's list of facts."""
    return tag("div", tag("dt", name), tag("dd", value))


def _file(name: str) -> str:
    return resources.files(__package__ or "").joinpath(name).read_text(encoding="utf-8")


def _policy(scripts: Sequence[str]) -> str:
    """The page itself forbids every request, and every script but ours.

    Should foreign text ever get into the page as HTML, it can neither run nor send.
    """
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    # Plotly sets styles of elements.
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:"


def _navigation(names: Mapping[str, str], body: Sequence[Html]) -> Html:
    there = [
        name for name in names if any(part.startswith(f'<section id="{name}"') for part in body)
    ]
    return tag(
        "nav",
        [tag("a", names[name], href=f"#{name}") for name in there],
        aria_label="Sections",
    )
