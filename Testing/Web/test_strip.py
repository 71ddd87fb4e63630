"""What the strip says of each slice: without a browser."""

import numpy as np

from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack
from SlicePropagationWeb.strip import cells, summary

FULL, NONE = np.ones((4, 4), bool), np.zeros((4, 4), bool)


def make_session():
    session = AnnotationSession(SliceStack(np.random.default_rng(0).normal(size=(5, 4, 4))), (1,))
    session.annotate(1, 1, FULL)
    session.accept(1, 2, FULL, 0.75)
    session.accept(1, 3, NONE, 0.5)
    return session


def test_each_slice_says_where_it_came_from():
    assert [cell["kind"] for cell in cells(make_session(), 1)] == ["empty", "seed", "propagated", "propagated", "empty"]


def test_a_propagated_slice_says_its_confidence():
    cell = cells(make_session(), 1)[2]
    assert cell["height"] == 0.75 and cell["text"] == "Slice 2 of 5: propagated; confidence 75%"


def test_a_slice_without_the_structure_says_so():
    cell = cells(make_session(), 1)[3]
    assert not cell["shown"] and "not on this slice" in cell["text"]


def test_a_correction_marks_its_gap_out_of_date():
    session = make_session()
    session.annotate(1, 4, FULL)
    assert [cell["stale"] for cell in cells(session, 1)] == [False, False, True, True, False]
    assert summary(session, 1) == "2 annotated, 2 propagated, 2 out of date"


def test_the_summary_counts_what_a_person_vouches_for():
    assert summary(make_session(), 1) == "1 annotated, 2 propagated"
    assert "paint" in summary(AnnotationSession(make_session().stack, (1,)), 1)
