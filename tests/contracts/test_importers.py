"""What every importer promises."""

import numpy as np
import pytest

from edgekit.importers import IMPORTERS
from edgekit.records import Format, Preprocess
from edgekit.runtimes import RUNTIMES
from edgekit.workflows.infer import infer_file
from tests.graph_files import onnx_file
from tests.unit.quantizers.litert_files import File

PLAIN = Preprocess((8, 8), (8, 8), "squash", "bilinear", (0.5,) * 3, (0.5,) * 3)


@pytest.fixture(params=IMPORTERS.names())
def name(request):
    return request.param


def float_file(folder, name):
    """A file of each format that runs: a format without a line here fails, as a reminder."""
    if name == "onnx":
        onnx_file(folder / "theirs.onnx", "float")
        return folder / "theirs.onnx"
    assert name == "litert"
    made = File((1, 8, 8, 3))
    weights = made.constant("w", np.random.default_rng(0).normal(size=(4, 3, 3, 3)))
    return made.save(folder / "theirs.tflite", made.conv(made.input, weights, name="y"))


def test_it_is_named_by_a_format_and_has_a_runtime(name):
    assert Format(name)
    assert IMPORTERS.get(name).reference in RUNTIMES.names()


def test_facts_are_of_one_image_and_of_floats(tmp_path, name):
    path = float_file(tmp_path, name)
    facts = IMPORTERS.get(name).facts(path)
    (given,) = facts.inputs
    assert given.name == "x"
    assert given.dtype == facts.outputs[0].dtype == "float32"
    assert facts.inner_types == {"float32"}
    assert facts.parameters >= 4 * 3 * 3 * 3
    assert facts.preprocess == ""
    assert facts == IMPORTERS.get(name).facts(path)


def test_what_it_brings_computes_the_same_with_the_same_ends(tmp_path, name):
    importer, path, out = IMPORTERS.get(name), float_file(tmp_path, name), tmp_path / "out"
    out.mkdir()
    done = importer.bring(path, PLAIN, out)
    assert next(iter(done.files.values())) == "model"
    model = out / next(iter(done.files))
    before, after = importer.facts(path), importer.facts(model)
    assert (after.inputs, after.outputs) == (before.inputs, before.outputs)
    images = np.random.default_rng(0).normal(size=(1, 3, 8, 8)).astype(np.float32)
    first, second = (
        infer_file(file, before.inputs[0], images, runtime=importer.reference, batch=1, threads=1)
        for file in (path, model)
    )
    assert np.allclose(first, second, atol=1e-5)


def test_the_same_file_gives_the_same_bytes(tmp_path, name):
    importer, path = IMPORTERS.get(name), float_file(tmp_path, name)
    contents = []
    for out in (tmp_path / "first", tmp_path / "second"):
        out.mkdir()
        done = importer.bring(path, PLAIN, out)
        contents.append([(out / file).read_bytes() for file in done.files])
    assert contents[0] == contents[1]
