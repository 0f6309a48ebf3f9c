"""What a gate says, in every form that somebody reads it in.

`text` is for people at a terminal, `markdown` for a pull request, `junit`, `sarif` and
`github` for the services that run builds, `shape` is the JSON. All are pure functions of a
`GateVerdict`, and `words` are the sentences that they share.
"""

import enum


class OnInconclusive(enum.StrEnum):
    """What a gate that could not decide is taken for: `--on-inconclusive`."""

    WARN = "warn"
    PASS = "pass"  # noqa: S105 -- no password
    FAIL = "fail"
