"""From a request to the traced text network and its tokenizer.

Importing this imports no framework; calling it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.models import TEXT_FAMILIES, TextNet
from edgekit.models.text import catalog, places
from edgekit.records import ModelSpec, TextRequest, Tokens, Weights
from edgekit.storage import file_sha256

TRACE = "model.pt2"
TOKENIZER = places.TOKENIZER


@dataclass(frozen=True, slots=True)
class TextModel:
    """A traced text network, float32, and what a text has to go through.

    Attributes:
        spec: The network as it was built.
        tokens: How a text becomes its input.
    """

    spec: ModelSpec
    tokens: Tokens


def load(request: TextRequest, workdir: Path) -> TextModel:
    """Build the network, trace it into `workdir`, and put its tokenizer beside it.

    Raises:
        UsageError: There is no such network, or it can't end in that head.
        MissingDependency: Its library is not installed.
        DataError: The checkpoint can't be had, read, or is of another architecture.
        ToolError: torch can't trace it.
    """
    catalog.check(request)
    name, _ = catalog.split(request.name)
    family = TEXT_FAMILIES.get(name)
    checkpoint = places.find(request)
    tokenizer = family.tokenizer(checkpoint.folder)
    is_random = request.weights == catalog.RANDOM or checkpoint.folder is None
    head = catalog.head_of(request)
    net = family.build(checkpoint.folder, head, request.seed if is_random else None)
    from edgekit.models.text import tracing

    tracing.trace(net, workdir / TRACE)
    (workdir / TOKENIZER).write_text(tokenizer, encoding="utf-8")
    digest = file_sha256(workdir / TOKENIZER)
    tokens = Tokens(digest, net.vocabulary, net.max_tokens, net.pooling)
    weights = _weights(checkpoint, is_random=is_random)
    return TextModel(_spec(request, net, checkpoint, weights), tokens)


def reference(path: Path, feeds: Mapping[str, Any]) -> list[Any]:
    """Outputs of the traced network at `path` for named inputs."""
    TEXT_FAMILIES.get("bert")
    from edgekit.models.text import tracing

    return tracing.run(path, feeds)


def _weights(checkpoint: places.Checkpoint, *, is_random: bool) -> Weights:
    file = checkpoint.weights
    if is_random or file is None:
        folder = checkpoint.source if checkpoint.is_local else ""
        return Weights(f"{folder}, random weights" if folder else catalog.RANDOM)
    return Weights(checkpoint.source, file_sha256(file))


def _spec(
    request: TextRequest, net: TextNet, checkpoint: places.Checkpoint, weights: Weights
) -> ModelSpec:
    family, name = catalog.split(request.name)
    # Where a folder lies on this machine is nobody's business.
    shown = Path(name).name if checkpoint.is_local else name
    return ModelSpec(
        name=f"{family}:{shown}" if shown else family,
        family=family,
        backbone=shown or catalog.USUAL[family].hub,
        head=catalog.head_of(request),
        classes=0,
        inputs=net.inputs,
        outputs=net.outputs,
        weights=weights,
        seed=request.seed,
        parameters=net.parameters,
    )
