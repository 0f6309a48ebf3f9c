"""Records of operators, as they stand in a file."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GraphOp:
    """One operator of a model file.

    Attributes:
        name: Name in the file, or its index.
        op: Kind, in the format's own words.
        precision: Element type that it computes in, read from the file.
        weight_bytes: Size of the constants that it reads.
    """

    name: str
    op: str
    precision: str
    weight_bytes: int
