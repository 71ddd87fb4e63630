import contextlib
import json

import numpy as np
import pytest
from phantoms import RepeatingEngine, blank_stack, drifting_disc, square

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.patch import Patch, decode_patch, encode_patch
from SlicePropagationLib.pipelines.replay import decode_history, encode_history, replay
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession


def replayed(session, **options):
    values = json.loads(json.dumps(encode_history(session.history)))
    again = AnnotationSession(session.stack, session.labels)
    replay(again, decode_history(values), **options)
    return again


def assert_same(first, second):
    assert np.array_equal(first.label_map(), second.label_map())
    assert np.array_equal(first.provenance, second.provenance)
    np.testing.assert_array_equal(first.confidence, second.confidence)


def test_a_history_gives_the_same_voxels_again():
    stack, truth = drifting_disc()
    session = AnnotationSession(stack, (1,))
    session.annotate(1, 6, truth[6])
    list(propagate(session, _registration(), plan_session(session)))
    session.annotate(1, 9, truth[9])
    session.confirm(1, 14)
    list(propagate(session, _registration(), plan_session(session)))
    assert_same(session, replayed(session))


def test_a_stopped_run_and_an_edit_during_a_run_are_replayed_as_they_were():
    session = AnnotationSession(blank_stack(), (1, 2))
    session.annotate(1, 0, square(2, 2, 6))
    session.annotate(2, 7, square(4, 4, 9))
    steps = propagate(session, RepeatingEngine(0.8), plan_session(session))
    for _ in range(5):
        next(steps)
    session.annotate(1, 4, square(3, 3, 3))
    for _ in range(6):
        next(steps)
    steps.close()
    assert_same(session, replayed(session, engine_of=lambda name: RepeatingEngine(0.8)))


def test_work_that_went_on_from_a_saved_segmentation_is_replayed_without_the_history_before_it():
    stack, truth = drifting_disc()
    before = AnnotationSession(stack, (1, 2))
    before.annotate(1, 6, truth[6])
    list(propagate(before, _registration(), plan_session(before)))
    session = AnnotationSession(stack, (1, 2))
    for index in range(len(stack)):
        session.restore(1, index, before.state(1, index))
    session.annotate(1, 9, truth[9])
    list(propagate(session, _registration(), plan_session(session)))
    again = replayed(session)
    assert_same(session, again)
    assert again.anchors(1) == [6, 9]


def test_what_was_undone_is_not_in_the_history():
    session = AnnotationSession(blank_stack(), (1,))
    session.annotate(1, 2, square(2, 2, 6))
    list(propagate(session, RepeatingEngine(), plan_session(session)))
    session.undo()
    assert [event["event"] for event in session.history] == ["annotate"]


def corrected_during_a_run():
    """A session whose run went on after slice 4 was drawn, and the run's steps."""
    session = AnnotationSession(blank_stack(), (1,))
    session.annotate(1, 0, square(2, 2, 6))
    steps = propagate(session, RepeatingEngine(0.8), plan_session(session))
    for _ in range(2):
        next(steps)
    session.annotate(1, 4, square(3, 3, 3))
    next(steps)
    return session, steps


@pytest.mark.parametrize("goes_on", [False, True])
def test_an_edit_during_a_run_that_is_undone_after_the_run_went_on_is_replayed_as_it_was(goes_on):
    session, steps = corrected_during_a_run()
    if not goes_on:
        list(steps)
    assert session.undo() == "Draw"
    list(steps)
    assert session.anchors(1) == [0]
    assert_same(session, again := replayed(session, engine_of=lambda name: RepeatingEngine(0.8)))
    assert encode_history(again.history) == encode_history(session.history)


@pytest.mark.parametrize("goes_on", [False, True])
def test_an_edit_during_a_run_that_is_undone_and_done_again_is_replayed_as_it_was(goes_on):
    session, steps = corrected_during_a_run()
    session.undo()
    if goes_on:
        next(steps)
    assert session.redo() == "Draw"
    assert session.anchors(1) == [0, 4]
    list(steps)
    assert_same(session, replayed(session, engine_of=lambda name: RepeatingEngine(0.8)))
    assert goes_on == any(event["event"] == "undo" for event in session.history)


def test_a_run_that_is_undone_after_an_edit_in_it_leaves_what_was_before_and_comes_back_with_it():
    session, steps = corrected_during_a_run()
    list(steps)
    labels = session.label_map()
    history = list(session.history)
    assert [session.undo(), session.undo()] == ["Draw", "Propagate"]
    assert [event["event"] for event in session.history] == ["annotate"]
    assert [session.redo(), session.redo()] == ["Propagate", "Draw"]
    assert np.array_equal(session.label_map(), labels)
    assert session.history == history
    assert_same(session, replayed(session, engine_of=lambda name: RepeatingEngine(0.8)))


@pytest.mark.parametrize(
    "mask",
    [
        np.zeros((5, 7), bool),
        np.ones((5, 7), bool),
        np.eye(5, 7, dtype=bool),
        np.eye(5, 7, 2, dtype=bool),
    ],
)
def test_a_mask_survives_its_run_lengths(mask):
    assert np.array_equal(
        decode_patch(json.loads(json.dumps(encode_patch(Patch.cut(mask))))).paste(mask.shape),
        mask,
    )


def test_a_damaged_history_is_refused():
    with pytest.raises(InputError, match="cannot be read"):
        decode_history(
            [
                {
                    "event": "annotate",
                    "label": 1,
                    "index": 0,
                    "patch": {
                        "top": 0,
                        "left": 0,
                        "height": 2,
                        "width": 2,
                        "runs": [1],
                    },
                }
            ]
        )


@pytest.mark.parametrize("kind", ["continue", "undo", "release", "unheard of"])
def test_what_belongs_to_another_kind_of_event_does_not_count(kind):
    event = {"event": kind, "label": 1, "index": 0, "steps": 1, "runs": [{"label": 7}]}
    session = AnnotationSession(blank_stack(), (1,))
    refusals = {"continue": "this image allows 0", "unheard of": "newer version"}
    with contextlib.ExitStack() as stack:
        if kind in refusals:
            stack.enter_context(pytest.raises(InputError, match=refusals[kind]))
        replay(session, decode_history([event]))


def test_an_event_of_a_newer_version_is_refused():
    with pytest.raises(InputError, match="newer version"):
        replay(AnnotationSession(blank_stack(), (1,)), [{"event": "dream"}])


def _registration():
    from SlicePropagationLib.engines import make_engine

    return make_engine("registration")
