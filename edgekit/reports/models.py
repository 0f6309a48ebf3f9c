"""What can be built, for people. Scripts get the record itself."""

from collections.abc import Sequence

from edgekit.records import ModelEntry, ModelList, TextEntry
from edgekit.reports import table

_COLUMNS = ("name", "stands for", "parameters M", "MACs M", "input px", "weights")
_TEXT = ("for text", "stands for", "parameters M", "max tokens", "weights", "heads")
_NAMED = 5


def render(found: ModelList) -> str:
    """A table of the models, and how many more there are."""
    parts = []
    if found.models:
        rows = [_row(model) for model in found.models]
        parts.append(table.render(_COLUMNS, rows, left=("stands for", "weights")))
    parts += _heads(found.models)
    if found.texts:
        rows = [_text(model) for model in found.texts]
        parts.append(table.render(_TEXT, rows, left=("stands for", "weights", "heads")))
    if found.more:
        names = ", ".join(found.more[:_NAMED])
        parts.append(f"{len(found.more)} more match {found.pattern!r}: {names}, ...")
    elif not found.pattern:
        parts.append("any exact timm or torchvision name works too: edgekit models PATTERN")
        parts.append("bert and gpt take any checkpoint: bert:FOLDER, or gpt:OWNER/NAME of the hub")
    return "\n".join(parts)


def _heads(models: Sequence[ModelEntry]) -> list[str]:
    """What can stand on which: a line for each choice of heads."""
    names: dict[tuple[str, ...], list[str]] = {}
    for model in models:
        names.setdefault(model.heads, []).append(model.name)
    if len(names) == 1:
        return [f"heads: {', '.join(heads)}" for heads in names]
    return [
        f"heads of {', '.join(those[:_NAMED])}{', ...' if len(those) > _NAMED else ''}: "
        f"{', '.join(heads)}"
        for heads, those in names.items()
    ]


def _text(model: TextEntry) -> tuple[str, ...]:
    return (
        model.name,
        model.checkpoint,
        f"{model.parameters / 1e6:.2f}",
        str(model.max_tokens),
        model.weights or "random only",
        ", ".join(model.heads),
    )


def _row(model: ModelEntry) -> tuple[str, ...]:
    return (
        model.name,
        model.backbone if model.name == model.name.partition(":")[0] else table.NO_VALUE,
        f"{model.parameters / 1e6:.2f}",
        f"{model.macs / 1e6:.1f}",
        str(model.input_size),
        model.weights or "random only",
    )
