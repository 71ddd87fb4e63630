"""Random people at the nodes: no act of theirs, in whatever order, breaks a promise."""

import os

import pytest
from random_annotator import violations

# `python Testing/MRML/random_annotator.py` asks 10000. The second Python of CI asks fewer again.
NUM_PEOPLE = int(os.environ.get("SLICE_PROPAGATION_TEST_PEOPLE", "300"))
AT_ONCE = 100


@pytest.mark.parametrize("first", range(0, NUM_PEOPLE, AT_ONCE))
def test_whatever_people_do_in_whatever_order_nothing_is_lost_or_made_up(first):
    people = range(first, min(first + AT_ONCE, NUM_PEOPLE))
    assert list(violations(people)) == []
