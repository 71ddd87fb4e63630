import numpy as np
import pytest
from phantoms import RepeatingEngine, blank_stack, square

from SlicePropagationLib.confidence import correction_gains, next_slice_to_correct, slice_confidence
from SlicePropagationLib.planning import Run
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession

MASK = square(4, 4, 8)
OTHER = square(4, 9, 8)


def seeded(index=0, count=20, **options):
    session = AnnotationSession(blank_stack(count, **options), (1,))
    session.annotate(1, index, MASK)
    return session


def confidence_at(index, forward=None, backward=None, **options):
    session = seeded(**options)
    session.accept(1, index - 1, MASK, 0.9) if index > 1 else None
    return slice_confidence(
        session,
        Run(0, (index,)),
        index,
        MASK.astype(np.float32),
        forward,
        backward,
    )


def test_confidence_lies_between_0_and_1_and_falls_with_the_distance_from_the_anchor():
    values = [confidence_at(index) for index in (1, 3, 6, 12)]
    assert all(0 <= value <= 1 for value in values)
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1]


def test_the_same_number_of_slices_is_farther_when_slices_are_thick():
    assert confidence_at(3, spacing_mm=(10.0, 1.0, 1.0)) < confidence_at(
        3,
        spacing_mm=(1.0, 1.0, 1.0),
    )


def test_walks_that_disagree_lower_the_confidence():
    assert confidence_at(3, MASK, OTHER) < confidence_at(3, MASK, MASK)


def test_the_suggestion_is_a_predicted_slice_that_keeps_away_from_the_anchor():
    session = seeded()
    list(propagate(session, RepeatingEngine(), plan_session(session)))
    suggested = next_slice_to_correct(session, 1)
    assert 5 <= suggested <= 19


def test_a_corrected_slice_is_not_suggested_again():
    session = seeded()
    list(propagate(session, RepeatingEngine(), plan_session(session)))
    first = next_slice_to_correct(session, 1)
    session.annotate(1, first, MASK)
    list(propagate(session, RepeatingEngine(), plan_session(session)))
    assert next_slice_to_correct(session, 1) not in (None, 0, first)


def test_nothing_predicted_means_nothing_to_correct():
    assert next_slice_to_correct(seeded(), 1) is None


def test_anchors_promise_no_gain():
    session = seeded(index=4, count=8)
    list(propagate(session, RepeatingEngine(), plan_session(session)))
    assert correction_gains(session, 1)[4] == 0


def test_the_middle_of_the_longer_of_two_gaps_is_asked_for():
    session = seeded(index=2, count=30)
    for index in (8, 27):
        session.annotate(1, index, MASK)
    for index in set(range(30)) - {2, 8, 27}:
        session.accept(1, index, MASK, 0.8)
    assert next_slice_to_correct(session, 1) in (17, 18)
    gains = correction_gains(session, 1)
    assert gains[5] > gains[3]  # likewise within the shorter gap
    assert gains[17] > gains[10] > gains[9]


def test_the_doubtful_side_comes_first():
    session = seeded(index=10, count=21)
    for index in set(range(21)) - {10}:
        session.accept(1, index, MASK, 0.95 if index < 10 else 0.4)
    assert next_slice_to_correct(session, 1) > 10


def ended_after(last, count=40):
    """Drawn on slice 5 and shown up to `last`, by an engine that does not look behind the end."""
    session = seeded(index=5, count=count)
    list(propagate(session, RepeatingEngine(reach=last - 5), plan_session(session)))
    return session


def test_slices_behind_the_end_of_a_walk_promise_less_the_farther_they_lie():
    gains = correction_gains(ended_after(9), 1)
    assert gains[10] > gains[15] > gains[30] > 0


def test_where_a_person_found_nothing_there_is_nothing_to_gain_behind_it():
    session = ended_after(9)
    session.annotate(1, 12, MASK & False)
    gains = correction_gains(session, 1)
    assert not gains[12:].any()
    assert gains[8] > 0


def test_a_long_structure_is_doubted_farther_behind_its_end_than_a_short_one():
    short = 1 - ended_after(7).confidence[0]
    long = 1 - ended_after(25).confidence[0]
    assert short[8] == pytest.approx(long[26], abs=0.1)
    assert long[35] / long[26] > short[17] / short[8]


def told_after(last, presence, count=40):
    """As `ended_after`, where the engine says how probable the structure is on each slice behind."""
    session = seeded(index=0, count=count)
    for index in range(1, count):
        is_shown = index <= last
        doubt = 0.1 if is_shown else presence(index)
        session.accept(1, index, MASK & is_shown, 1 - doubt)
    return session


def test_where_an_engine_sees_the_structure_go_on_it_is_asked_for_far_behind_the_end_of_its_walk():
    goes_on = told_after(6, lambda index: 0.9 if index < 36 else 0.0)
    ends = told_after(6, lambda index: 0.1 if index < 9 else 0.0)
    assert 15 <= next_slice_to_correct(goes_on, 1) <= 36
    assert next_slice_to_correct(ends, 1) <= 7
