"""What every graph reader promises."""

import pytest

from edgekit.errors import DataError
from edgekit.graphs import GRAPHS
from tests.graph_files import MAKERS, WEIGHTS

SUFFIXES = GRAPHS.names()


@pytest.fixture(params=SUFFIXES)
def suffix(request):
    return request.param


def read(path):
    return GRAPHS.get(path.suffix).read(path)


@pytest.mark.parametrize(
    ("kind", "precisions", "bytes_each"),
    [
        ("float", {"fp32"}, 4),
        ("int8", {"int8"}, 1),
        ("weights", {"fp32"}, 1),
        ("fp16", {"fp32", "fp16"}, 2),  # LiteRT and OpenVINO store float16, ONNX computes in it
    ],
)
def test_the_first_convolution(tmp_path, suffix, kind, precisions, bytes_each):
    path = tmp_path / f"m{suffix}"
    MAKERS[suffix](path, kind)
    conv = next(
        op for op in read(path) if op.name in {"conv1", "y", "yq"} and "Conv" in op.op.title()
    )
    assert conv.precision in precisions
    assert bytes_each * WEIGHTS <= conv.weight_bytes < (bytes_each + 1) * WEIGHTS


def test_names_are_unique_and_reading_twice_is_the_same(tmp_path, suffix):
    path = tmp_path / f"m{suffix}"
    MAKERS[suffix](path, "int8")
    found = read(path)
    assert len({op.name for op in found}) == len(found)
    assert read(path) == found


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_file_that_is_cut_short_is_refused(tmp_path, suffix, share):
    path = tmp_path / f"m{suffix}"
    MAKERS[suffix](path, "int8")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("other", SUFFIXES)
def test_a_file_with_the_wrong_suffix_is_refused(tmp_path, suffix, other):
    if other == suffix:
        return
    path, wrong = tmp_path / f"m{other}", tmp_path / f"wrong{suffix}"
    MAKERS[other](path, "float")
    path.rename(wrong)
    with pytest.raises(DataError):
        read(wrong)


def test_a_file_that_is_not_there_is_refused(tmp_path, suffix):
    with pytest.raises(DataError, match=f"nothing{suffix}"):
        read(tmp_path / f"nothing{suffix}")
