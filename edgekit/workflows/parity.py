"""Parity: an artifact's outputs against the float model's, by the worker that will measure it."""

from pathlib import Path

import numpy as np

from edgekit.errors import FixedBatchError, ToolError
from edgekit.measure.closeness import closeness
from edgekit.measure.environment import usable_cores
from edgekit.records import Artifact, Format, Parity, Precision
from edgekit.runtimes import RUNTIMES
from edgekit.transports import linked
from edgekit.wire import Closeness
from edgekit.workflows.infer import HERE, infer
from edgekit.workflows.routes import RUNTIME_OF

# Least signal to noise over all outputs, in dB. Another order of float32 sums gives 90 and more,
# bfloat16 where float32 was asked for 28; float16 gives 40 to 50; 8-bit arithmetic that works 10
# to 20, and 5 is a file whose noise is a third of its signal: broken scales, not rounding.
MIN_SQNR_DB = {Precision.FP32: 60.0, Precision.FP16: 30.0, Precision.INT8: 5.0}
# Of boxes in no fixed order only those are compared that have a partner: nearly all must have one.
# Scores that tie may fall either way in either file.
_AGREEMENT = 0.8
BATCHES = (1, 2)
# Computes Q/DQ as they are written, in float, on any CPU.
REFERENCE = "onnxruntime-reference"


def parity(artifact: Artifact) -> Parity:
    """Run the golden sample in batches of 1 and 2 and compare.

    A file that fixes its batch is run in its own; one for TensorRT by ONNX Runtime's reference,
    which computes Q/DQ exactly, since a CPU's int8 kernels may saturate where a GPU's don't.
    """
    least = MIN_SQNR_DB[artifact.precision]
    runtime, model = checker(artifact.format), artifact.model
    notes = []
    if artifact.format is Format.TENSORRT:
        model = artifact.file("source") or model
        notes += [f"of {model.name}; the engine was not run"] * (model != artifact.model)
    if absent := RUNTIMES.missing(runtime):
        reason = f"unmeasured: {', '.join(absent)} is not installed"
        return Parity(passed=None, runtime=None, batches={}, min_sqnr_db=least, reason=reason)
    batches: dict[str, Closeness] = {}
    for batch in _batches(artifact):
        try:
            batches[str(batch)] = _compare(artifact, model, runtime, batch)
        except FixedBatchError:
            notes.append(f"the file is fixed at batch {artifact.spec.batch}")
    wanted = _AGREEMENT if artifact.precision is Precision.FP32 else 0.0
    faults = (_fault(batch, found, least, wanted) for batch, found in batches.items())
    failed = [text for text in faults if text]
    return Parity(
        passed=not failed,
        runtime=runtime,
        batches=batches,
        min_sqnr_db=least,
        reason="; ".join(failed + notes),
    )


def can_measure(artifact: Artifact) -> bool:
    """Whether what checks this artifact is installed here."""
    return not RUNTIMES.missing(checker(artifact.format))


def checker(format: Format) -> str:
    """Name of the runtime that says whether files of a format are right, without a GPU."""
    return REFERENCE if format is Format.TENSORRT else RUNTIME_OF[format][0]


def _batches(artifact: Artifact) -> tuple[int, ...]:
    fixed = artifact.inputs[0].shape[0]
    # LiteRT can run most files that are fixed at 1 in other batches; nothing else can.
    if fixed is None or (fixed == 1 and artifact.format is Format.LITERT):
        return BATCHES
    return (fixed,)


def _fault(batch: str, found: Closeness, least: float, wanted: float) -> str:
    if not found.finite:
        return f"batch {batch}: outputs hold NaN or infinity"
    if found.sqnr_db is not None and found.sqnr_db < least:
        return f"batch {batch}: SQNR {found.sqnr_db:.1f} dB is below {least:.0f} dB"
    if found.agreement < wanted:
        return f"batch {batch}: predictions agree by {found.agreement:.2f}, less than {wanted:g}"
    return ""


def _compare(artifact: Artifact, model: Path, runtime: str, batch: int) -> Closeness:
    golden = artifact.file("golden")
    if golden is None:
        raise ToolError(f"{artifact.path} has no golden sample", hint="export the model again")
    with np.load(golden) as stored:
        inputs = [stored[f"input:{spec.name}"] for spec in artifact.spec.inputs]
        names = [name for name in stored.files if name.startswith("output:")]
        references = [stored[f"output:{index}"] for index in range(len(names))]
    with linked(HERE) as link:
        outputs = infer(
            link,
            artifact,
            inputs,
            runtime=runtime,
            batch=batch,
            threads=usable_cores(),
            model=model,
        )
    known = outputs[: len(references)]  # of a file of somebody else's, the first alone
    size = artifact.preprocess.size if artifact.preprocess else (0, 0)
    return closeness(known, references, artifact.spec.task, size)
