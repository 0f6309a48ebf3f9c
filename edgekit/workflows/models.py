"""What can be built."""

from __future__ import annotations

import fnmatch
from dataclasses import replace

from edgekit.errors import UsageError
from edgekit.models import FAMILIES, catalog, weights
from edgekit.models.text import catalog as text
from edgekit.records import ModelEntry, ModelList

# Exact names that are counted and listed at once: each takes half a second.
LISTED = 20


def models(pattern: str = "") -> ModelList:
    """Models whose short or exact name matches.

    Args:
        pattern: A part of a name, or a shell pattern; empty for the short names. Only then is no
            library imported.

    Raises:
        UsageError: Nothing matches.
        MissingDependency: A family's library is not installed.
    """
    if not pattern:
        return ModelList(pattern, tuple(map(_served, catalog.MODELS)), text.MODELS)
    shell = pattern if any(sign in pattern for sign in "*?[") else f"*{pattern}*"
    short = [model for model in catalog.MODELS if _matches(model, shell)]
    texts = tuple(model for model in text.MODELS if fnmatch.fnmatchcase(model.name, shell))
    listed = {(model.family, model.backbone) for model in short}
    exact = [
        (family, backbone)
        for family in FAMILIES.names()
        for backbone in FAMILIES.get(family).names(shell)
        if (family, backbone) not in listed
    ]
    if not (short or exact or texts):
        raise UsageError(f"no model matches {pattern!r}", hint=catalog.near(pattern))
    counted = [_count(family, backbone) for family, backbone in exact[:LISTED]]
    more = tuple(f"{family}:{backbone}" for family, backbone in exact[LISTED:])
    return ModelList(pattern, tuple(map(_served, (*short, *counted))), texts, more)


def _served(model: ModelEntry) -> ModelEntry:
    return replace(model, heads=catalog.heads_of(model.family, model.backbone))


def _matches(model: ModelEntry, shell: str) -> bool:
    return any(fnmatch.fnmatchcase(name, shell) for name in (model.name, model.backbone))


def _count(family: str, backbone: str) -> ModelEntry:
    from edgekit.models import macs  # torch is there: the family was imported

    cost = macs.measure(family, backbone)
    distribution = weights.package_of(family, backbone)
    hub = FAMILIES.get(family).hub(backbone)
    where = f"package:{distribution}" if distribution else f"hub:{hub.id}" if hub else ""
    name = f"{family}:{backbone}"
    size = cost.input_size[0]
    return ModelEntry(name, family, backbone, cost.parameters, cost.macs, size, where)
