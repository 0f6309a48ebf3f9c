"""Records as bytes, and their digests."""

import hashlib
from typing import Any

import msgspec

# History of the schema of artifacts:
# 1  2026-11  the first
SCHEMA_VERSION = 1
# History of the schema of results, which `edgekit.results.upgrades` knows how to read:
# 1  2026-11  one launch a leg, its fields among the leg's
# 2  2026-11  several launches; what was asked for is whole; metrics with unit and note
# 3  2026-11  devices: emulated, how cool they were, sums of another program in place of times
# 4  2026-11  evaluations: one score for every metric, the float model's beside it
RESULT_SCHEMA = 4


def canonical_json(record: Any) -> bytes:
    """`record` as JSON with sorted keys: the same bytes for the same content."""
    return msgspec.json.encode(record, order="sorted")


def digest(record: Any) -> str:
    """SHA-256, in hex, of the canonical JSON of `record`."""
    return hashlib.sha256(canonical_json(record)).hexdigest()
