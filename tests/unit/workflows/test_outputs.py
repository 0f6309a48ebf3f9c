"""The check that two files compute the same, by real workers on small files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgekit.errors import DataError, UsageError
from edgekit.records import Outcome, Precision
from edgekit.workflows.outputs import compared, outputs_check
from tests import foreign_files, gate_files

SCALED = np.random.default_rng(1).normal(size=(foreign_files.CLASSES, 8))


def other_net() -> onnx.ModelProto:
    return foreign_files.with_constant(foreign_files.net(), "fw", SCALED)


def ids_net(path: Path, names: tuple[str, ...] = ("ids", "mask"), wrong: float = 0.0) -> Path:
    """Two inputs of whole numbers, two outputs of different size, as language models have."""
    nodes = [
        helper.make_node("Cast", ["ids"], ["a"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["mask"], ["b"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["a", "b"], ["sum"]),
        helper.make_node("Mul", ["a", "scale"], ["y"]),
    ]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["N", 7]) for name in names]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 7]) for name in ("sum", "y")
    ]
    scale = helper.make_tensor("scale", TensorProto.FLOAT, [], [1.0 + wrong])
    graph = helper.make_graph(nodes, "ids", inputs, outputs, [scale])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    return path


def test_the_same_network_passes_on_the_golden_sample(tmp_path):
    gate_files.artifact(tmp_path / "a")
    renamed = foreign_files.net()
    renamed.graph.name = "another"
    gate_files.artifact(tmp_path / "b", renamed)
    check = outputs_check(gate_files.plan(tmp_path / "a", tmp_path / "b"))
    assert (check.metric, check.outcome, check.head) == ("outputs", Outcome.PASS, None)
    assert check.reason == "equal to the last bit"
    check = outputs_check(gate_files.plan(tmp_path / "a", tmp_path / "a"))
    assert check.reason == "the same file, bit for bit"


def test_an_error_says_which_side_it_is_of(tmp_path):
    gate_files.artifact(tmp_path / "a")
    broken = tmp_path / "model.onnx"
    broken.write_bytes(b"not a graph")
    for sides, role in (((broken, tmp_path / "a"), "base"), ((tmp_path / "a", broken), "head")):
        with pytest.raises(DataError, match=f"^{role}: model.onnx is not a readable"):
            outputs_check(gate_files.plan(*sides))


def test_another_network_fails_unless_accuracy_decides(tmp_path):
    gate_files.artifact(tmp_path / "a")
    gate_files.artifact(tmp_path / "b", other_net())
    check = outputs_check(gate_files.plan(tmp_path / "a", tmp_path / "b"))
    assert (check.outcome, check.allowed) == (Outcome.FAIL, 60.0)
    assert check.head is not None
    assert check.head < 60.0
    assert "at least 60 dB is expected of fp32 files" in check.reason
    with_data = gate_files.plan(tmp_path / "a", tmp_path / "b", data=tmp_path)
    check = outputs_check(with_data)
    assert check.outcome is Outcome.PASS
    assert "accuracy decides" in check.reason


def test_the_coarser_precision_says_how_near_they_have_to_be(tmp_path):
    gate_files.artifact(tmp_path / "a")
    near = foreign_files.net()
    weights = next(t for t in near.graph.initializer if t.name == "fw")
    rounded = onnx.numpy_helper.to_array(weights).round(1)
    near = foreign_files.with_constant(near, "fw", rounded)
    gate_files.artifact(tmp_path / "b", near, precision=Precision.INT8)
    check = outputs_check(gate_files.plan(tmp_path / "a", tmp_path / "b"))
    assert (check.outcome, check.allowed) == (Outcome.PASS, 5.0)
    assert check.head is not None
    assert 5.0 < check.head < 60.0


def test_files_with_several_inputs_of_whole_numbers_in_any_order(tmp_path):
    base = ids_net(tmp_path / "a.onnx")
    turned = ids_net(tmp_path / "b.onnx", ("mask", "ids"))
    assert outputs_check(gate_files.plan(base, turned)).outcome is Outcome.PASS
    wrong = outputs_check(gate_files.plan(base, ids_net(tmp_path / "d.onnx", wrong=0.1)))
    assert wrong.outcome is Outcome.FAIL
    assert "of output 1" in wrong.reason
    with pytest.raises(UsageError, match="base takes ids: int64"):
        outputs_check(gate_files.plan(base, foreign_files.saved(tmp_path / "e.onnx")))


def arrays(*outputs: Any) -> dict[str, Any]:
    return {f"output:{index}": np.asarray(values) for index, values in enumerate(outputs)}


@pytest.mark.parametrize(
    ("base", "head", "words"),
    [
        (arrays([1.0, 2.0]), arrays([1.0]), "has the shape 1, base's has 2"),
        (arrays([1.0]), arrays([1.0], [2.0]), "2 outputs, base has 1"),
        (arrays([1.0, 2.0]), arrays([1.0, np.inf]), "NaN or infinity where base has numbers"),
    ],
)
def test_what_fails_whatever_the_accuracy(base, head, words):
    assert words in compared(base, head).fault


def test_each_output_counts_for_itself():
    # The large first output hides nothing of the small second one.
    base, head = (
        arrays([1e6] * 4, [1e-3, 2e-3], [1.0]),
        arrays([1e6 + 1] * 4, [2e-3, 1e-3], [1.01]),
    )
    found = compared(base, head)
    assert found.output == 1
    assert found.sqnr_db is not None
    assert found.sqnr_db < 6.0


def test_where_base_has_no_number_head_may_have_none():
    assert compared(arrays([np.nan, 1.0]), arrays([np.inf, 1.0])).sqnr_db is None
    assert not compared(arrays([np.nan, 1.0]), arrays([np.nan, 1.0])).fault
    assert not compared(arrays(np.zeros((0, 4))), arrays(np.zeros((0, 4)))).fault
