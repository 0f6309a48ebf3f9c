"""What the LiteRT reader says of each form of quantization."""

from edgekit.graphs.litert import GRAPH
from tests.graph_files import WEIGHTS, litert_file


def read(tmp_path, kind):
    path = tmp_path / "m.tflite"
    litert_file(path, kind)
    return [(op.name, op.op, op.precision, op.weight_bytes) for op in GRAPH.read(path)]


def test_int8(tmp_path):
    assert read(tmp_path, "int8") == [
        ("xq", "QUANTIZE", "fp32", 0),
        ("yq", "CONV_2D", "int8", WEIGHTS),
        ("s", "DEQUANTIZE", "int8", 0),
        ("y", "GELU", "fp32", 0),  # a code over 127, which the old one-byte field can't hold
    ]


def test_float(tmp_path):
    assert read(tmp_path, "float") == [("y", "CONV_2D", "fp32", 4 * WEIGHTS)]


def test_float16_is_storage(tmp_path):
    assert read(tmp_path, "fp16") == [
        ("w_", "DEQUANTIZE", "fp16", 0),
        ("y", "CONV_2D", "fp32", 2 * WEIGHTS),
    ]


def test_hybrid_computes_in_float(tmp_path):
    assert read(tmp_path, "weights") == [("y", "CONV_2D", "fp32", WEIGHTS)]
