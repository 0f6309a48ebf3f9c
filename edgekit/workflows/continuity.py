"""Whether a history goes on as before: what to say of a new machine or a new reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgekit.records.history import Measurement, Past
from edgekit.regression import segments

_SHORT = 12


def notes(found: Sequence[Measurement], past: Past) -> tuple[str, ...]:
    """What a user has to know of a machine and of references that follow others.

    Args:
        found: What was measured of one commit.
        past: What the history held before.
    """
    whole = replace(past, measurements=(*past.measurements, *found))
    return (*_references(found, whole), *_novelty(found[0], past))


def _references(found: Sequence[Measurement], whole: Past) -> list[str]:
    """How far an overlap is, and what it lacks."""
    order = [pin.sha256 for pin in whole.pins]
    names = {pin.sha256: f"{pin.name} ({pin.sha256[:_SHORT]})" for pin in whole.pins}
    alike = [
        one
        for one in whole.measurements
        if one.series == found[0].series and one.fingerprint.digest == found[0].fingerprint.digest
    ]
    measured = {one.reference_sha256 for one in found}
    used = sorted({one.reference_sha256 for one in alike} & set(order), key=order.index)
    newest = max(measured, key=order.index)
    older = used[: used.index(newest)]
    if not older:
        return []
    last, least = older[-1], segments.OVERLAP
    both = segments.overlap(alike, last, newest)
    progress = f"{both} of {least} commits are measured against both"
    if both < least and last not in measured:
        missing = f"{names[last]} was the reference before {names[newest]}, and {progress}"
        mend = "give both until then, or what is older can't be compared: `--reference` twice"
        return [f"{missing}; {mend}"]
    if both < least:
        return [f"of {names[last]} and {names[newest]} {progress}"]
    if last in measured:
        return [f"{names[last]} isn't needed any more: {progress}"]
    return []


def _novelty(one: Measurement, past: Past) -> list[str]:
    """What changed about the machine since the last measurement of the series, if it is new."""
    alike = [other for other in past.measurements if other.series == one.series]
    if not alike or any(other.fingerprint.digest == one.fingerprint.digest for other in alike):
        return []
    old, new = alike[-1].fingerprint.facts, one.fingerprint.facts
    parted = [
        f"{name} {old.get(name, '-')!r} is now {new.get(name, '-')!r}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]
    return [f"a new kind of machine begins a new segment: {'; '.join(parted)}"]
