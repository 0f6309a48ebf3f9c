"""Sizes that a network which reads text is measured at: its inputs leave them free."""

from __future__ import annotations

from collections.abc import Mapping

from edgekit.errors import UsageError
from edgekit.models.text.catalog import CACHED
from edgekit.records import Artifact, Tokens

# What a text is taken to be long where nobody says it.
USUAL_TOKENS = 128
IDS, MASK = "input_ids", "attention_mask"
Shapes = Mapping[str, list[int]]


def shapes(artifact: Artifact, given: Shapes, batch: int | None) -> dict[str, list[int]]:
    """The shape of each input of `artifact`: those that were given, and what follows from them.

    Without a cache all have the length of the ids. With one, the ids are what is new, the mask
    covers what was seen too, and the cache is as long as the difference. Where no mask is given,
    several new tokens are a text's first ones.

    Args:
        artifact: A network that reads text; of another one the shapes are as given.
        given: Shapes by input name.
        batch: Samples in one inference where no shape says it; None for one.

    Raises:
        UsageError: A shape contradicts another, or is longer than the network takes.
    """
    if artifact.tokens is None:
        return dict(given)
    with_cache = artifact.spec.head == CACHED
    rows = {name: shape for name, shape in given.items() if name in {IDS, MASK}}
    if wrong := [name for name, shape in rows.items() if len(shape) != 2]:  # noqa: PLR2004
        raise UsageError(
            f"--shape {wrong[0]} has {len(rows[wrong[0]])} axes; it takes samples and tokens",
            hint=f"write --shape {wrong[0]}=1,{USUAL_TOKENS}",
        )
    samples = next((shape[0] for shape in rows.values()), batch or 1)
    new, whole = _lengths(artifact.tokens, rows, with_cache=with_cache)
    sizes = {IDS: [samples, new], MASK: [samples, whole]}
    found = {
        spec.name: sizes.get(spec.name)
        or [samples, spec.shape[1] or 1, whole - new, spec.shape[3] or 1]
        for spec in artifact.inputs
    }
    for name, shape in given.items():
        if name in found and found[name] != shape:
            raise UsageError(
                f"--shape {name} is {_words(shape)}; the other inputs make it "
                f"{_words(found[name])}",
                hint=f"give --shape {IDS} and, with a cache, --shape {MASK}; the rest follows",
            )
    return {**found, **given}


def bounds(artifact: Artifact) -> dict[str, list[int]]:
    """What may be made up as ids and as mask: ids that the network knows, every token seen."""
    if artifact.tokens is None:
        return {}
    return {IDS: [0, artifact.tokens.vocabulary - 1], MASK: [1, 1]}


def fits_golden(artifact: Artifact, sizes: Shapes) -> bool:
    """Whether the golden sample can be fed in `sizes`: with a cache one token of it is new."""
    return artifact.tokens is None or artifact.spec.head != CACHED or sizes[IDS][1] == 1


def _lengths(tokens: Tokens, rows: Shapes, *, with_cache: bool) -> tuple[int, int]:
    """How many tokens are new, and how many there are."""
    usual = min(USUAL_TOKENS, tokens.max_tokens)
    if not with_cache:
        length = next((shape[1] for shape in rows.values()), usual)
        new = whole = length
    else:
        new = rows[IDS][1] if IDS in rows else 1
        whole = rows[MASK][1] if MASK in rows else (usual if new == 1 else new)
    if whole > tokens.max_tokens:
        raise UsageError(
            f"{whole} tokens are asked for; the network takes {tokens.max_tokens}",
            hint=f"give --shape {IDS}=1,{usual}, or less",
        )
    if whole < new:
        raise UsageError(
            f"the mask covers {whole} tokens, and {new} are new",
            hint=f"give --shape {MASK} the tokens in the cache and the new ones",
        )
    return new, whole


def _words(shape: list[int]) -> str:
    return ",".join(map(str, shape))
