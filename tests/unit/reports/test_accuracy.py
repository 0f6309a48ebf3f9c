from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgekit.reports.accuracy import front

NUMBER = st.integers(0, 5).map(float)


@given(st.lists(st.tuples(NUMBER, NUMBER)))
def test_the_front_is_what_no_other_point_beats(points):
    def beaten(point):
        return any(
            other[0] <= point[0] and other[1] >= point[1] and other != point for other in points
        )

    found = front(points)
    assert sorted(found) == [place for place, point in enumerate(points) if not beaten(point)]
    assert [points[place][0] for place in found] == sorted(points[place][0] for place in found)
