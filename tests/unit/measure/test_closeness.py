"""Closeness of outputs to a reference."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edgekit.errors import DataError
from edgekit.measure.closeness import closeness


def test_equal_outputs_have_no_noise() -> None:
    logits = np.array([[1.0, 2.0], [4.0, 3.0]], np.float32)
    found = closeness([logits], [logits.copy()])
    assert (found.images, found.agreement, found.sqnr_db) == (2, 1.0, None)
    assert (found.max_abs_error, found.max_abs_reference, found.finite) == (0.0, 4.0, True)


def test_agreement_is_the_share_of_equal_best_classes() -> None:
    reference = np.array([[1.0, 2.0], [4.0, 3.0], [1.0, 0.0], [0.0, 1.0]])
    outputs = reference.copy()
    outputs[0] = [3.0, 2.0]
    assert closeness([outputs], [reference]).agreement == 0.75
    assert closeness([reference * 2], [reference]).agreement == 1.0


def test_noise_is_taken_over_all_outputs() -> None:
    # Signal 100 + 0, noise 0 + 1: 20 dB, whichever output the noise is in.
    found = closeness(
        [np.array([[10.0]]), np.array([[1.0]])], [np.array([[10.0]]), np.array([[0.0]])]
    )
    assert found.sqnr_db == pytest.approx(20.0)
    assert found.max_abs_error == 1.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_an_output_that_is_no_number_is_told_and_leaves_the_rest_numbers(bad: float) -> None:
    found = closeness([np.array([[bad, 1.0]])], [np.array([[2.0, 1.0]])])
    assert not found.finite
    assert found.sqnr_db is not None
    assert math.isfinite(found.sqnr_db)
    assert found.max_abs_error == 2.0


def test_a_reference_of_zeros_gives_a_finite_number() -> None:
    found = closeness([np.ones((1, 2))], [np.zeros((1, 2))])
    assert found.sqnr_db is not None
    assert math.isfinite(found.sqnr_db)
    assert found.sqnr_db < -1000


def test_other_shapes_are_refused() -> None:
    with pytest.raises(DataError, match="1x3"):
        closeness([np.zeros((1, 3))], [np.zeros((1, 2))])


def test_values_in_one_row_are_one_sample_of_the_gate() -> None:
    found = closeness([np.array([1.0, 2.0, 3.0])], [np.array([1.0, 2.0, 4.0])])
    assert found.agreement == 1.0
    assert found.sqnr_db == pytest.approx(10 * math.log10(21))
