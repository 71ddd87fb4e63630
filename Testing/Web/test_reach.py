"""How far a tool reaches, and what a person types as its ends."""

import pytest
from SlicePropagationWeb.reach import reached, with_end

from SlicePropagationLib.errors import InputError


@pytest.mark.parametrize(
    "reach, expected", [("slice", [4]), ("range", [2, 3, 4, 5]), ("all", list(range(9)))]
)
def test_a_tool_reaches_the_slice_shown_unless_more_is_said(reach, expected):
    assert list(reached(reach, 4, [2, 5], 9)) == expected


def test_a_range_of_a_longer_volume_ends_with_this_one():
    assert list(reached("range", 4, [7, 30], 9)) == [7, 8]
    assert list(reached("range", 4, [20, 30], 9)) == []


@pytest.mark.parametrize(
    "ends, which, typed, expected",
    [
        ([2, 5], 0, 4, [3, 5]),
        ([2, 5], 1, 4, [2, 3]),
        ([2, 5], 0, 9, [8, 8]),
        ([2, 5], 1, 1, [0, 0]),
    ],
)
def test_typed_ends_count_from_one_and_push_the_other_end_along(ends, which, typed, expected):
    assert with_end(ends, which, typed, 9) == expected


@pytest.mark.parametrize("typed", [0, 10, 2.5, -3])
def test_a_slice_that_there_is_not_is_refused(typed):
    with pytest.raises(InputError, match="type a number from 1 to 9"):
        with_end([2, 5], 0, typed, 9)
