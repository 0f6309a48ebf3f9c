"""Which foreign files are refused, and in which words, before anything is written."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit.errors import DataError, UsageError
from edgekit.records import FileRequest, Format
from edgekit.workflows.foreign import FileSource
from tests.foreign_files import SIZE, net, saved
from tests.graph_files import litert_file, onnx_file


def source(path, name="net", preprocess="unit"):
    return FileSource(FileRequest(path, name, preprocess), path.parent / "exported" / name)


def refusal(path, kind=UsageError, **options):
    with pytest.raises(kind) as caught:
        source(path, **options).check()
    return f"{caught.value} {caught.value.hint}"


def test_a_sound_file_is_taken(tmp_path):
    found = source(saved(tmp_path / "net.onnx"))
    found.check()
    assert found.root is Format.ONNX


def test_the_key_tells_files_preprocessings_and_names_apart(tmp_path):
    path = saved(tmp_path / "net.onnx")
    first = source(path).key()
    assert source(path).key() == first
    assert source(path, preprocess="imagenet").key() != first
    assert source(path, name="other").key() != first
    (tmp_path / "labels.txt").write_text("a\nb\nc\nd\ne\n")
    assert source(path).key() != first
    (tmp_path / "labels.txt").unlink()
    (tmp_path / "learnt.txt").write_text("0123456789abcdef\n")
    assert source(path).key() != first
    (tmp_path / "learnt.txt").unlink()
    assert source(path).key() == first
    saved(path, opset=18)
    assert source(path).key() != first


def test_labels_that_are_no_text_are_refused(tmp_path):
    path = saved(tmp_path / "net.onnx")
    (tmp_path / "labels.txt").write_bytes("männlich\n".encode("latin1"))
    assert "labels.txt is no text in UTF-8: byte 1" in refusal(path, DataError)


@pytest.mark.parametrize("kind", ["int8", "weights"])
def test_quantized_already(tmp_path, kind):
    for path, make in ((tmp_path / "m.onnx", onnx_file), (tmp_path / "m.tflite", litert_file)):
        make(path, kind)
        said = refusal(path)
        assert "quantized already" in said
        assert f"edgekit inspect {path}" in said


def test_float16(tmp_path):
    path = tmp_path / "m.tflite"
    litert_file(path, "fp16")
    assert "float16" in refusal(path)
    half = net()
    for tensor in half.graph.initializer:
        if tensor.name == "w2":
            array = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(array, "w2h"))
    cast = helper.make_node("Cast", ["w2h"], ["w2"], "cast", to=TensorProto.FLOAT)
    half.graph.node.insert(0, cast)
    onnx.save(half, tmp_path / "half.onnx")
    assert "quantize the float32 file" in refusal(tmp_path / "half.onnx")


@pytest.mark.parametrize(
    ("axes", "word"),
    [
        (("N", 1, SIZE, SIZE), "?x1x16x16"),
        (("N", 3, SIZE), "?x3x16"),
        (("N", "C", SIZE, SIZE), "?x?x16x16"),
        ((), "without axes"),
    ],
)
def test_an_input_that_is_no_colour_image(tmp_path, axes, word):
    model = net()
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, axes)
    model.graph.input[0].CopyFrom(value)
    onnx.save(model, tmp_path / "m.onnx")
    said = refusal(tmp_path / "m.onnx")
    assert word in said
    assert "(N, 3, H, W)" in said


def test_several_inputs(tmp_path):
    model = net()
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["N", 4]))
    onnx.save(model, tmp_path / "m.onnx")
    assert "mask: float32 ?x4" in refusal(tmp_path / "m.onnx")


def test_an_input_of_whole_numbers(tmp_path):
    model = net()
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    onnx.save(model, tmp_path / "m.onnx")
    assert "x: int64" in refusal(tmp_path / "m.onnx")


def test_an_output_of_whole_numbers(tmp_path):
    model = net()
    model.graph.node.append(helper.make_node("ArgMax", ["y"], ["best"], axis=1))
    best = helper.make_tensor_value_info("best", TensorProto.INT64, ["N", 1])
    model.graph.output[0].CopyFrom(best)
    onnx.save(model, tmp_path / "m.onnx")
    assert "gives int64" in refusal(tmp_path / "m.onnx")


def test_what_is_no_model_or_cut_short(tmp_path):
    path = saved(tmp_path / "net.onnx")
    path.write_bytes(path.read_bytes()[:-200])
    assert "net.onnx" in refusal(path, DataError)
    for name in ("m.onnx", "m.tflite"):
        (tmp_path / name).write_bytes(b"these are words, and no network")
        assert name in refusal(tmp_path / name, DataError)


def test_other_suffixes_folders_and_nothing(tmp_path):
    (tmp_path / "m.xml").write_text("<net/>")
    assert "no .onnx or .tflite file" in refusal(tmp_path / "m.xml")
    (tmp_path / "m.pt").write_text("")
    assert "no .onnx or .tflite file" in refusal(tmp_path / "m.pt")
    assert str(tmp_path / "model.onnx") in refusal(tmp_path)
    assert "there is no" in refusal(tmp_path / "none.onnx")


def test_names_that_lead_elsewhere(tmp_path):
    path = saved(tmp_path / "net.onnx")
    for name in ("..", ".hidden", ""):
        assert "--name" in refusal(path, name=name)


def test_a_file_in_the_folder_that_would_be_published_into(tmp_path):
    folder = tmp_path / "exported" / "net" / "onnx-fp32"
    folder.mkdir(parents=True)
    path = saved(folder / "model.onnx")
    with pytest.raises(UsageError, match="lies in") as caught:
        FileSource(FileRequest(path, "net", "unit"), tmp_path / "exported" / "net").check()
    assert "--name net-int8" in caught.value.hint
