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
    images = np.random.default_rng(0).normal(size=(5, 4, 4))
    session = AnnotationSession(SliceStack(images), (1,))
    session.annotate(1, 1, FULL)
    session.accept(1, 2, FULL, 0.75)
    session.accept(1, 3, NONE, 0.5)
    return session


def shown(session):
    return cells(reviewSlices(session, 1))


def shown_values(session, key):
    """One value of each cell."""
    return [cell[key] for cell in shown(session)]


def test_each_slice_shows_where_it_came_from():
    session = make_session()
    assert shown_values(session, "kind") == [
        "empty",
        "seed",
        "propagated",
        "propagated",
        "empty",
    ]


def test_a_propagated_slice_is_as_high_as_its_confidence_and_a_doubtful_one_has_its_own_colour():
    session = make_session()
    _, _, sure, doubtful, _ = shown(session)
    assert sure["height"] == 0.75
    assert sure["color"] == COLORS[Kind.PROPAGATED]
    assert doubtful["height"] == 0.5
    assert doubtful["color"] == DOUBTFUL


def test_a_slice_without_the_structure_is_hollow():
    session = make_session()
    is_shown = [True, True, True, False, True]
    assert shown_values(session, "shown") == is_shown


def test_a_correction_marks_its_gap_out_of_date():
    session = make_session()
    session.annotate(1, 4, FULL)
    is_stale = [False, False, True, True, False]
    assert shown_values(session, "stale") == is_stale


def test_the_mouse_on_a_slice_reads_its_confidence_and_why():
    session = make_session()
    seed = describe(session, 1, 1)
    sure = describe(session, 1, 2)
    empty = describe(session, 1, 3)
    assert seed.startswith("Slice 2 of 5: seed")
    assert "Confidence 75%" in sure
    assert "1 slice from the annotated slice 2" in sure
    assert "Predicted to be empty" in empty
