import sys
import threading

import numpy as np
import pytest
from phantoms import blank_stack, square

from SlicePropagationLib.errors import AnchorOverwriteError, ConfigError, GeometryMismatchError
from SlicePropagationLib.patch import EMPTY_MASK
from SlicePropagationLib.session import AnnotationSession, Provenance

LIVER = 1
KIDNEY = 2
SMALL = square(4, 4, 3)
LARGE = square(4, 4, 8)


@pytest.fixture
def session():
    return AnnotationSession(blank_stack(), (LIVER, KIDNEY))


def provenance(session, label, index):
    return session.state(label, index).provenance


def test_a_first_drawing_is_a_seed(session):
    session.annotate(LIVER, 3, SMALL)
    assert provenance(session, LIVER, 3) == Provenance.SEED
    assert np.array_equal(session.mask(LIVER, 3), SMALL)


def test_drawing_over_a_prediction_is_a_correction(session):
    session.accept(LIVER, 3, LARGE, 0.5)
    session.annotate(LIVER, 3, SMALL)
    assert provenance(session, LIVER, 3) == Provenance.CORRECTION


def test_a_confirmed_empty_slice_is_an_anchor(session):
    session.confirm(LIVER, 5)
    assert session.anchors(LIVER) == [5]
    assert not session.mask(LIVER, 5).any()


def test_confirming_keeps_the_prediction(session):
    session.accept(LIVER, 3, LARGE, 0.5)
    session.confirm(LIVER, 3)
    assert provenance(session, LIVER, 3) == Provenance.CONFIRMED
    assert np.array_equal(session.mask(LIVER, 3), LARGE)


def test_confirming_what_is_as_predicted_makes_nothing_stale(session):
    session.annotate(LIVER, 1, SMALL)
    for index in (2, 3, 4):
        session.accept(LIVER, index, LARGE, 0.5)
    session.confirm(LIVER, 3)
    assert not session.stale(LIVER).any()
    assert session.anchors(LIVER) == [1, 3]
    session.annotate(LIVER, 4, SMALL)  # a correction does, in its own gaps
    session.annotate(LIVER, 1, LARGE)
    assert np.flatnonzero(session.stale(LIVER)).tolist() == [2]


def test_confirming_what_was_just_emptied_makes_its_gaps_stale(session):
    session.annotate(LIVER, 1, SMALL)
    session.accept(LIVER, 2, LARGE, 0.5)
    session.accept(LIVER, 3, EMPTY_MASK, 0.5)
    session.confirm(LIVER, 3, was_changed=True)
    assert np.flatnonzero(session.stale(LIVER)).tolist() == [2]


def test_confirming_what_is_out_of_date_makes_its_gaps_stale(session):
    session.annotate(LIVER, 1, SMALL)
    for index in (2, 3, 4):
        session.accept(LIVER, index, LARGE, 0.5)
    session.annotate(LIVER, 5, SMALL)
    session.confirm(LIVER, 3)
    assert np.flatnonzero(session.stale(LIVER)).tolist() == [2, 4]


@pytest.mark.parametrize(
    "vouch",
    [lambda s: s.annotate(LIVER, 3, SMALL), lambda s: s.confirm(LIVER, 3)],
)
def test_propagation_cannot_overwrite_an_anchor(session, vouch):
    vouch(session)
    with pytest.raises(AnchorOverwriteError, match="Slice 3"):
        session.accept(LIVER, 3, LARGE, confidence=0.5)


def test_an_anchor_of_the_liver_says_nothing_about_the_kidney(session):
    session.annotate(LIVER, 3, SMALL)
    session.accept(KIDNEY, 3, LARGE, 0.5)
    assert session.anchors(KIDNEY) == []


def test_a_new_anchor_makes_only_its_two_gaps_stale(session):
    for anchor in (1, 6):
        session.annotate(LIVER, anchor, SMALL)
    for index in (0, 2, 3, 4, 5, 7):
        session.accept(LIVER, index, SMALL, 0.9)
    session.annotate(LIVER, 3, LARGE)
    assert np.flatnonzero(session.stale(LIVER)).tolist() == [2, 4, 5]
    assert session.waiting(LIVER) == [2, 4, 5]


def test_taking_an_anchor_back_makes_the_merged_gap_stale(session):
    for anchor in (1, 3, 6):
        session.annotate(LIVER, anchor, SMALL)
    for index in (0, 2, 4, 5, 7):
        session.accept(LIVER, index, SMALL, 0.9)
    session.release(LIVER, 3)
    assert np.flatnonzero(session.stale(LIVER)).tolist() == [2, 4, 5]
    assert 3 in session.waiting(LIVER)


def test_absorbing_the_same_masks_changes_nothing(session):
    session.annotate(LIVER, 3, SMALL)
    history = list(session.history)
    assert session.merge_edits({LIVER: session.masks(LIVER)}) == []
    assert session.history == history


def test_absorbing_an_edit_of_a_prediction_makes_a_correction(session):
    session.accept(LIVER, 3, LARGE, 0.5)
    assert session.merge_edits({LIVER: {3: SMALL}}) == [(LIVER, 3)]
    assert provenance(session, LIVER, 3) == Provenance.CORRECTION


