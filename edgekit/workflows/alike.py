"""Whether two artifacts can be compared, and what to know where they came about differently."""

from __future__ import annotations

from dataclasses import fields

from edgekit.errors import UsageError
from edgekit.measure.inputs import axes
from edgekit.records import Artifact, Preprocess
from edgekit.wire import TensorSpec


def check(base: Artifact, head: Artifact) -> None:
    """Refuse artifacts that don't take the same inputs.

    An axis that one leaves free and the other fixes is no difference: both are run at one size.

    Raises:
        UsageError: With the inputs of both.
    """
    if _same_inputs(base, head):
        return
    raise UsageError(
        f"{head.name} takes other inputs: base takes {_words(base)}; head takes {_words(head)}",
        hint="export both with the same --input-size and --batch; a file with another interface "
        "is no successor to compare with",
    )


def notes(base: Artifact | None, head: Artifact | None) -> tuple[str, ...]:
    """What to know of two files that are compared, one sentence each.

    Args:
        base: Base's artifact; None for a file that edgekit did not make, of which nothing is said.
        head: Head's.
    """
    if base is None or head is None:
        return ()
    return (
        *["base and head are the same file, bit for bit"] * (base.sha256 == head.sha256),
        *[f"base is {base.format}, head {head.format}"] * (base.format != head.format),
        *_axes_notes(base, head),
        *_contract_notes(base, head),
        *_tool_notes(base.tools, head.tools),
    )


def _by_name(artifact: Artifact) -> dict[str, TensorSpec]:
    return {spec.name: spec for spec in artifact.inputs}


def _same_inputs(base: Artifact, head: Artifact) -> bool:
    bases, heads = _by_name(base), _by_name(head)
    return bases.keys() == heads.keys() and all(
        _fits(spec, heads[name]) for name, spec in bases.items()
    )


def _fits(base: TensorSpec, head: TensorSpec) -> bool:
    return (base.dtype, base.layout, len(base.shape)) == (
        head.dtype,
        head.layout,
        len(head.shape),
    ) and all(
        None in (own, other) or own == other
        for own, other in zip(base.shape, head.shape, strict=True)
    )


def _words(artifact: Artifact) -> str:
    return "; ".join(
        f"{spec.name}: {spec.dtype} {axes(spec.shape)} {spec.layout}".rstrip()
        for spec in artifact.inputs
    )


def _axes_notes(base: Artifact, head: Artifact) -> list[str]:
    heads = _by_name(head)
    return [
        f"base takes {name} as {axes(spec.shape)}, head as {axes(heads[name].shape)}"
        for name, spec in _by_name(base).items()
        if name in heads and spec.shape != heads[name].shape
    ]


def _contract_notes(base: Artifact, head: Artifact) -> list[str]:
    if base.preprocess and head.preprocess:
        return _preprocess_notes(base.preprocess, head.preprocess)
    same = base.contract_sha256 == head.contract_sha256
    return [] if same else ["texts become the input in another way: other tokenizers or lengths"]


def _preprocess_notes(base: Preprocess, head: Preprocess) -> list[str]:
    return [
        f"photos become the input in another way: {field.name} is {_value(base, field.name)} of "
        f"base, {_value(head, field.name)} of head"
        for field in fields(Preprocess)
        if getattr(base, field.name) != getattr(head, field.name)
    ]


def _value(preprocess: Preprocess, name: str) -> str:
    value = getattr(preprocess, name)
    return " ".join(f"{part:g}" for part in value) if isinstance(value, tuple) else str(value)


def _tool_notes(base: dict[str, str], head: dict[str, str]) -> list[str]:
    # A tool that only one of them needed says nothing: int8 needs more of them than float32.
    return [
        f"base was made with {tool} {base[tool]}, head with {head[tool]}"
        for tool in sorted(base.keys() & head.keys())
        if base[tool] != head[tool]
    ]
