import pytest

from SlicePropagationLib.errors import ConfigError, NoAnchorError
from SlicePropagationLib.planning import Run, gap_of, plan_runs


def test_a_single_anchor_is_walked_outward_both_ways():
    assert plan_runs([2], count=5) == [Run(2, (1, 0)), Run(2, (3, 4))]


def test_a_gap_between_two_anchors_is_walked_from_both_ends():
    assert plan_runs([0, 4], count=5) == [Run(0, (1, 2, 3)), Run(4, (3, 2, 1))]


def test_a_correction_walks_only_the_two_gaps_that_touch_it():
    assert plan_runs([1, 4, 7], count=9, changed={4}) == [
        Run(1, (2, 3)),
        Run(4, (3, 2)),
        Run(4, (5, 6)),
        Run(7, (6, 5)),
    ]


def test_an_anchor_taken_back_makes_the_merged_gap_be_walked():
    assert plan_runs([0, 6], count=7, changed={3}) == [
        Run(0, (1, 2, 3, 4, 5)),
        Run(6, (5, 4, 3, 2, 1)),
    ]


def test_nothing_changed_plans_nothing():
    assert plan_runs([0, 6], count=7, changed=set()) == []


def test_a_range_limits_the_targets_but_not_the_anchors():
    assert plan_runs([5], count=10, span=(3, 7)) == [Run(5, (4, 3)), Run(5, (6, 7))]


def test_one_direction_plans_only_walks_that_way():
    assert plan_runs([2, 5], count=7, direction="up") == [Run(2, (3, 4)), Run(5, (6,))]
    assert plan_runs([2, 5], count=7, direction="down") == [Run(2, (1, 0)), Run(5, (4, 3))]


def test_neighbouring_anchors_leave_nothing_between_them():
    assert plan_runs([0, 1, 2], count=3) == []


def test_without_an_anchor_there_is_nothing_to_walk_from():
    with pytest.raises(NoAnchorError, match="at least one slice"):
        plan_runs([], count=4)


@pytest.mark.parametrize("span", [(3, 2), (-1, 2), (0, 9)])
def test_a_range_outside_the_volume_is_refused_with_both_values(span):
    with pytest.raises(ConfigError, match="0:4"):
        plan_runs([1], count=5, span=span)


def test_an_unknown_direction_is_refused():
    with pytest.raises(ConfigError, match="sideways"):
        plan_runs([1], count=5, direction="sideways")


def test_the_gap_of_a_slice_is_its_nearest_anchors():
    assert gap_of(3, [1, 5, 8]) == (1, 5)
    assert gap_of(9, [1, 5, 8]) == (8, None)
