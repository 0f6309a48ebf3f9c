"""What can be built, for people. Scripts get the record itself."""

from edgekit.records import ModelEntry, ModelList
from edgekit.reports import table

_COLUMNS = ("name", "stands for", "parameters M", "MACs M", "input px", "weights")
_NAMED = 5


def render(found: ModelList) -> str:
    """A table of the models, and how many more there are."""
    parts = [
        table.render(_COLUMNS, [_row(m) for m in found.models], left=("stands for", "weights"))
    ]
    if found.more:
        names = ", ".join(found.more[:_NAMED])
        parts.append(f"{len(found.more)} more match {found.pattern!r}: {names}, ...")
    elif not found.pattern:
        parts.append("any exact timm or torchvision name works too: edgekit models PATTERN")
        parts.append(
            "for text: bert, gpt, or either with a checkpoint: edgekit export bert:FOLDER"
        )
    return "\n".join(parts)


def _row(model: ModelEntry) -> tuple[str, ...]:
    return (
        model.name,
        model.backbone if model.name == model.name.partition(":")[0] else table.NO_VALUE,
        f"{model.parameters / 1e6:.2f}",
        f"{model.macs / 1e6:.1f}",
        str(model.input_size),
        model.weights or "random only",
    )
