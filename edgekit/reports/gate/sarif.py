"""A gate as SARIF 2.1.0, for services that show findings of tools beside code.

It fits by half. SARIF speaks of places in source text, and a slower model has none: a finding lies
on the first line of head's model file, and is only shown where that file is in the repository.
SARIF's own word for a tool that could not decide, kind `open`, has to have level `none`, which
services hide; so an inconclusive check is a warning, or what `--on-inconclusive` makes of it.
A check that passes is no finding; JUnit tells of those.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from edgekit import __version__
from edgekit.records import GateVerdict
from edgekit.reports.gate import OnInconclusive
from edgekit.reports.gate.findings import COMPARISON, Finding, findings
from edgekit.reports.gate.words import title

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_MEMORY = "Memory is compared by phase: after loading, while running, and at its peak."
# What each rule is about, and what to do about a finding.
_RULES = {
    "latency": (
        "The model became slower.",
        (
            "Both files were timed in turns in one job, so that the machine's moods cancel. "
            "Operators that take longer: `edgekit bench BASE HEAD --per-op`. "
            "If it is meant, raise `--max-slowdown` for this change."
        ),
    ),
    "outputs": (
        "The outputs disagree.",
        (
            "Both files got the same inputs and gave different numbers, so times say nothing. "
            "Check weights, preprocessing and quantization: `edgekit inspect HEAD`."
        ),
    ),
    "file_size": (
        "The file became larger.",
        (
            "`edgekit inspect HEAD` says what takes the room. "
            "If it is meant, raise `--max-size-growth`."
        ),
    ),
    "memory_load": ("More memory is taken after loading.", _MEMORY),
    "memory_steady": ("More memory is taken while running.", _MEMORY),
    "memory_peak": ("More memory is taken at the peak.", _MEMORY),
    "int8_share": (
        "Fewer operators run in int8.",
        "`edgekit inspect HEAD` says what fell back to float, and why.",
    ),
    "ops": (
        "More operators run.",
        "The runtime fuses less than before, or the network grew: `edgekit inspect HEAD`.",
    ),
    **{
        metric: (
            "Accuracy fell.",
            f"{title(metric)} was measured on the same data: `edgekit eval HEAD`.",
        )
        for metric in ("top1", "recall1", "map50", "miou", "spearman")
    },
    "agreement": (
        "The answers became other ones.",
        "The best class was compared on the same images: `edgekit eval HEAD`.",
    ),
    "missing": (
        "A file is missing.",
        "Base has a model that head lacks. Export it again, or remove it from base.",
    ),
    COMPARISON: (
        "The files could not be compared.",
        "The message says what failed, and what to do about it.",
    ),
}


def render(verdict: GateVerdict, on_inconclusive: OnInconclusive, root: Path) -> str:
    """The document: a result for each check that doesn't pass.

    Args:
        verdict: What to tell of.
        on_inconclusive: What a gate that could not decide is taken for.
        root: Folder of the repository, to which paths are relative.
    """
    driver = {
        "name": "edgekit gate",
        "version": __version__,
        "rules": [_rule(name) for name in _RULES],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": "edgekit-gate/"},
        "columnKind": "unicodeCodePoints",
        "results": [_result(found) for found in findings(verdict, on_inconclusive, root)],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(name: str) -> dict[str, Any]:
    short, text = _RULES[name]
    return {
        "id": name,
        "shortDescription": {"text": short},
        "fullDescription": {"text": f"{short} {text}"},
        "help": {"text": text},
        "defaultConfiguration": {"level": "error"},
    }


def _result(finding: Finding) -> dict[str, Any]:
    path = quote(finding.path, errors="surrogateescape")
    # By which a service knows the finding again: what a model file's line holds is no help.
    known = hashlib.sha256(f"{finding.name}\0{finding.metric}".encode()).hexdigest()[:16]
    location = {"uri": path if finding.inside else f"file://{path}"}
    return {
        "ruleId": finding.metric,
        "level": finding.level,
        "message": {"text": f"{finding.name}: {finding.message}"},
        "locations": [
            {"physicalLocation": {"artifactLocation": location, "region": {"startLine": 1}}}
        ],
        "partialFingerprints": {"primaryLocationLineHash": f"{known}:1"},
    }
