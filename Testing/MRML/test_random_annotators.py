"""Random people at the nodes: no act of theirs, in whatever order, breaks a promise."""

import pytest
from random_annotator import violations

NUM_PEOPLE = 300  # `python Testing/MRML/random_annotator.py` asks 10000
AT_ONCE = 100


@pytest.mark.parametrize("first", range(0, NUM_PEOPLE, AT_ONCE))
def test_whatever_people_do_in_whatever_order_nothing_is_lost_or_made_up(first):
    assert list(violations(range(first, first + AT_ONCE))) == []
