"""What is fed to networks that take ids: made-up ones, and stored rows of another length."""

from typing import Any

import numpy as np
import pytest

from edgekit.errors import DataError
from edgekit.measure.inputs import Stored, random_feeds
from edgekit.measure.rows import last_tokens
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
    arrays: dict[str, Any] = {
        f"input:{IDS}": ids,
        f"input:{MASK}": np.ones_like(ids),
        "output:0": np.ones((2, 3)),
    }
    np.savez(path, **arrays)
    return path


def test_rows_that_are_shorter_are_filled_up_with_zeros(stored):
    found = Stored(stored, specs(1, 6), job())
    assert found.inputs[0].tolist() == [[1, 2, 3, 4, 0, 0], [5, 6, 7, 8, 0, 0]]
    assert found.inputs[1].tolist() == [[1, 1, 1, 1, 0, 0]] * 2
    assert found.inputs[0].dtype == np.int64


def test_rows_that_are_longer_are_left_out(stored, tmp_path):
    assert Stored(stored, specs(1, 3), job()).count == 0
    with np.load(stored) as arrays:
        changed = {name: arrays[name].copy() for name in arrays}
    for name in (IDS, MASK):
        changed[f"input:{name}"][1, 3] = 0
    changed["output:0"][1] = 7
    path = tmp_path / "shorter.npz"
    np.savez(path, **changed)
    found = Stored(path, specs(1, 3), job())
    assert found.count == 1
    assert found.inputs[0].tolist() == [[5, 6, 7]]
    assert found.outputs[0].tolist() == [[7, 7, 7]]


def with_cache(total):
    return [
        TensorSpec(IDS, (1, 1), "int64", "NL"),
        TensorSpec(MASK, (1, total), "int64", "NT"),
        TensorSpec("past_key_0", (1, 2, total - 1, 1), "float32", "NHTD"),
    ]


@pytest.fixture
def cached(tmp_path):
    """Two samples: three tokens seen and one new; the second's first one is hidden."""
    path = tmp_path / "cached.npz"
    past = np.arange(12, dtype=np.float32).reshape(2, 2, 3, 1)
    arrays: dict[str, Any] = {
        f"input:{IDS}": np.array([[5], [6]]),
        f"input:{MASK}": np.array([[1, 1, 1, 1], [0, 1, 1, 1]]),
        "input:past_key_0": past,
        "output:0": np.zeros((2, 3)),
    }
    np.savez(path, **arrays)
    return path


def test_a_cache_is_filled_up_in_front(cached):
    ids, mask, past = Stored(cached, with_cache(6), job()).inputs
    assert ids.tolist() == [[5], [6]]
    assert mask.tolist() == [[0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1]]
    assert past[0, 0, :, 0].tolist() == [0, 0, 0, 1, 2]


def test_a_cache_is_cut_in_front_where_that_is_hidden(cached):
    found = Stored(cached, with_cache(3), job())
    ids, mask, past = found.inputs
    assert found.count == 1
    assert (ids.tolist(), mask.tolist()) == ([[6]], [[1, 1, 1]])
    assert past[0, :, :, 0].tolist() == [[7, 8], [10, 11]]


def test_of_a_longer_cache_the_last_tokens_are_the_samples_own():
    longer = np.arange(10.0).reshape(1, 2, 5, 1)
    scores = np.ones((1, 9))
    found = last_tokens([scores, longer], [np.ones((1, 9)), np.ones((1, 2, 3, 1))])
    assert found[0] is scores
    assert found[1][0, :, :, 0].tolist() == [[2, 3, 4], [7, 8, 9]]


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
