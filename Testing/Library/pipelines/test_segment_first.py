"""*Segment first*: what a model finds enters a session as predictions, and is corrected like any other."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from model_files import write_segmenter
from phantoms import drifting_disc

from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.pipelines.history_text import decode_history, encode_history
from SlicePropagationLib.pipelines.replay import replay
from SlicePropagationLib.pipelines.segment_file import load_segmenter
from SlicePropagationLib.pipelines.segment_first import suggest_structures
from SlicePropagationLib.pipelines.slice_record import (
    decode_slices,
    encode_slices,
    restore_slices,
)
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession, Provenance


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "discs.pt"
    return load_segmenter(write_segmenter(path), "cpu")


@pytest.fixture
def session():
    return AnnotationSession(drifting_disc()[0], (1, 2))


def fill(session, segmenter, labels, **options):
    return list(suggest_structures(session, segmenter, labels, **options))


def test_what_the_model_finds_is_predicted_with_the_trust_in_it(session, segmenter):
    truth = segmenter.segment(session.stack)
    assert {1, 2} <= set(np.unique(truth))  # else nothing is shown here
    steps = fill(session, segmenter, {1: 2, 2: 1})
    assert [step.step for step in steps] == list(range(1, len(session.stack) + 1))
    for own, label in ((1, 2), (2, 1)):
        assert np.array_equal(session.masks(label), truth == own)
    assert (session.provenance == Provenance.PROPAGATED).all()
    assert ((session.confidence >= 0) & (session.confidence <= 1)).all()
    assert len(np.unique(session.confidence)) > 2


def test_drawn_slices_stay_and_their_pixels_belong_to_nobody_else(session, segmenter):
    truth = segmenter.segment(session.stack)
    drawn = np.zeros(session.stack.slice_shape, bool)
    drawn[8:20, 8:20] = True
    session.annotate(1, 2, drawn)
    fill(session, segmenter, {1: 1, 2: 2})
    assert np.array_equal(session.mask(1, 2), drawn)
    assert session.is_anchor(1, 2)
    assert np.array_equal(session.mask(2, 2), (truth[2] == 2) & ~drawn)


def test_where_segments_may_overlap_it_claims_all_that_it_finds(session, segmenter):
    truth = segmenter.segment(session.stack)
    session.annotate(1, 2, np.ones(session.stack.slice_shape, bool))
    fill(session, segmenter, {2: 2}, allow_overlap=True)
    assert np.array_equal(session.mask(2, 2), truth[2] == 2)


def test_it_is_one_step_to_undo_and_stopped_earlier_it_leaves_nothing(session, segmenter):
    steps = suggest_structures(session, segmenter, {1: 1})
    next(steps)
    steps.close()
    assert not session.history
    fill(session, segmenter, {1: 1})
    session.undo()
    assert not session.masks(1).any()
    assert not session.history


def test_a_correction_is_propagated_over_it_and_the_history_does_it_all_again(session, segmenter):
    fill(session, segmenter, {1: 1, 2: 2})
    mask = drifting_disc()[1][7]
    assert mask.any()
    session.annotate(1, 7, mask)
    list(propagate(session, make_engine("copy"), plan_session(session, [1])))
    assert np.array_equal(session.mask(1, 8), mask & ~session.mask(2, 8))
    again = AnnotationSession(session.stack, session.labels)
    replay(again, session.history)
    for label in session.labels:
        assert np.array_equal(again.masks(label), session.masks(label))


def test_a_slice_says_which_model_found_it_until_something_else_does(session, segmenter):
    fill(session, segmenter, {1: 1}, name="discs")
    count = len(session.stack)
    assert [session.state(1, index).found_by for index in range(count)] == ["discs"] * count
    session.annotate(1, 7, drifting_disc()[1][7])
    list(propagate(session, make_engine("copy"), plan_session(session, [1])[:1]))
    found = [index for index in range(count) if session.state(1, index).found_by]
    assert 0 < len(found) < count - 1
    assert 7 not in found
    again = AnnotationSession(session.stack, session.labels)
    replay(again, decode_history(encode_history(session.history), session.stack))
    assert [index for index in range(count) if again.state(1, index).found_by] == found
    read = AnnotationSession(session.stack, session.labels)
    record = decode_slices(encode_slices(session, 1, "copy"))
    restore_slices(read, 1, session.masks(1), record)
    assert [index for index in range(count) if read.state(1, index).found_by] == found


def test_a_model_of_finer_slices_is_refused_with_what_to_use(session):
    class Finer:
        def factor_for(self, spacing_mm):
            return 2

    with pytest.raises(ConfigError, match="superresolve"):
        fill(session, Finer(), {1: 1})
