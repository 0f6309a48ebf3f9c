"""Which operators of a float graph with quantizers in it compute in int8.

ONNX's QDQ form and OpenVINO's FakeQuantize say the same thing in two dialects: the graph stays a
float one, and the places where values are 8-bit are marked. A runtime turns an operator into its
int8 kernel where everything that it reads is 8-bit. This module decides that for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgekit.records import GraphOp

INT8 = "int8"


@dataclass(frozen=True, slots=True)
class Node:
    """An operator as the rules see it.

    Attributes:
        name: Name in the file.
        op: Kind, in the format's own words.
        reads: Tensors that are computed with or moved; no bias, shape or bound.
        writes: Tensors that it makes.
        precision: Element type of what it makes, which it computes in unless a rule says int8.
        weight_bytes: Size of the constants that it reads.
        quantizes: Whether it brings what it reads to 8 bits.
        dequantizes: Whether what it writes comes from 8 bits.
        carries: Whether it only moves, selects or bounds values, so that 8 bits stay 8 bits.
        fused: Whether every runtime makes it part of the operator that feeds it: a bias.
        has_kernel: Whether a runtime has an int8 kernel of its kind; where none has, it computes
            in float between a dequantizer and a quantizer.
    """

    name: str
    op: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    precision: str
    weight_bytes: int
    quantizes: bool = False
    dequantizes: bool = False
    carries: bool = False
    fused: bool = False
    has_kernel: bool = True


def operators(nodes: Sequence[Node], constants: Iterable[str] = ()) -> tuple[GraphOp, ...]:
    """The precision of each of `nodes`, which come in the order of computation.

    Args:
        nodes: All operators.
        constants: Constants that are stored in 8 bits and read as floats, under the names that
            operators read them by.
    """
    flow = _Flow(set(constants), _before_quantizer(nodes))
    return tuple(
        GraphOp(node.name, node.op, flow.precision(node), node.weight_bytes) for node in nodes
    )


class _Flow:
    def __init__(self, constants: set[str], before_quantizer: set[str]) -> None:
        self._constants = constants
        self._before_quantizer = before_quantizer
        self._eight_bit = set(constants)
        self._made_in_int8: set[str] = set()

    def precision(self, node: Node) -> str:
        """Precision of the next node; what it writes is noted for those that follow."""
        int8 = node.precision == INT8 or self._is_int8(node)
        if int8:
            self._made_in_int8.update(node.writes)
        if node.dequantizes or (node.carries and self._reads_eight_bit(node)):
            self._eight_bit.update(node.writes)
        return INT8 if int8 else node.precision

    def _is_int8(self, node: Node) -> bool:
        if node.quantizes or node.dequantizes or not node.has_kernel:
            return False  # a conversion's own precision says what it converts to or from
        if self._reads_eight_bit(node):
            return True
        # Behind an int8 kernel and before the next quantizer, a bound is part of the kernel.
        inside = node.carries and _all(node.writes, self._before_quantizer)
        return (inside or node.fused) and _all(node.reads, self._made_in_int8 | self._eight_bit)

    def _reads_eight_bit(self, node: Node) -> bool:
        # With 8-bit constants alone (a table of embeddings) it is storage that is 8-bit.
        return _all(node.reads, self._eight_bit) and not _all(node.reads, self._constants)


def _before_quantizer(nodes: Sequence[Node]) -> set[str]:
    """Tensors that nothing but quantizers reads, or what only carries them to quantizers."""
    found: set[str] = set()
    elsewhere: set[str] = set()
    for node in reversed(nodes):
        onward = node.quantizes or ((node.carries or node.fused) and _all(node.writes, found))
        (found if onward else elsewhere).update(node.reads)
        found -= elsewhere
    return found


def _all(tensors: tuple[str, ...], among: set[str]) -> bool:
    return bool(tensors) and all(tensor in among for tensor in tensors)
