"""What stands in a model file, for people and for scripts."""

from typing import Any

import msgspec

from edgekit.records import Artifact, Guarded, Parity, Preprocess, Recipe, Tokens
from edgekit.records.findings import Inspection
from edgekit.reports import table, titles

_MIB = 2**20
_NAME_LENGTH = 60  # characters; --json has the whole


def as_json(inspection: Inspection) -> dict[str, Any]:
    """The documented object of `edgekit inspect --json`: an `Inspection`."""
    found: dict[str, Any] = msgspec.to_builtins(inspection, enc_hook=str)
    return found


def render(inspection: Inspection) -> str:
    """The file, its operators, its largest constants and its history."""
    size = f"{inspection.size_bytes / _MIB:.2f} MiB"
    parts = [
        f"{inspection.name}: {inspection.format}, {size}, sha256 {inspection.sha256}",
        _precisions(inspection),
        _operators(inspection),
        _left_in_float(inspection),
        _largest(inspection),
        _history(inspection.artifact) if inspection.artifact else "",
        "\n".join(f"note: {note}" for note in inspection.notes),
    ]
    return "\n\n".join(part for part in parts if part)


def _precisions(inspection: Inspection) -> str:
    if not inspection.precisions:
        return ""
    return table.render(
        ("computes in", "operators", "share %"),
        [
            (row.precision, str(row.count), f"{100 * row.share:.1f}")
            for row in inspection.precisions
        ],
    )


def _operators(inspection: Inspection) -> str:
    if not inspection.operators:
        return ""
    return table.render(
        ("operator", "type", "count"),
        [(row.op, row.precision, str(row.count)) for row in inspection.operators],
        left=("type",),
    )


def _left_in_float(inspection: Inspection) -> str:
    if not inspection.left_in_float:
        return ""
    return table.render(
        ("left in float", "count", "names"),
        [
            (row.op, str(row.count), _some(row.names, row.count))
            for row in inspection.left_in_float
        ],
        left=("names",),
    )


def _largest(inspection: Inspection) -> str:
    if not inspection.largest:
        return ""
    return table.render(
        ("largest constants", "operator", "type", "KiB", "% of file"),
        [
            (
                _short(op.name),
                op.op,
                op.precision,
                f"{op.weight_bytes / 1024:.1f}",
                f"{100 * op.weight_bytes / inspection.size_bytes:.1f}",
            )
            for op in inspection.largest
        ],
        left=("operator", "type"),
    )


def _some(names: tuple[str, ...], count: int) -> str:
    more = (f"and {count - len(names)} more",) if count > len(names) else ()
    return ", ".join((*map(_short, names), *more))


def _short(name: str) -> str:
    """The end of a long name: converters put the names of their own wrappers before it."""
    return name if len(name) <= _NAME_LENGTH else f"...{name[3 - _NAME_LENGTH :]}"


def _history(artifact: Artifact) -> str:
    spec = artifact.spec
    rows = [
        ("model", f"{spec.family} {spec.backbone}, {spec.head}, {spec.classes} classes"),
        ("weights", f"{spec.weights.source} {spec.weights.sha256 or ''}".strip()),
        ("target", f"{artifact.target.name}: {' '.join(artifact.target.features)}"),
        ("preprocess", _preprocess(artifact.preprocess or artifact.tokens)),
        ("parity", _parity(artifact.parity)),
        *_guard(artifact.guard),
        *_recipe(artifact.recipe),
    ]
    if artifact.calibration:
        used = artifact.calibration
        what = "texts" if artifact.tokens else "images"
        rows.append(("calibration", f"{len(used.files)} {what} of {used.source}"))
    rows += [
        ("made from", artifact.parent_sha256 or "nothing: this is the first"),
        ("tools", ", ".join(f"{name} {version}" for name, version in artifact.tools.items())),
    ]
    return table.render(("history", ""), rows, left=("",))


def _preprocess(contract: Preprocess | Tokens | None) -> str:
    if contract is None:
        return "unknown"
    if isinstance(contract, Tokens):
        return (
            f"tokenizer.json {contract.tokenizer_sha256[:12]}, ids below {contract.vocabulary}, "
            f"up to {contract.max_tokens} tokens, pooled: {contract.pooling}"
        )
    height, width = contract.size
    return (
        f"{height} x {width} {contract.channels}, {contract.mode} after "
        f"{contract.resize[0]} x {contract.resize[1]} {contract.interpolation} "
        f"({contract.library}), mean {contract.mean}, std {contract.std}"
    )


def _parity(parity: Parity | None) -> str:
    if parity is None:
        return "not measured"
    batches = [
        f"batch {batch}: agreement {found.agreement:.3f}, SQNR "
        + ("infinite" if found.sqnr_db is None else f"{found.sqnr_db:.1f} dB")
        for batch, found in parity.batches.items()
    ]
    verdict = "passed" if parity.passed else "not passed"
    return "; ".join(filter(None, (verdict, *batches, parity.reason)))


def _recipe(recipe: Recipe | None) -> list[tuple[str, str]]:
    if recipe is None:
        return []
    symmetry = "symmetric" if recipe.activation_symmetric else "asymmetric"
    choices = [
        f"{recipe.scheme} for {recipe.target}",
        f"weights {recipe.weight_type} {recipe.granularity}, scales by {recipe.weight_scale}",
        f"rounded by {recipe.rounding}{', bias corrected' if recipe.correct_bias else ''}",
        f"activations {recipe.activation_type} {symmetry}",
        f"ranges {recipe.range_method}",
    ]
    rows = [("recipe", "; ".join(choices))]
    float_layers = (*recipe.float_kinds, *recipe.float_layers)
    rows += [("left in float", f"{layer.name}: {layer.reason}") for layer in float_layers]
    return rows + [("because", reason) for reason in recipe.reasons]


def _guard(guard: Guarded | None) -> list[tuple[str, str]]:
    if guard is None:
        return []
    words = (
        f"{titles.title(guard.metric)} {titles.shown(guard.metric, guard.value)} of float's "
        f"{titles.shown(guard.metric, guard.float32)} on {guard.images} "
        f"{titles.noun(guard.metric)} of {guard.source}, by {guard.runtime}; "
        f"{guard.drop:.1f} points lost of {guard.max_drop:g} allowed"
    )
    if guard.float_layers:
        words += f"; {guard.float_layers} layers put back in float"
    if guard.latency_ratio:
        words += f", which took {guard.latency_ratio:.2f} times the latency"
    return [("guard", words)]
