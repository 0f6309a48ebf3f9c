"""What is fed to networks that take ids: made-up ones, and stored rows of another length."""

import numpy as np
import pytest

from edgekit.errors import DataError
from edgekit.measure.inputs import Stored, random_feeds
from edgekit.wire import Job, TensorSpec

IDS, MASK = "input_ids", "attention_mask"


def job(**fields):
    return Job("infer", "none", "m.onnx", "fp32", 1, **fields)


def specs(batch, length, order=(IDS, MASK)):
    return [TensorSpec(name, (batch, length), "int64", "NL") for name in order]


def test_made_up_numbers_stay_in_their_bounds_and_use_them():
    bounds = {IDS: [3, 40], MASK: [1, 1]}
    feeds = random_feeds(specs(2, 500), 4, 0, bounds)
    ids = np.concatenate([feed[IDS] for feed in feeds])
    assert (ids.min(), ids.max()) == (3, 40)
    assert all((feed[MASK] == 1).all() for feed in feeds)
    free = random_feeds(specs(2, 500), 1, 0)
    assert set(np.unique(free[0][IDS])) == {0, 1}


@pytest.fixture
def stored(tmp_path):
    ids = np.arange(1, 9).reshape(2, 4)
    path = tmp_path / "golden.npz"
    arrays = {f"input:{IDS}": ids, f"input:{MASK}": np.ones_like(ids), "output:0": np.ones((2, 3))}
    np.savez(path, **arrays)
    return path


def test_rows_that_are_shorter_are_filled_up_with_zeros(stored):
    found = Stored(stored, specs(1, 6), job())
    assert found.inputs[0].tolist() == [[1, 2, 3, 4, 0, 0], [5, 6, 7, 8, 0, 0]]
    assert found.inputs[1].tolist() == [[1, 1, 1, 1, 0, 0]] * 2
    assert found.inputs[0].dtype == np.int64


def test_rows_that_are_longer_are_refused(stored):
    with pytest.raises(DataError, match="the samples are int64 4"):
        Stored(stored, specs(1, 3), job())


def test_only_rows_of_tokens_are_filled_up(stored):
    plain = [TensorSpec(name, (1, 6), "int64") for name in (IDS, MASK)]
    with pytest.raises(DataError, match="the samples are int64 4"):
        Stored(stored, plain, job())
    assert Stored(stored, plain, job(layouts={IDS: "NL", MASK: "NL"})).count == 2


def test_inputs_go_by_name_where_the_file_has_the_same(stored):
    (feed, _), *_ = Stored(stored, specs(2, 4, (MASK, IDS)), job()).batches(2)
    assert (feed[MASK] == 1).all()
    assert feed[IDS][0].tolist() == [1, 2, 3, 4]
    other = [TensorSpec(name, (2, 4), "int64", "NL") for name in ("a", "b")]
    (feed, _), *_ = Stored(stored, other, job()).batches(2)
    assert feed["a"][0].tolist() == [1, 2, 3, 4]
