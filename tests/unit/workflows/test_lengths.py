"""Sizes that text networks are measured at."""

from types import SimpleNamespace
from typing import Any

import pytest

from edgekit.errors import UsageError
from edgekit.records import Tokens
from edgekit.wire import TensorSpec
from edgekit.workflows import lengths


def artifact(head="embed", longest=256) -> Any:
    inputs = [TensorSpec(n, (None, None), "int64", "NL") for n in ("input_ids", "attention_mask")]
    if head == "next-token-cached":
        names = ("past_key_0", "past_value_0")
        inputs += [TensorSpec(n, (None, 4, None, 8), "float32", "NHTD") for n in names]
    tokens = Tokens("0" * 64, 1000, longest, "mean")
    return SimpleNamespace(inputs=tuple(inputs), tokens=tokens, spec=SimpleNamespace(head=head))


PLAIN, CACHED = artifact(), artifact("next-token-cached")


def test_one_length_is_that_of_all_inputs():
    assert lengths.shapes(PLAIN, {"input_ids": [2, 48]}, 1) == {
        "input_ids": [2, 48],
        "attention_mask": [2, 48],
    }
    assert lengths.shapes(PLAIN, {"attention_mask": [2, 48]}, 1)["input_ids"] == [2, 48]


def test_where_nobody_says_it_a_text_has_128_tokens_or_as_many_as_there_may_be():
    assert lengths.shapes(PLAIN, {}, None)["input_ids"] == [1, 128]
    assert lengths.shapes(PLAIN, {}, 4)["input_ids"] == [4, 128]
    assert lengths.shapes(artifact(longest=40), {}, None)["input_ids"] == [1, 40]


def test_a_cache_is_as_long_as_what_is_not_new():
    found = lengths.shapes(CACHED, {"input_ids": [1, 2], "attention_mask": [1, 100]}, None)
    assert found["past_key_0"] == found["past_value_0"] == [1, 4, 98, 8]
    usual = lengths.shapes(CACHED, {}, None)
    assert (usual["input_ids"], usual["attention_mask"]) == ([1, 1], [1, 128])
    first = lengths.shapes(CACHED, {"input_ids": [1, 64]}, None)
    assert first["past_key_0"] == [1, 4, 0, 8]


@pytest.mark.parametrize(
    ("of", "given", "word"),
    [
        (PLAIN, {"input_ids": [1, 257]}, "the network takes 256"),
        (PLAIN, {"input_ids": [128]}, "1 axes"),
        (PLAIN, {"input_ids": [1, 16], "attention_mask": [1, 17]}, "attention_mask is 1,17"),
        (CACHED, {"input_ids": [1, 16], "attention_mask": [1, 8]}, "8 tokens, and 16 are new"),
        (CACHED, {"past_key_0": [1, 4, 7, 8]}, "past_key_0 is 1,4,7,8"),
    ],
)
def test_what_can_not_be(of, given, word):
    with pytest.raises(UsageError, match=word):
        lengths.shapes(of, given, None)


def test_a_name_that_no_input_has_is_left_to_the_worker():
    assert lengths.shapes(PLAIN, {"x": [1]}, None)["x"] == [1]


def test_with_a_cache_the_golden_sample_has_one_new_token():
    def fits(of, **given):
        shapes = {name: [1, size] for name, size in given.items()}
        return lengths.fits_golden(of, lengths.shapes(of, shapes, None))

    assert fits(PLAIN)
    assert fits(PLAIN, input_ids=5)
    assert fits(CACHED)
    assert fits(CACHED, attention_mask=64)
    assert not fits(CACHED, input_ids=2)


def test_made_up_ids_are_below_the_vocabulary():
    assert lengths.bounds(PLAIN) == {"input_ids": [0, 999], "attention_mask": [1, 1]}


def test_of_photos_nothing_is_changed():
    photos: Any = SimpleNamespace(tokens=None)
    assert lengths.shapes(photos, {"x": [1, 3, 8, 8]}, None) == {"x": [1, 3, 8, 8]}
    assert lengths.fits_golden(photos, {})
    assert lengths.bounds(photos) == {}
