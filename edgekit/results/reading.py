"""From a file that may hold anything to results: limits first, then types, then the seal."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from edgekit import storage
from edgekit.errors import DataError
from edgekit.records import RESULT_SCHEMA, BenchResult, EvalResult, ShipVerdict, digest
from edgekit.results import series, shape, upgrades
from edgekit.text import printable

Kept = BenchResult | EvalResult | ShipVerdict

BENCH, EVAL, VERDICT = "bench", "eval", "verdict"
_SEAL = "record_sha256"
# Far above a record's size, of which most is packed, and above a saved answer of ten processes.
_MOST_BYTES = 2**27
# What SQLite takes, and so that whoever draws may multiply two numbers and round.
_MOST, _MOST_REAL = 2**63 - 1, 1e100
_HINT = "name a record of a results folder, or a file that `edgekit bench --json` was saved in"


@dataclass(frozen=True, slots=True)
class Holding:
    """What one file holds.

    Attributes:
        results: Legs, in their order.
        verdicts: Which precision to ship.
        accuracies: Accuracy of artifacts.
        run: Which run of `bench` a record belongs to; empty where it doesn't.
        measured_at: When, in UTC; empty where nothing tells.
    """

    results: tuple[BenchResult, ...] = ()
    verdicts: tuple[ShipVerdict, ...] = ()
    accuracies: tuple[EvalResult, ...] = ()
    run: str = ""
    measured_at: str = ""


def sealed(result: Kept, run: str, measured_at: str) -> bytes:
    """The content of the file that keeps `result`.

    Args:
        result: What to keep.
        run: Which run of `bench` it belongs to; empty if to none.
        measured_at: When it was measured, in UTC.

    Raises:
        DataError: It is larger than what is read again.
    """
    if isinstance(result, BenchResult):
        record = series.packed({**shape.to_record(result), "run": run})
    else:
        record = {"run": run, "measured_at": measured_at, **msgspec.to_builtins(result)}
    record = {"schema_version": RESULT_SCHEMA, "record": _kind(result), **record}
    record[_SEAL] = digest(record)
    content = msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
    if len(content) > _MOST_BYTES:
        raise DataError(
            f"a result takes {len(content)} bytes, more than can be read again",
            hint="measure for a shorter time: `--profile default`",
        )
    return content


def read(path: Path) -> Holding:
    """What the file holds: a record of the store, or what `edgekit bench --json` printed.

    Raises:
        DataError: It can't be read, is broken, was changed, or a newer edgekit wrote it.
    """
    try:
        found = _json(path)
        if not isinstance(found, dict):
            raise TypeError("it is no object")  # noqa: TRY301 -- one place says what is wrong
        return _record(found) if "record" in found else _printed(found)
    except DataError as error:
        raise DataError(f"{path}: {error}", hint=error.hint) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        words = f"nothing is named {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(f"{path} is no result of edgekit: {words}", hint=_HINT) from error


def _json(path: Path) -> Any:
    try:
        # A pipe or a terminal would have the reader wait for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError("it is no file", hint=_HINT)
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise storage.unreadable(path, error) from error
    if len(content) > _MOST_BYTES:
        raise DataError(f"it has more than {_MOST_BYTES} bytes", hint=_HINT)
    return msgspec.json.decode(content)


def _record(record: dict[str, Any]) -> Holding:
    version = record["schema_version"]
    upgrades.check(version)
    seal = record.pop(_SEAL)
    if digest(record) != seal:
        raise DataError(
            "it was changed after it was written", hint="measure again; don't edit results"
        )
    record = series.unpacked(_sane(record))
    run, when = str(record["run"]), str(record["measured_at"])
    match record["record"]:
        case "bench":
            result = shape.from_record(upgrades.upgraded(record, version))
            return Holding((result,), run=run, measured_at=when)
        case "eval":
            found = msgspec.convert(upgrades.evaluation(record), EvalResult)
            return Holding(accuracies=(found,), run=run, measured_at=when)
        case "verdict":
            ship = msgspec.convert(record, ShipVerdict)
            return Holding(verdicts=(ship,), run=run, measured_at=when)
        case other:
            raise ValueError(f"it is a record of {other!r}")


def _printed(answer: dict[str, Any]) -> Holding:
    version = answer["schema_version"]
    upgrades.check(version)
    answer = _sane(answer)
    legs = [*answer["results"], *answer["failures"]]
    results = tuple(shape.from_record(upgrades.upgraded(leg, version)) for leg in legs)
    verdicts = msgspec.convert(answer.get("verdicts", ()), tuple[ShipVerdict, ...])
    told = [upgrades.evaluation(each) for each in answer.get("accuracies", ())]
    accuracies = msgspec.convert(told, tuple[EvalResult, ...])
    return Holding(results, verdicts, accuracies)


def _sane(value: Any) -> Any:
    """`value` with no text in it that could steer a terminal.

    Raises:
        ValueError: A number in it is larger than anything that is measured.
    """
    match value:
        case str():
            return printable(value)
        case int() | float():
            if abs(value) > (_MOST if isinstance(value, int) else _MOST_REAL):
                raise ValueError(f"it holds {value:g}, which is beyond all measure")
            return value
        case list():
            return [_sane(item) for item in value]
        case dict():
            return {_sane(name): _sane(item) for name, item in value.items()}
        case _:
            return value


def _kind(result: Kept) -> str:
    match result:
        case BenchResult():
            return BENCH
        case EvalResult():
            return EVAL
        case ShipVerdict():
            return VERDICT