def test_erasing_a_prediction_says_that_the_structure_is_not_there(session):
    session.accept(LIVER, 3, LARGE, 0.5)
    session.merge_edits({LIVER: {3: np.zeros_like(LARGE)}})
    assert session.anchors(LIVER) == [3]


def test_erasing_a_seed_takes_it_back(session):
    session.annotate(LIVER, 3, LARGE)
    session.merge_edits({LIVER: {3: np.zeros_like(LARGE)}})
    assert session.anchors(LIVER) == []


def test_a_prediction_that_only_lost_pixels_to_another_label_stays_a_prediction(session):
    session.accept(LIVER, 3, LARGE, 0.5)
    session.merge_edits({LIVER: {3: LARGE & ~SMALL}, KIDNEY: {3: SMALL}})
    assert provenance(session, LIVER, 3) == Provenance.PROPAGATED
    assert provenance(session, KIDNEY, 3) == Provenance.SEED
    assert np.array_equal(session.mask(LIVER, 3), LARGE & ~SMALL)


def test_a_seed_that_another_label_covers_is_taken_back_and_one_of_which_a_pixel_is_left_stays(
    session,
):
    session.annotate(LIVER, 3, SMALL)
    session.annotate(LIVER, 5, LARGE)
    assert session.merge_edits(
        {LIVER: {3: np.zeros_like(SMALL), 5: LARGE & ~SMALL}, KIDNEY: {3: LARGE, 5: SMALL}}
    ) == [(LIVER, 3), (LIVER, 5), (KIDNEY, 3), (KIDNEY, 5)]
    assert session.anchors(LIVER) == [5]
    assert session.anchors(KIDNEY) == [3, 5]


def test_a_correction_that_another_label_covers_says_that_the_structure_is_not_there(session):
    session.accept(LIVER, 3, LARGE, 0.5)
    session.annotate(LIVER, 3, SMALL)
    session.merge_edits({LIVER: {3: np.zeros_like(SMALL)}, KIDNEY: {3: LARGE}})
    assert provenance(session, LIVER, 3) == Provenance.CORRECTION
    assert not session.mask(LIVER, 3).any()


def test_anchors_lie_on_top_in_the_label_map(session):
    session.annotate(LIVER, 3, SMALL)
    session.accept(KIDNEY, 3, LARGE, 0.9)
    assert (session.label_map()[3][SMALL] == LIVER).all()
    assert (session.label_map()[3][LARGE & ~SMALL] == KIDNEY).all()


def test_undo_restores_masks_provenance_and_history_and_redo_brings_them_back(session):
    session.annotate(LIVER, 3, SMALL)
    session.annotate(LIVER, 3, LARGE)
    assert session.undo() == "Draw"
    assert np.array_equal(session.mask(LIVER, 3), SMALL)
    assert len(session.history) == 1
    assert session.redo() == "Draw"
    assert np.array_equal(session.mask(LIVER, 3), LARGE)
    assert len(session.history) == 2


def test_undo_of_nothing_says_so(session):
    assert session.undo() is None
    assert session.redo() is None


def test_a_new_change_forgets_what_was_undone(session):
    session.annotate(LIVER, 3, SMALL)
    session.undo()
    session.annotate(LIVER, 4, SMALL)
    assert session.redo() is None


def test_writing_into_a_mask_that_was_given_does_not_change_the_session(session):
    mask = SMALL.copy()
    session.annotate(LIVER, 3, mask)
    mask[:] = True
    assert np.array_equal(session.mask(LIVER, 3), SMALL)


@pytest.mark.parametrize("labels", [(), (0,), (65536,)])
def test_labels_outside_1_to_65535_are_refused(labels):
    with pytest.raises(ConfigError, match="1 and 65535"):
        AnnotationSession(blank_stack(), labels)


def test_a_mask_of_another_size_is_refused_with_both_sizes(session):
    with pytest.raises(GeometryMismatchError, match=r"\(4, 4\).*\(20, 20\)"):
        session.annotate(LIVER, 3, np.ones((4, 4), bool))


def test_a_slice_outside_the_stack_is_refused(session):
    with pytest.raises(ConfigError, match="0 to 7"):
        session.confirm(LIVER, 8)


def test_it_can_be_read_while_a_run_predicts_in_another_thread():
    count = 3000
    session = AnnotationSession(blank_stack(count, (4, 4)), (1,))
    session.annotate(1, 0, np.ones((4, 4), bool))
    predicted = np.ones((4, 4), bool)

    def predict():
        for index in range(1, count):
            session.accept(1, index, predicted, confidence=0.5)

    run = threading.Thread(target=predict)
    pause = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # as often as a busy machine lets another thread in
    try:
        run.start()
        while run.is_alive():
            assert session.anchors(1) == [0]
            assert session.areas(1)[0] == 16
            assert not session.stale(1).any()
    finally:
        run.join()
        sys.setswitchinterval(pause)
    assert session.areas(1).all()
