"""The records that carry the data on the host: frozen, validated when read, units in their names.

What crosses to a device stands in `edgekit.wire`; these records hold those.
"""

from edgekit.records.artifact import (
    Artifact,
    ArtifactFile,
    Calibration,
    FloatLayer,
    Format,
    GraphOp,
    Guarded,
    Parity,
    Precision,
    Recipe,
    Subject,
)
from edgekit.records.encoding import RESULT_SCHEMA, SCHEMA_VERSION, canonical_json, digest
from edgekit.records.model import (
    FileRequest,
    ModelEntry,
    ModelList,
    ModelRequest,
    ModelSpec,
    Preprocess,
    Target,
    Weights,
)
from edgekit.records.results import (
    BenchPlan,
    BenchResult,
    Device,
    EvalResult,
    ExportLeg,
    Fallback,
    Int8Share,
    Metric,
    Ship,
    ShipSide,
    ShipVerdict,
)

__all__ = [
    "RESULT_SCHEMA",
    "SCHEMA_VERSION",
    "Artifact",
    "ArtifactFile",
    "BenchPlan",
    "BenchResult",
    "Calibration",
    "Device",
    "EvalResult",
    "ExportLeg",
    "Fallback",
    "FileRequest",
    "FloatLayer",
    "Format",
    "GraphOp",
    "Guarded",
    "Int8Share",
    "Metric",
    "ModelEntry",
    "ModelList",
    "ModelRequest",
    "ModelSpec",
    "Parity",
    "Precision",
    "Preprocess",
    "Recipe",
    "Ship",
    "ShipSide",
    "ShipVerdict",
    "Subject",
    "Target",
    "Weights",
    "canonical_json",
    "digest",
]
