"""When a correction redoes its gap by itself: what it will take, by hand."""

import numpy as np
import pytest

pytest.importorskip("trame_slicer", reason="needs trame-slicer, the extra 'app'")

from SlicePropagationWeb.redo import Pace, expected_steps

from SlicePropagationLib.propagation import plan_session
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack

DRAWN = np.ones((4, 4), bool)
EMPTY = np.zeros((4, 4), bool)


def predicted(anchors, masks):
    """A session of one label with anchors, and predictions everywhere else."""
    session = AnnotationSession(SliceStack(np.zeros((len(masks), 4, 4), np.float32)), [1])
    for index in anchors:
        session.annotate(1, index, DRAWN)
    for index, mask in enumerate(masks):
        if index not in anchors:
            session.accept(1, index, mask, 0.9)
    return session


def steps_after(session, index):
    """What redoing a correction on a slice will take."""
    session.annotate(1, index, EMPTY if session.mask(1, index).all() else DRAWN)
    return expected_steps(session, plan_session(session, [1]))


def test_both_walks_of_a_gap_between_two_anchors_count():
    session = predicted([0, 8], [DRAWN] * 9)
    assert steps_after(session, 4) == 2 * 3 + 2 * 3


def test_beyond_the_outermost_anchor_a_walk_ends_with_the_structure():
    session = predicted([0], [DRAWN] * 6 + [EMPTY] * 20)
    # slice 1 to 3, from both sides; above 4: slice 5, and 6, on which the structure ends
    assert steps_after(session, 4) == 2 * 3 + 2


class Clock:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


def test_the_first_step_of_a_run_which_loads_the_engine_does_not_count():
    clock = Clock()
    pace = Pace(clock)
    assert pace.seconds("copy", 10) is None
    pace.begin()
    for step, seconds in ((1, 30.0), (2, 30.1), (3, 30.2)):
        clock.seconds = seconds
        pace.stepped(step)
    clock.seconds = 30.4  # by then the result is written
    pace.finished("copy")
    assert pace.seconds("copy", 10) == pytest.approx(2.0)
    assert pace.seconds("slice_unet", 10) is None


def test_a_run_of_one_step_says_nothing_about_the_pace():
    pace = Pace(Clock())
    pace.begin()
    pace.stepped(1)
    pace.finished("copy")
    assert pace.seconds("copy", 1) is None
