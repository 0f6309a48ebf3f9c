"""LiteRT files of others are read without an interpreter, and taken as they are."""

import pytest

from edgekit.importers.litert import IMPORTER
from edgekit.records import Preprocess
from tests.graph_files import litert_file


@pytest.mark.parametrize(
    ("kind", "holds"),
    [("float", set()), ("fp16", {"float16"}), ("int8", {"int8"}), ("weights", {"int8"})],
)
def test_what_a_file_says_of_itself(tmp_path, kind, holds):
    path = tmp_path / "m.tflite"
    litert_file(path, kind)
    facts = IMPORTER.facts(path)
    (given,) = facts.inputs
    assert (given.name, given.shape, given.layout) == ("x", (1, 8, 8, 3), "NHWC")
    assert given.dtype == facts.outputs[0].dtype == "float32"
    assert facts.inner_types & {"float16", "int8"} == holds


def test_it_is_copied(tmp_path):
    path = tmp_path / "m.tflite"
    litert_file(path, "float")
    out = tmp_path / "out"
    out.mkdir()
    plain = Preprocess((8, 8), (8, 8), "center", "bilinear", (0.5,) * 3, (0.5,) * 3)
    done = IMPORTER.bring(path, plain, out)
    assert done.files == {"model.tflite": "model"}
    assert (out / "model.tflite").read_bytes() == path.read_bytes()
