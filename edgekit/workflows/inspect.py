"""What stands in an artifact or in any model file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from edgekit import storage
from edgekit.graphs import GRAPHS
from edgekit.records import Format, GraphOp, OpCount, Precision, Subject
from edgekit.records.findings import FloatKind, Inspection, PrecisionShare

LARGEST = 10
FIRST_NAMES = 5

# They bring values from one type to another; a runtime folds most of them into their neighbours.
_CONVERSIONS = {
    "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "Cast",  # ONNX
    "FakeQuantize", "Convert",  # OpenVINO
    "QUANTIZE", "DEQUANTIZE", "CAST",  # LiteRT
}  # fmt: skip
_FLOATS = {"fp32", "fp16", "bf16", "fp64"}


def inspect(path: Path) -> Inspection:
    """Look into the artifact's folder or the model file at `path`.

    Raises:
        UsageError: There is nothing, or its suffix is no model's.
        DataError: The file is broken, or isn't what it claims to be.
        MissingDependency: The library that reads such files is not installed.
    """
    subject = storage.subject(path)
    source = _readable(subject)
    operators = GRAPHS.get(source.suffix).read(source) if source else ()
    computing = [op for op in operators if op.op not in _CONVERSIONS]
    by_size = sorted(computing, key=lambda op: -op.weight_bytes)
    artifact = subject.artifact
    return Inspection(
        name=subject.name,
        path=subject.path,
        format=artifact.format if artifact else storage.FOREIGN[subject.path.suffix],
        sha256=subject.sha256,
        size_bytes=subject.size_bytes,
        precisions=_shares(computing),
        operators=_counts(operators),
        left_in_float=_left_in_float(computing),
        largest=tuple(op for op in by_size[:LARGEST] if op.weight_bytes),
        notes=_notes(subject, source, computing),
        artifact=artifact,
    )


def _readable(subject: Subject) -> Path | None:
    """The file to read operators from: the model, or what an engine was built from."""
    known = GRAPHS.names()
    files = [subject.path]
    if subject.artifact:
        files += [subject.artifact.path / entry.name for entry in subject.artifact.files]
    return next((file for file in files if file.suffix in known), None)


def _shares(computing: Sequence[GraphOp]) -> tuple[PrecisionShare, ...]:
    counts = Counter(op.precision for op in computing)
    return tuple(
        PrecisionShare(precision, count, count / len(computing))
        for precision, count in counts.most_common()
    )


def _counts(operators: Sequence[GraphOp]) -> tuple[OpCount, ...]:
    counts = Counter((op.op, op.precision) for op in operators)
    return tuple(
        OpCount(op, precision, n, conversion=op in _CONVERSIONS)
        for (op, precision), n in counts.most_common()
    )


def _left_in_float(computing: Sequence[GraphOp]) -> tuple[FloatKind, ...]:
    if not any(op.precision == "int8" for op in computing):
        return ()
    names: dict[str, list[str]] = {}
    for op in computing:
        if op.precision in _FLOATS:
            names.setdefault(op.op, []).append(op.name)
    kinds = sorted(names.items(), key=lambda item: -len(item[1]))
    return tuple(FloatKind(op, len(found), tuple(found[:FIRST_NAMES])) for op, found in kinds)


def _notes(subject: Subject, source: Path | None, computing: Sequence[GraphOp]) -> tuple[str, ...]:
    notes = []
    if source is None:
        notes.append(f"operators are not read from {subject.path.suffix} files")
    elif source != subject.path:
        notes.append(f"operators are those of {source.name}, which the engine was built from")
    precisions = {op.precision for op in computing}
    artifact = subject.artifact
    if artifact and source and artifact.precision is Precision.INT8 and "int8" not in precisions:
        notes.append("the artifact is called int8, and nothing in it computes in int8")
    stored_only = {Format.OPENVINO, Format.LITERT}
    if artifact and artifact.precision is Precision.FP16 and artifact.format in stored_only:
        notes.append("weights are stored in fp16; what they compute in is the runtime's choice")
    return tuple(notes)
