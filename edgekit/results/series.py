"""Long rows of integers in little room, readable by anyone who reads this file.

`{"encoding": "zlib-delta-i64", "count": N, "data": "..."}` stands for N integers: base64 of zlib
of little-endian int64, the first as it is, each other as its difference from the one before,
modulo 2^64. Times of one inference are much alike, so that differences are short.
"""

import base64
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

ENCODING = "zlib-delta-i64"
# Shorter ones are left readable: the shape of a tensor, a few inferences.
_LEAST = 32
# All rows of one record together: ten processes with a minute each of inferences of 20 us.
_MOST_INTEGERS = 2**26
_INT64 = range(-(2**63), 2**63)


def pack(values: Sequence[int]) -> dict[str, Any]:
    """The object that stands for `values`.

    Raises:
        OverflowError: One of them is no int64.
    """
    numbers = np.array(values, np.int64)
    differences = np.diff(numbers, prepend=np.int64(0)).astype("<i8")
    data = base64.b64encode(zlib.compress(differences.tobytes()))
    return {"encoding": ENCODING, "count": len(values), "data": data.decode()}


def unpack(packed: Mapping[str, Any]) -> list[int]:
    """The integers that `packed` stands for; no more memory is taken than its count says.

    Raises:
        ValueError: It isn't what `pack` makes.
    """
    size = 8 * _count(packed)
    inflater = zlib.decompressobj()
    try:
        # One byte more than there should be: a row that is longer shows it.
        raw = inflater.decompress(base64.b64decode(packed["data"], validate=True), size + 1)
    except (zlib.error, KeyError, TypeError) as error:
        raise ValueError(f"a row of integers is broken: {error}") from error
    if len(raw) != size or not inflater.eof or inflater.unused_data:
        raise ValueError("a row of integers has another length than it says")
    found: list[int] = np.frombuffer(raw, "<i8").cumsum(dtype=np.int64).tolist()
    return found


def packed(value: Any) -> Any:
    """`value`, made of JSON's types, with its long rows of integers packed."""
    if isinstance(value, dict):
        return {name: packed(item) for name, item in value.items()}
    if not isinstance(value, list | tuple):
        return value
    if len(value) >= _LEAST and all(type(item) is int and item in _INT64 for item in value):
        return pack(value)
    return [packed(item) for item in value]


def unpacked(value: Any) -> Any:
    """`value` with every packed row of integers in full.

    Raises:
        ValueError: One is broken, or they are too many for one record.
    """
    if _total(value) > _MOST_INTEGERS:
        raise ValueError(f"it holds more than {_MOST_INTEGERS} integers")
    return _unpacked(value)


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("encoding") == ENCODING:
        return unpack(value)
    return {name: _unpacked(item) for name, item in value.items()}


def _total(value: Any) -> int:
    """How many integers the packed rows in `value` say that they are."""
    if isinstance(value, list):
        return sum(map(_total, value))
    if not isinstance(value, dict):
        return 0
    if value.get("encoding") == ENCODING:
        return _count(value)
    return sum(map(_total, value.values()))


def _count(packed: Mapping[str, Any]) -> int:
    count = packed.get("count")
    if type(count) is not int or count < 0:
        raise ValueError("a row of integers doesn't say how many they are")
    return count
