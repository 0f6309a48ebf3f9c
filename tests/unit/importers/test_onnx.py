"""ONNX files of others become files that the quantizer takes, and compute the same."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit.errors import DataError, UsageError
from edgekit.exporters.onnx import IR_VERSION, OPSET
from edgekit.importers.onnx import IMPORTER, IR_VERSIONS, KEY, NEWEST
from edgekit.records import Preprocess
from tests.foreign_files import CLASSES, SIZE, net, saved

PLAIN = Preprocess((SIZE, SIZE), (18, 18), "center", "bilinear", (0.5,) * 3, (0.5,) * 3)


def run(model, batch=3):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    images = np.random.default_rng(1).normal(size=(batch, 3, SIZE, SIZE)).astype(np.float32)
    (name,) = [value.name for value in session.get_inputs()]
    return session.run(None, {name: images})[0]


def brought(path, preprocess=PLAIN):
    out = path.parent / "out"
    out.mkdir()
    done = IMPORTER.bring(path, preprocess, out)
    model = out / next(iter(done.files))
    return model, onnx.load(model), done.notes


def kinds(model):
    return [node.op_type for node in model.graph.node]


def test_the_newest_opset_is_that_of_our_own_files():
    assert (NEWEST, IR_VERSIONS[1]) == (OPSET, IR_VERSION)


@pytest.mark.parametrize(("opset", "wanted"), [(11, 13), (13, 13), (20, 20), (22, 20)])
def test_any_opset_becomes_a_known_one_and_computes_the_same(tmp_path, opset, wanted):
    path = saved(tmp_path / "net.onnx", opset=opset)
    model, proto, notes = brought(path)
    assert [(item.domain, item.version) for item in proto.opset_import] == [("", wanted)]
    assert any(f"brought to {wanted}" in note for note in notes) == (opset != wanted)
    assert np.allclose(run(model), run(path), rtol=1e-4, atol=1e-4)


def test_norms_padding_and_shape_arithmetic_are_folded_with_a_free_batch(tmp_path):
    model, proto, notes = brought(saved(tmp_path / "net.onnx"))
    expected = ["Conv", "Relu", "Conv", "Relu", "GlobalAveragePool", "Flatten", "Gemm"]
    assert kinds(proto) == expected
    assert "folded 1 BatchNormalization into the layers before them" in notes
    assert [value.name for value in (*proto.graph.input, *proto.graph.output)] == ["x", "y"]
    assert run(model, batch=2).shape == (2, CLASSES)


def test_names_of_operators_are_there_and_differ(tmp_path):
    path = tmp_path / "net.onnx"
    proto = net()
    for node in proto.graph.node:
        node.name = ""
    onnx.save(proto, path)
    names = [node.name for node in brought(path)[1].graph.node]
    assert all(names)
    assert len(names) == len(set(names))


def test_constants_that_are_inputs_too_are_constants(tmp_path):
    # As PyTorch wrote them until 1.2.
    proto = net(opset=11)
    for tensor in proto.graph.initializer:
        value = helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        proto.graph.input.append(value)
    path = tmp_path / "old.onnx"
    onnx.save(proto, path)
    assert [spec.name for spec in IMPORTER.facts(path).inputs] == ["x"]
    model, brought_to, _ = brought(path)
    assert len(brought_to.graph.input) == 1
    assert "BatchNormalization" not in kinds(brought_to)
    assert np.allclose(run(model), run(path), rtol=1e-4, atol=1e-4)


def test_weights_in_another_file_come_along(tmp_path):
    path = tmp_path / "net.onnx"
    onnx.save(net(), path, save_as_external_data=True, location="w.bin", size_threshold=100)
    expected = run(path)
    model, _, _ = brought(path)
    (tmp_path / "w.bin").unlink()
    assert np.allclose(run(model), expected, rtol=1e-4, atol=1e-4)
    (tmp_path / "out" / "model.onnx").unlink()
    with pytest.raises(DataError, match=r"w\.bin"):
        IMPORTER.bring(path, PLAIN, tmp_path / "out")


def test_a_free_size_is_fixed(tmp_path):
    _, proto, notes = brought(saved(tmp_path / "net.onnx", axes=("N", 3, "H", "W")))
    axes = proto.graph.input[0].type.tensor_type.shape.dim
    assert [axis.dim_value for axis in axes] == [0, 3, SIZE, SIZE]
    assert "fixed its image to 16 x 16 pixels" in notes
    assert "Pad" not in kinds(proto)


def test_the_preprocessing_stands_in_the_file_once_and_the_rest_is_kept(tmp_path):
    path = tmp_path / "net.onnx"
    proto = net(opset=11)
    proto.metadata_props.add(key=KEY, value="of before")
    proto.metadata_props.add(key="author", value="somebody")
    onnx.save(proto, path)
    assert IMPORTER.facts(path).preprocess == "of before"
    model, done, _ = brought(path)
    assert [item.key for item in done.metadata_props] == ["author", KEY]
    assert '"bilinear"' in IMPORTER.facts(model).preprocess


def test_an_opset_that_cannot_be_converted_is_said(tmp_path):
    graph = helper.make_graph(
        [helper.make_node("RMSNormalization", ["x", "scale"], ["y"], axis=-1)],
        "new",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3, 16, 16])],
        [numpy_helper.from_array(np.ones(16, np.float32), "scale")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=10)
    path = tmp_path / "new.onnx"
    onnx.save(model, path)
    with pytest.raises(UsageError, match="opset 23") as caught:
        brought(path)
    assert "opset_version=20" in caught.value.hint


def test_what_a_file_says_of_itself(tmp_path):
    facts = IMPORTER.facts(saved(tmp_path / "net.onnx"))
    (given,) = facts.inputs
    assert (given.name, given.shape, given.layout) == ("x", (None, 3, SIZE, SIZE), "NCHW")
    assert facts.outputs[0].shape == (None, CLASSES)
    assert facts.inner_types == {"float32", "int64"}
    assert facts.preprocess == ""
