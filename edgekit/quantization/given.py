"""Recipes that a user gives: taken where they are for this target, format and network."""

from collections.abc import Sequence

from edgekit.errors import UsageError
from edgekit.quantization.recipe import fitted, network
from edgekit.quantization.schemes import check_scheme
from edgekit.records import Format, GraphOp, Recipe, Target


def checked(given: Recipe, target: Target, format: Format, graph: Sequence[GraphOp]) -> Recipe:
    """`given`, if it is for this target, format and network.

    Args:
        given: A recipe that was written by edgekit, and may have been changed by hand.
        target: Where the file will run.
        format: Its format.
        graph: The operators of the float file; empty where they aren't known yet.

    Raises:
        UsageError: The recipe is for something else, or names what isn't there.
    """
    aim = (given.format, given.target, given.target_features)
    if aim != (format, target.name, target.features):
        raise UsageError(
            f"the recipe is for {given.format} on {_words(given.target, given.target_features)}, "
            f"and not for {format} on {_words(target.name, target.features)}",
            hint="give --format and --target as the recipe has them, or leave --recipe out",
        )
    check_scheme(given.scheme, format)
    if not graph:
        return given
    if given.network not in {"", network(graph)}:
        raise UsageError(
            "the recipe is for another network: the operators of this one are others",
            hint='leave --recipe out, or empty its "network" if it is for any network',
        )
    there = {op.name for op in graph}
    if strangers := [layer.name for layer in given.float_layers if layer.name not in there]:
        raise UsageError(
            f"the recipe leaves layers in float that aren't there: {', '.join(strangers[:3])}",
            hint="`edgekit inspect` shows the names of a file's layers",
        )
    return fitted(given, graph)


def _words(name: str, features: Sequence[str]) -> str:
    return f"{name} ({' '.join(features) or 'no features'})"
