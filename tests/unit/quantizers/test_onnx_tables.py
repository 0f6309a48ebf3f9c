"""Tables in 8 bits: how near the rows are, how small the file, and what is let be."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from edgekit.quantizers import onnx_tables  # noqa: E402

ROWS, WIDTH = 4000, 80
assert 4 * ROWS * WIDTH >= onnx_tables.LEAST_BYTES


def model(table, *, axis=0, also_multiplied=False):
    nodes = [helper.make_node("Gather", ["table", "ids"], ["found"], name="look_up", axis=axis)]
    outputs = ["found"]
    if also_multiplied:
        nodes += [
            helper.make_node("Transpose", ["table"], ["turned"], name="turn", perm=[1, 0]),
            helper.make_node("MatMul", ["found", "turned"], ["scores"], name="scores"),
        ]
        outputs += ["scores"]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, [None, None])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(table, "table")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return onnx.shape_inference.infer_shapes(made)


def run(made, ids):
    session = onnxruntime.InferenceSession(made.SerializeToString())
    return session.run(None, {"ids": ids})


@pytest.fixture
def table():
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(ROWS, WIDTH)).astype(np.float32)
    # Rare tokens have small vectors; the padding's may be zero.
    rows *= np.exp(generator.normal(size=(ROWS, 1))).astype(np.float32)
    rows[0] = 0
    return rows


def test_each_row_is_as_near_as_its_own_scale_allows(table):
    made = model(table)
    whole = made.ByteSize()
    assert onnx_tables.store_tables(made) == 1
    onnx.checker.check_model(made)
    assert made.ByteSize() < 0.3 * whole
    ids = np.arange(ROWS).reshape(8, -1)
    (found,) = run(made, ids)
    error = np.abs(found.reshape(ROWS, WIDTH) - table).max(axis=1)
    assert (error <= np.abs(table).max(axis=1) / 254 * 1.001).all()
    assert not found.reshape(ROWS, WIDTH)[0].any()


def test_a_table_that_is_multiplied_with_too_stays_for_that(table):
    made = model(table, also_multiplied=True)
    ids = np.array([[3, 5]])
    _, before = run(made, ids)
    assert onnx_tables.store_tables(made) == 1
    assert {tensor.name for tensor in made.graph.initializer} >= {"table", "look_up_rows"}
    _, after = run(made, ids)
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.999


@pytest.mark.parametrize("kind", ["small", "columns", "whole numbers"])
def test_what_is_no_large_table_of_rows_is_let_be(table, kind):
    made = {
        "small": lambda: model(table[:100]),
        "columns": lambda: model(table.T.copy(), axis=1),
        "whole numbers": lambda: model(table.astype(np.float64)),
    }[kind]()
    before = made.SerializeToString()
    assert onnx_tables.store_tables(made) == 0
    assert made.SerializeToString() == before
