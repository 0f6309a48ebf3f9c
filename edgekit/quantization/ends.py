"""What is behind a network's last layers: decode, and what puts outputs together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BEHIND = "behind the last layers: coordinates and scores as they are given keep all their digits"


@dataclass(frozen=True, slots=True)
class Link:
    """An operator, by whose numbers it reads.

    Attributes:
        name: Its name in the file.
        reads: Tensors whose numbers it computes with; none that only say which or where.
        writes: Tensors that it makes.
        is_layer: Whether it is of a kind that carries the arithmetic.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    is_layer: bool


def behind_layers(links: Sequence[Link]) -> tuple[str, ...]:
    """Names of the operators whose numbers reach no layer, in the order of computation.

    Args:
        links: All operators, in the order of computation.
    """
    needed: set[str] = set()
    behind: list[str] = []
    for link in reversed(links):
        if link.is_layer or needed.intersection(link.writes):
            needed.update(link.reads)
        else:
            behind.append(link.name)
    return tuple(reversed(behind))
