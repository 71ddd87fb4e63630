import numpy as np
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
