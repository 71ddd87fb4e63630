"""Of old and new the better is kept: on a slice between two walks, and after a correction."""

import numpy as np
import pytest
from phantoms import square

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.evaluation.better_walk import (
    BetterWalkEngine,
    certainty,
    propagate_better,
)
from SlicePropagationLib.evaluation.simulated_annotator import SimulateRequest, simulate
from SlicePropagationLib.planning import Run
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack

SHAPE = (9, 20, 20)


class Scripted:
    """Repeats its anchor with a certainty that is scripted for the anchor."""

    name = "scripted"

    def __init__(self, sure):
        self.sure = sure

    def walk(self, stack, run, anchors):
        for _ in run.targets:
            yield anchors[run.anchor] * np.float32(self.sure[run.anchor])

    def quality(self, run, index):
        return self.sure[run.anchor]


def session_of(*anchors):
    """A session of one label with a square of its own on each of some slices."""
    session = AnnotationSession(SliceStack(np.zeros(SHAPE, np.float32)), [1])
    for index in anchors:
        session.annotate(1, index, mask(index))
    return session


def mask(index):
    """A square that lies further right with every slice, so that it says whose it is."""
    return square(4, index, 8)


def test_certainty_is_the_soft_dice_of_a_prediction_with_its_mask_by_hand():
    probability = np.array([[0.9, 0.6, 0.2]], np.float32)
    assert certainty(probability) == pytest.approx(2 * 1.5 / (1.7 + 2))
    assert certainty(probability * 0) == 0


def test_between_two_anchors_the_surer_walk_is_kept_whole_and_not_blended():
    engine = BetterWalkEngine(Scripted({0: 0.9, 8: 0.7}))
    session = session_of(0, 8)
    for _ in propagate(session, engine, plan_session(session)):
        pass
    assert all(np.array_equal(session.mask(1, index), mask(0)) for index in range(1, 8))
    even = BetterWalkEngine(Scripted({0: 0.8, 8: 0.8}))
    session = session_of(0, 8)
    for _ in propagate(session, even, plan_session(session)):
        pass
    assert np.array_equal(session.mask(1, 4), mask(0))  # of equals the nearer, the lower of two
    assert np.array_equal(session.mask(1, 5), mask(8))


def test_after_a_correction_slices_that_were_trusted_more_before_stay_and_are_up_to_date():
    engine = Scripted({2: 0.9, 4: 0.6})
    outwards = [Run(4, (5, 6, 7, 8))]
    for walk, kept in ((propagate, mask(4)), (propagate_better, mask(2))):
        session = session_of(2)
        for _ in propagate(session, engine, plan_session(session)):
            pass
        session.annotate(1, 4, mask(4))
        for _ in walk(session, engine, outwards):
            pass
        assert np.array_equal(session.mask(1, 6), kept)
        assert not session.stale(1)[5:].any()
        assert np.array_equal(session.mask(1, 4), mask(4))
    session = session_of(2)
    for _ in propagate(session, engine, plan_session(session)):
        pass
    session.annotate(1, 4, mask(4))
    for _ in propagate_better(session, engine, outwards, agreement=0.5):
        pass
    assert np.array_equal(session.mask(1, 6), mask(4))  # .9 times .5 is less than .6
    worse = Scripted({2: 0.6, 4: 0.9})
    session = session_of(2)
    for _ in propagate(session, worse, plan_session(session)):
        pass
    session.annotate(1, 4, mask(4))
    for _ in propagate_better(session, worse, outwards):
        pass
    assert np.array_equal(session.mask(1, 6), mask(4))


def test_a_simulated_annotator_can_keep_the_better():
    truth = np.stack([mask(index) for index in range(9)])
    rounds = {}
    for keep in ("new", "better"):
        session = AnnotationSession(SliceStack(np.zeros(SHAPE, np.float32)), [1])
        sure = dict.fromkeys(range(9), 0.6) | {4: 0.9}
        steps = simulate(
            session, truth, Scripted(sure), pick="middle", correct="steps", budget=2, keep=keep
        )
        rounds[keep] = list(steps)[-1].dice
    # the correction of slice 5 goes on to 6, 7 and 8, or what was surer from slice 4 stays there
    assert rounds["new"] > rounds["better"]
    with pytest.raises(ConfigError, match="keep must be one of new, better"):
        SimulateRequest("i", "t", 1, keep="old")
