"""How figures and tables tell legs apart: colour for the runtime, shape and line for precision.

A number names the leg, so that nothing hangs on colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.reports.html.markup import Html, tag
from edgekit.reports.legs import Leg

# M. Okabe and K. Ito, Color Universal Design (2008), without yellow and with orange and sky blue
# darkened: each has a contrast of 3 to 1 at least on the white page as on the dark one.
BLUE, VERMILLION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
ORANGE, SKY, GREY = "#c07f00", "#3a94cc", "#7a7a7a"
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GREY)
_RUNTIMES = ("onnxruntime", "openvino", "litert", "torch", "tensorrt")
_SHAPES = {"fp32": "circle", "fp16": "square", "int8": "diamond"}
_DASHES = {"fp32": "solid", "fp16": "dash", "int8": "dot"}
_SIZES = {"circle": 22, "square": 20, "diamond": 28, "hexagon": 24}


def ink(colour: str) -> str:
    """Of black and white the one that text on a colour of the palette can be read in."""
    return "#ffffff" if colour == BLUE else "#000000"


@dataclass(frozen=True, slots=True)
class Look:
    """How one leg looks.

    Attributes:
        colour: Index in the palette.
        shape: Plotly's name of the marker.
        dash: Plotly's name of the line.
    """

    colour: int
    shape: str
    dash: str

    @property
    def hex(self) -> str:
        """The colour."""
        return PALETTE[self.colour]

    @property
    def ink(self) -> str:
        """The colour of text on it."""
        return ink(self.hex)

    @property
    def size(self) -> int:
        """Pixels of a marker that two digits fit in."""
        return _SIZES[self.shape]


def looks(legs: Sequence[Leg]) -> dict[int, Look]:
    """The look of each leg, by its number."""
    names = list(dict.fromkeys([*_RUNTIMES, *(leg.runtime for leg in legs)]))
    return {
        leg.number: Look(
            names.index(leg.runtime) % len(PALETTE),
            _SHAPES.get(leg.precision, "hexagon"),
            _DASHES.get(leg.precision, "dashdot"),
        )
        for leg in legs
    }


def badge(leg: Leg, look: Look) -> Html:
    """The leg's number, in its colour and shape."""
    return tag("span", str(leg.number), class_=f"badge c{look.colour} {look.shape}")


def named(leg: Leg, look: Look) -> Html:
    """The leg's number and name."""
    return tag("span", badge(leg, look), tag("span", leg.name, class_="name"), class_="leg")


def key(legs: Sequence[Leg], found: dict[int, Look]) -> Html:
    """What the colours and shapes of these legs mean."""
    colours = {leg.runtime: found[leg.number].colour for leg in legs}
    shapes = {leg.precision or "other file": found[leg.number].shape for leg in legs}
    return tag(
        "p",
        [_entry(f"badge c{colour}", name) for name, colour in colours.items()],
        [_entry(f"badge plain {shape}", name) for name, shape in shapes.items()],
        class_="key",
    )


def _entry(look: str, name: str) -> Html:
    return tag("span", tag("span", class_=look, aria_hidden="true"), name, class_="entry")


def colours(found: dict[str, str]) -> Html:
    """What colours of the palette mean, by name."""
    return tag(
        "p",
        [_entry(f"swatch c{PALETTE.index(colour)}", name) for name, colour in found.items()],
        class_="key",
    )


def style() -> str:
    """CSS classes of the palette: the background, and text that can be read on it."""
    return "".join(
        f".c{index}{{background:{colour};color:{ink(colour)}}}\n"
        for index, colour in enumerate(PALETTE)
    )
