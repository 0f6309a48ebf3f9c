import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.metrics import retrieval


def score(vectors, right):
    names = [f"class{index}" for index in range(max(right) + 1)]
    files = [f"{index}.png" for index in range(len(right))]
    return retrieval.score(
        np.asarray(vectors, np.float32), np.asarray(right, np.int64), names, files
    )


def test_neighbours_of_the_same_class_are_found():
    found = score([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], [0, 0, 1, 1])
    assert found.value == 1.0
    assert found.worst == ()


def test_the_length_of_a_vector_does_not_count():
    vectors = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]])
    assert score(vectors * [[1], [100], [3], [0.01]], [0, 0, 1, 1]).value == 1.0


def test_an_image_alone_in_its_class_is_not_asked_for():
    found = score([[1, 0], [1, 0.1], [0, 1]], [0, 0, 1])
    assert found.images == 2
    assert found.classes[1].value is None


def test_the_worst_says_where_its_class_came():
    # The first's own kind is the farthest of three.
    found = score([[1, 0], [0, 1], [1, 0.1], [1, 0.2]], [0, 0, 1, 1])
    assert found.worst[0].name == "0.png"
    assert found.worst[0].note == "first of its class at 3"
    assert found.others["recall5"] == 1.0


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_vectors_that_are_no_numbers_find_nothing(broken):
    with np.errstate(invalid="ignore"):
        found = score(np.full((4, 2), broken), [0, 0, 1, 1])
    assert found.value == 0.0


def test_a_vector_that_is_no_number_is_in_nobodys_way():
    found = score([[1, 0], [1, 0.1], [np.nan, 1], [0, 1], [0.1, 1]], [0, 0, 1, 1, 1])
    assert found.value == 0.8


def test_vectors_that_are_all_the_same_find_nothing():
    assert score(np.ones((4, 3)), [0, 0, 1, 1]).value == 0.0


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(4, 12))
def test_it_is_what_sorting_gives(seed, count):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(count, 3)).astype(np.float32)
    right = random.integers(0, 2, count).tolist()
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    hits: dict[int, list[bool]] = {1: [], 5: []}
    for index, kind in enumerate(right):
        if right.count(kind) < 2:
            continue
        order = sorted(
            (k for k in range(count) if k != index), key=lambda k: -float(units[index] @ units[k])
        )
        for rank, found in hits.items():
            found.append(any(right[k] == kind for k in order[:rank]))
    found = score(vectors, right)
    if hits[1]:
        assert found.value == pytest.approx(np.mean(hits[1]))
        assert found.others["recall5"] == pytest.approx(np.mean(hits[5]))
    else:
        assert found.value is None
