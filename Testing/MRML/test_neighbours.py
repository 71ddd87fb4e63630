"""Slices that a person drew in other segments: a run never takes them unasked, open or not."""

import numpy as np
import pytest
from phantoms import disc
from SlicePropagationMRML.presenting.taking_texts import drawnQuestion, undecidedText

SMALL = disc((48, 48), (20, 20), 5)
LARGE = disc((48, 48), (24, 26), 9)
SHARED = int((SMALL & LARGE).sum())


@pytest.fixture
def neighbours(bench):
    """Segment rest is drawn on slice 7 and propagated to 5-9, segment disc is drawn on slice 7.

    Every segment may be overwritten; disc alone is open.
    """
    bench.editorNode.SetOverwriteMode(bench.editorNode.OverwriteAllSegments)
    bench.open("rest")
    bench.draw("rest", 7, LARGE)
    bench.run("copy", span=(5, 9))
    bench.open("disc")
    bench.draw("disc", 6, SMALL)
    assert np.array_equal(bench.mask("rest")[6], LARGE & ~SMALL)
    return bench


def test_what_a_run_would_take_from_predictions_and_what_from_drawings_is_told_apart(neighbours):
    neighbours.run()
    assert [(t.index, t.numVoxels, t.isDrawn) for t in neighbours.logic.takings()] == [
        (5, SHARED, False),
        (7, SHARED, True),
        (8, SHARED, False),
        (9, SHARED, False),
    ]
    takings = neighbours.logic.takings()
    assert undecidedText(takings) == (
        f"The result would take {3 * SHARED} voxels from rest."
        f" What is drawn stays: {SHARED} voxels of rest, slice 7. Keep it?"
    )
    assert f"{SHARED} voxels of rest, slice 7. Take these" in drawnQuestion(takings)
    assert drawnQuestion([taking for taking in takings if not taking.isDrawn]) == ""


def test_keeping_takes_predictions_and_leaves_what_is_drawn(neighbours):
    neighbours.run()
    neighbours.logic.keep()
    assert np.array_equal(neighbours.mask("rest")[7], LARGE)
    assert np.array_equal(neighbours.mask("disc")[7], SMALL & ~LARGE)
    assert np.array_equal(neighbours.mask("rest")[8], LARGE & ~SMALL)
    assert np.array_equal(neighbours.mask("disc")[8], SMALL)
    assert np.array_equal(neighbours.logic.session.masks(1), neighbours.mask("disc"))
    assert neighbours.logic.mergeEdits() == []


def test_only_a_second_yes_takes_what_is_drawn(neighbours):
    neighbours.run()
    neighbours.logic.keep(mayTakeDrawn=True)
    assert np.array_equal(neighbours.mask("rest")[7], LARGE & ~SMALL)
    assert np.array_equal(neighbours.mask("disc")[7], SMALL)


def select(bench, segmentID):
    bench.editorNode.SetSelectedSegmentID(segmentID)


def test_a_slice_that_is_drawn_between_question_and_answer_stays(neighbours):
    neighbours.run()
    select(neighbours, "rest")
    neighbours.draw("rest", 8, LARGE | SMALL)
    neighbours.logic.keep()
    assert np.array_equal(neighbours.mask("rest")[8], LARGE | SMALL)


def test_a_slice_that_is_drawn_during_a_run_of_another_segment_stays(neighbours):
    neighbours.logic.start("copy")
    neighbours.stepOnce()
    select(neighbours, "rest")
    neighbours.draw("rest", 8, LARGE | SMALL)
    neighbours.logic.runToEnd()
    assert [taking.index for taking in neighbours.logic.takings() if taking.isDrawn] == [7, 8]


def test_a_correction_in_a_segment_that_is_selected_and_not_open_is_one_once_it_is_open(neighbours):
    select(neighbours, "rest")
    neighbours.draw("rest", 8, SMALL)
    neighbours.logic.look()
    select(neighbours, "disc")
    neighbours.open("rest")
    assert neighbours.logic.session.anchors(1) == [7, 8]
    neighbours.draw("rest", 5, LARGE)
    neighbours.run("copy", span=(5, 9))
    neighbours.logic.keep()
    assert np.array_equal(neighbours.mask("rest")[8], SMALL)


def test_a_confirmed_slice_counts_as_drawn(neighbours):
    neighbours.open("rest")
    neighbours.logic.confirm("rest", 9)
    neighbours.open("disc")
    neighbours.run()
    drawn = [taking.index for taking in neighbours.logic.takings() if taking.isDrawn]
    assert drawn == [7, 9]


def test_segments_that_may_overlap_lose_nothing_and_nobody_is_asked(neighbours):
    neighbours.editorNode.SetOverwriteMode(neighbours.editorNode.OverwriteNone)
    neighbours.run()
    assert not neighbours.logic.hasPartialResult
    assert np.array_equal(neighbours.mask("rest")[7], LARGE)
    assert np.array_equal(neighbours.mask("disc")[7], SMALL)


def test_what_is_drawn_in_another_plane_stays_where_a_run_of_another_segment_comes(bench):
    bench.editorNode.SetOverwriteMode(bench.editorNode.OverwriteAllSegments)
    bench.open("rest")
    bench.draw("rest", 12, LARGE)
    bench.logic.look()
    column = bench.mask("rest")[:, :, 20]
    column[4:11, 18:24] = True
    bench.draw("rest", 20, column, axis=2)
    bench.logic.look()
    assert list(bench.logic.session.hints(1)) == list(range(4, 11))
    bench.open("disc")
    bench.draw("disc", 2, SMALL)
    bench.run(span=(3, 9))
    assert {taking.isDrawn for taking in bench.logic.takings()} == {True}
    bench.logic.keep()
    assert bench.mask("rest")[4:11, 18:24, 20].all()
    assert bench.mask("disc")[9].any()
