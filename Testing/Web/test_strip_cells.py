"""What the strip shows of each slice: without a browser."""

import numpy as np
from SlicePropagationMRML.presenting.controls import COLORS, DOUBTFUL
from SlicePropagationMRML.presenting.review import Kind, reviewSlices
from SlicePropagationWeb.strip_cells import cells, describe

from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack

FULL = np.ones((4, 4), bool)
NONE = np.zeros((4, 4), bool)


def make_session():
    session = AnnotationSession(SliceStack(np.random.default_rng(0).normal(size=(5, 4, 4))), (1,))
    session.annotate(1, 1, FULL)
    session.accept(1, 2, FULL, 0.75)
    session.accept(1, 3, NONE, 0.5)
    return session


def shown(session):
    return cells(reviewSlices(session, 1))


def test_each_slice_shows_where_it_came_from():
    assert [cell["kind"] for cell in shown(make_session())] == [
        "empty",
        "seed",
        "propagated",
        "propagated",
        "empty",
    ]


def test_a_propagated_slice_is_as_high_as_its_confidence_and_a_doubtful_one_has_its_own_colour():
    sure, doubtful = shown(make_session())[2:4]
    assert (sure["height"], sure["color"]) == (0.75, COLORS[Kind.PROPAGATED])
    assert (doubtful["height"], doubtful["color"]) == (0.5, DOUBTFUL)


def test_a_slice_without_the_structure_is_hollow():
    assert [cell["shown"] for cell in shown(make_session())] == [True, True, True, False, True]


def test_a_correction_marks_its_gap_out_of_date():
    session = make_session()
    session.annotate(1, 4, FULL)
    assert [cell["stale"] for cell in shown(session)] == [False, False, True, True, False]


def test_the_mouse_on_a_slice_reads_its_confidence_and_why():
    assert describe(make_session(), 1, 1).startswith("Slice 1 of 5: seed")
    text = describe(make_session(), 1, 2)
    assert "Confidence 75%" in text
    assert "1 slices from the annotated slice 1" in text
    assert "Predicted to be empty" in describe(make_session(), 1, 3)
