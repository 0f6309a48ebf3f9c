"""What the OpenVINO reader says of each form of quantization."""

import pytest

from edgekit.errors import DataError
from edgekit.graphs.openvino import GRAPH
from tests.graph_files import WEIGHTS, openvino_file


def read(tmp_path, kind):
    path = tmp_path / "m.xml"
    openvino_file(path, kind)
    return {op.name: op for op in GRAPH.read(path)}


def test_fake_quantize(tmp_path):
    found = read(tmp_path, "int8")
    assert {name: op.precision for name, op in found.items()} == {
        "qx": "int8",
        "conv1": "int8",
        "bias": "int8",
        "clamp": "int8",
        "qr": "int8",
        "swish": "int8",
        "conv2": "fp32",
    }
    assert found["conv1"].weight_bytes == WEIGHTS + 4 * 4


def test_float(tmp_path):
    found = read(tmp_path, "float")
    assert list(found) == ["conv1", "bias", "clamp", "swish", "conv2"]
    assert {op.precision for op in found.values()} == {"fp32"}
    assert found["conv1"].weight_bytes == 4 * WEIGHTS
    assert found["bias"].weight_bytes == 4 * 4


def test_float16_is_storage(tmp_path):
    found = read(tmp_path, "fp16")
    assert {op.precision for op in found.values()} == {"fp32"}
    assert found["conv1"].weight_bytes == 2 * WEIGHTS


def test_eight_bit_weights_alone_compute_in_float(tmp_path):
    found = read(tmp_path, "weights")
    assert found["conv1"].precision == found["clamp"].precision == "fp32"
    assert found["conv1"].weight_bytes == WEIGHTS + 4 * 4


def test_weights_that_are_gone_or_cut(tmp_path):
    path = tmp_path / "m.xml"
    openvino_file(path, "float")
    weights = path.with_suffix(".bin")
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(DataError, match="not a whole OpenVINO model") as caught:
        GRAPH.read(path)
    assert ".bin beside its .xml" in caught.value.hint
    weights.unlink()
    with pytest.raises(DataError):
        GRAPH.read(path)
