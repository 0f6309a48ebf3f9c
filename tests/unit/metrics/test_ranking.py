import math

import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from edgekit.errors import DataError
from edgekit.metrics.ranking import spearman

pairs = st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=30)


@given(pairs)
def test_it_is_scipys(rows):
    first, second = zip(*rows, strict=True)
    assume(len(set(first)) > 1)
    assume(len(set(second)) > 1)
    assert spearman(first, second) == pytest.approx(scipy.stats.spearmanr(first, second).statistic)


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=20, unique=True))
def test_any_rising_change_keeps_the_order(values):
    changed = [math.atan(value) for value in values]
    assume(len(set(changed)) == len(values))
    assert spearman(values, changed) == pytest.approx(1.0)


@pytest.mark.parametrize(("first", "second"), [([], []), ([1.0, 1.0], [1.0, 2.0]), ([1.0], [2.0])])
def test_where_there_is_no_order_there_is_no_number(first, second):
    assert spearman(first, second) is None


@pytest.mark.parametrize(("first", "second"), [([1.0], [1.0, 2.0]), ([1.0, math.nan], [1.0, 2.0])])
def test_what_cannot_be_ranked_is_refused(first, second):
    with pytest.raises(DataError, match="can't be ranked"):
        spearman(first, second)
