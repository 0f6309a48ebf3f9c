"""What is read from LiteRT's profile, on pieces of a recorded one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgekit.runtimes.litertprofile import Ran, matched, parsed, profiled

# Of ai-edge-litert 2.3.
SUMMARY = """\
================================== Run Order ==================================
          [node type]    [start]    [first]   [avg ms]        [%]     [cdf%]   [mem KB] [times called]   [Name]
          Delegate/Convert (NC)      0.000      0.029      0.034     0.042%     0.042%      0.000              2   [Delegate]:0
          Delegate/Convolution (NHWC, QC8) IGEMM      0.000      6.301      4.225    66.667%   100.000%      0.000              2   [Delegate]:1
          SOFTMAX      0.000      0.100      0.250    66.667%   100.000%      0.000              2   [a;b/c:1]:7

============================ Top by Computation Time ============================
          Delegate/Convolution (NHWC, QC8) IGEMM      0.000      6.301      4.225    66.667%   100.000%      0.000              2   [Delegate]:1
"""
CONVERT = Ran("Convert (NC)", 0, True, 34_000)
CONV = Ran("Convolution (NHWC, QC8) IGEMM", 1, True, 4_225_000)
SOFTMAX = Ran("SOFTMAX", 7, False, 250_000)


def _nodes(*kinds: str) -> list[dict[str, object]]:
    return [{"index": 3 + at, "op_name": kind} for at, kind in enumerate(kinds)]


def test_the_table_in_the_order_of_the_run() -> None:
    assert parsed(SUMMARY) == [CONVERT, CONV, SOFTMAX]
    assert parsed("another version's words") == []


def test_operators_of_the_delegate_are_the_files_in_its_order() -> None:
    nodes = _nodes("QUANTIZE", "CONV_2D", "RESHAPE", "RESHAPE", "SOFTMAX")
    assert matched(nodes, [3, 4], [CONVERT, CONV, SOFTMAX]) == {3: CONVERT, 4: CONV, 7: SOFTMAX}


def test_a_padding_is_done_within_a_convolution() -> None:
    nodes = _nodes("QUANTIZE", "PAD", "CONV_2D")
    assert matched(nodes, [3, 4, 5], [CONVERT, CONV]) == {3: CONVERT, 5: CONV}


def test_what_is_not_the_same_operators_is_not_matched() -> None:
    nodes = _nodes("QUANTIZE", "CONV_2D", "CONV_2D")
    assert matched(nodes, [3, 4, 5], [CONVERT, CONV]) is None
    assert matched(nodes, [3, 4], [CONV, CONVERT]) is None
    assert matched(nodes, [3, 4], []) is None
    # One that the interpreter ran, of which the delegate is said to have taken it.
    assert matched(_nodes(*"abcde"), [7], [SOFTMAX]) is None


def test_a_profiler_that_fails_tells_nothing(tmp_path: Path) -> None:
    model = tmp_path / "no.tflite"
    model.write_bytes(b"this is no model")
    assert profiled(model, 1, {"x": np.zeros(3, np.float32)}) == []
