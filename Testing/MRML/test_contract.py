"""The contract with the annotator, point by point, on real MRML nodes.

That drawn and propagated stay distinguishable: test_provenance.py.
"""

import numpy as np
import pytest
import slicer
from phantoms import disc
from SlicePropagationMRML.nodes.tags import readTags
from SlicePropagationMRML.run import slice_run
from SlicePropagationMRML.run.run import Phase

from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.pipelines.replay import decode_history, encode_history, replay
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession, Provenance

SMALL = disc((48, 48), (20, 20), 5)
LARGE = disc((48, 48), (24, 26), 9)


# 1. Anchors are sacred


def test_what_was_drawn_is_bit_identical_after_a_run(bench):
    drawn = np.random.default_rng(0).random((48, 48)) > 0.6
    bench.open()
    bench.draw("disc", 7, drawn)
    bench.draw("disc", 11, SMALL)
    bench.run("registration")
    assert np.array_equal(bench.mask("disc")[7], drawn)
    assert np.array_equal(
        bench.mask("disc")[11],
        SMALL,
    )


def test_an_anchor_of_one_segment_says_nothing_about_another(bench):
    bench.open("disc", "rest")
    bench.draw("disc", 7, SMALL)
    bench.draw("rest", 10, LARGE & ~SMALL)
    bench.run()
    assert bench.logic.session.anchors(1) == [7]
    assert bench.logic.session.anchors(2) == [10]


# 2. A correction matters


def test_a_correction_changes_no_voxel_outside_its_two_gaps(bench):
    bench.open()
    for index in (2, 7, 13):
        bench.draw("disc", index, SMALL)
    bench.run()
    before = bench.mask("disc")
    bench.draw("disc", 7, LARGE)
    bench.run()
    changed = np.flatnonzero((bench.mask("disc") != before).any(axis=(1, 2)))
    assert set(changed) <= set(range(3, 13))
    assert {6, 7, 8} <= set(changed)


def test_drawing_over_a_prediction_is_a_correction_and_the_next_run_starts_from_it(bench):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run()
    bench.draw("disc", 10, LARGE)
    bench.run()
    assert bench.logic.session.state(1, 10).provenance == Provenance.CORRECTION
    assert all(np.array_equal(bench.mask("disc")[index], LARGE) for index in (9, 10, 11, 15))


# 3. Neighbours are safe


def test_an_intensity_range_is_honoured(bench):
    bench.open()
    bench.draw("disc", 7, LARGE)
    bench.editorNode.SetSourceVolumeIntensityMask(True)
    bench.editorNode.SetSourceVolumeIntensityMaskRange(50.0, 1000.0)
    bench.run()
    bright = bench.stack.images >= 50
    others = np.delete(np.arange(16), 7)
    assert not (bench.mask("disc") & ~bright)[others].any()
    assert bench.mask("disc")[8].any()


def test_the_session_knows_what_masking_left(bench):
    bench.open()
    bench.draw("disc", 7, LARGE)
    bench.editorNode.SetSourceVolumeIntensityMask(True)
    bench.editorNode.SetSourceVolumeIntensityMaskRange(50.0, 1000.0)
    bench.run()
    assert bench.logic.mergeEdits() == []


def taken(bench):
    return [
        (taking.name, taking.index, taking.numVoxels, taking.isDrawn)
        for taking in bench.logic.takings()
    ]


def test_it_says_how_many_voxels_it_would_take_from_whom(bench):
    bench.open()
    bench.draw("rest", 9, LARGE)
    bench.draw("disc", 7, LARGE)
    bench.logic.start("copy", span=(8, 12))
    for _ in range(3):
        bench.stepOnce()
    bench.logic.stop()
    bench.logic.runToEnd()
    assert taken(bench) == [("rest", 9, int(LARGE.sum()), True)]
    assert np.array_equal(bench.mask("rest")[9], LARGE)


def test_overwrite_none_leaves_the_neighbour_whole(bench):
    bench.open()
    bench.draw("rest", 9, LARGE)
    bench.draw("disc", 7, LARGE)
    bench.editorNode.SetOverwriteMode(bench.editorNode.OverwriteNone)
    bench.run()
    assert np.array_equal(bench.mask("rest")[9], LARGE)
    assert np.array_equal(
        bench.mask("disc")[9],
        LARGE,
    )


def test_overwrite_all_takes_only_what_it_reported(bench):
    bench.open()
    bench.draw("rest", 9, LARGE)
    bench.draw("disc", 7, SMALL)
    bench.editorNode.SetOverwriteMode(bench.editorNode.OverwriteAllSegments)
    bench.run()
    assert np.array_equal(bench.mask("rest")[9], LARGE)  # nothing is taken before it was said
    assert taken(bench) == [("rest", 9, int((LARGE & SMALL).sum()), True)]
    bench.logic.keep(mayTakeDrawn=True)
    assert np.array_equal(bench.mask("rest")[9], LARGE & ~SMALL)


def test_hidden_neighbours_are_safe_when_only_visible_ones_may_be_overwritten(bench):
    bench.open()
    bench.draw("rest", 9, LARGE)
    bench.draw("disc", 7, SMALL)
    bench.segmentation.GetDisplayNode().SetSegmentVisibility("rest", False)
    bench.editorNode.SetOverwriteMode(bench.editorNode.OverwriteVisibleSegments)
    bench.run()
    assert np.array_equal(bench.mask("rest")[9], LARGE)
    assert np.array_equal(
        bench.mask("disc")[9],
        SMALL,
    )


def test_an_editable_area_is_honoured(bench):
    bench.open()
    bench.draw("rest", 9, LARGE)
    bench.draw("disc", 7, LARGE)
    bench.editorNode.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment)
    bench.editorNode.SetMaskSegmentID("rest")
    bench.editorNode.SetOverwriteMode(bench.editorNode.OverwriteNone)
    bench.run()
    assert np.flatnonzero(bench.mask("disc").any(axis=(1, 2))).tolist() == [7, 9]


# 4. One run is one undo step


def test_one_undo_takes_the_run_back_and_redo_brings_it_again_with_provenance(bench):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run()
    after = bench.mask("disc")
    provenance = bench.logic.session.provenance.copy()
    bench.editorLogic.Undo()
    bench.logic.mergeEdits()
    assert np.flatnonzero(bench.mask("disc").any(axis=(1, 2))).tolist() == [7]
    assert bench.logic.session.anchors(1) == [7]
    assert (bench.logic.session.provenance != Provenance.PROPAGATED).all()
    assert bench.editorLogic.CanRedo()
    bench.editorLogic.Redo()
    bench.logic.mergeEdits()
    assert np.array_equal(bench.mask("disc"), after)
    assert np.array_equal(
        bench.logic.session.provenance,
        provenance,
    )


def test_after_undo_tags_are_only_read(bench):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run()
    bench.editorLogic.Undo()
    before = readTags(bench.segmentation, "disc")
    bench.turn()
    bench.logic.mergeEdits()
    assert readTags(bench.segmentation, "disc") == before
    assert bench.editorLogic.CanRedo()


def test_the_injected_undo_slot_is_called_once_per_run(bench):
    calls = []
    bench.logic.saveStateForUndo = lambda: calls.append(1)
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run()
    assert calls == [1]


# 5. Live, cancellable, atomic


def test_slices_appear_in_a_node_of_their_own_and_the_segmentation_waits(bench):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.logic.start("copy")
    bench.stepOnce(), bench.stepOnce()
    shown = bench.logic.preview.mask("disc")
    assert np.flatnonzero(shown.any(axis=(1, 2))).tolist() == [6, 8]
    assert np.flatnonzero(bench.mask("disc").any(axis=(1, 2))).tolist() == [7]
    node = bench.logic.preview.node
    assert node.GetHideFromEditors()
    assert not node.GetSaveWithScene()
    bench.logic.runToEnd()
    assert not bench.scene.IsNodePresent(node)


@pytest.mark.parametrize("choice,slices", [("keep", [5, 6, 7, 8]), ("discard", [7])])
def test_a_stopped_run_ends_within_one_slice_and_is_kept_or_discarded(bench, choice, slices):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.runPart(2)
    assert bench.logic.hasPartialResult
    getattr(bench.logic, choice)()
    assert np.flatnonzero(bench.mask("disc").any(axis=(1, 2))).tolist() == slices
    assert bench.logic.mergeEdits() == []
    assert bench.logic.preview is None


def test_an_edit_made_during_a_run_stands_and_its_gaps_start_again(bench):
    bench.open()
    bench.draw("disc", 0, SMALL)
    bench.logic.start("copy")
    for _ in range(4):
        bench.stepOnce()
    bench.draw("disc", 3, LARGE)
    bench.turn()
    bench.logic.runToEnd()
    assert np.array_equal(bench.mask("disc")[3], LARGE)
    assert np.array_equal(bench.mask("disc")[1], SMALL)
    assert np.array_equal(bench.mask("disc")[2], LARGE)
    assert np.array_equal(bench.mask("disc")[12], LARGE)


def test_another_segment_drawn_during_a_run_keeps_its_pixels_where_the_run_had_passed(bench):
    bench.editorNode.SetOverwriteMode(bench.editorNode.OverwriteAllSegments)
    bench.open("disc", "rest")
    bench.draw("disc", 7, LARGE)
    bench.logic.start("copy")
    for _ in range(4):
        bench.stepOnce()
    bench.draw("rest", 8, SMALL)
    bench.logic.look()
    bench.logic.runToEnd()
    assert not bench.logic.hasPartialResult
    assert np.array_equal(bench.mask("rest")[8], SMALL)
    assert np.array_equal(
        bench.mask("disc")[8],
        LARGE & ~SMALL,
    )
    assert np.array_equal(bench.logic.session.mask(1, 8), LARGE & ~SMALL)


def test_what_another_segment_took_while_a_result_waited_is_no_edit_once_it_is_discarded(bench):
    bench.editorNode.SetOverwriteMode(bench.editorNode.OverwriteAllSegments)
    bench.open("disc", "rest")
    bench.draw("disc", 7, LARGE)
    bench.run()
    bench.draw("disc", 4, SMALL)
    bench.runPart(8)
    bench.draw("rest", 6, SMALL)
    bench.logic.look()
    bench.logic.discard()
    assert np.array_equal(bench.mask("disc")[6], LARGE & ~SMALL)
    assert np.array_equal(
        bench.logic.session.masks(1),
        bench.mask("disc"),
    )
    assert bench.logic.mergeEdits() == []
    assert bench.logic.session.anchors(1) == [4, 7]


def test_an_edit_at_the_last_moment_is_not_overwritten_and_its_gaps_are_walked(bench):
    bench.open()
    bench.draw("disc", 0, SMALL)
    bench.logic.start("copy")
    for _ in range(15):
        bench.stepOnce()
    bench.draw("disc", 9, LARGE)  # the observer has had no turn yet
    bench.logic.runToEnd()
    assert np.array_equal(bench.mask("disc")[9], LARGE)
    assert np.array_equal(bench.mask("disc")[10], LARGE)
    assert np.array_equal(
        bench.mask("disc")[1],
        SMALL,
    )
    assert bench.logic.session.anchors(1) == [0, 9]


@pytest.mark.parametrize("number", range(10))
def test_what_is_drawn_in_another_segment_before_any_step_of_a_run_counts_as_drawn(bench, number):
    bench.open("disc", "rest")
    bench.draw("disc", 7, SMALL)
    bench.logic.start("copy", segmentIDs=["disc"], span=(4, 10))
    for _ in range(number):  # six predictions, the end of the walks, and the writing
        if bench.logic.isRunning:
            bench.stepOnce()
    bench.draw("rest", 2, LARGE)
    bench.turn()
    bench.logic.runToEnd()
    bench.logic.mergeEdits()
    rest = bench.logic.document.labelOf("rest")
    assert bench.logic.session.anchors(rest) == [2]
    assert np.array_equal(bench.mask("rest")[2], LARGE)


@pytest.mark.parametrize("choice", ["keep", "discard"])
def test_what_is_drawn_just_as_it_is_predicted_counts_as_drawn(bench, choice):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.logic.start("copy")
    for _ in range(3):
        bench.stepOnce()
    predicted = next(i for i in (6, 8) if bench.logic.session.state(1, i).patch.area)
    bench.draw("disc", predicted, SMALL)
    bench.turn()
    bench.logic.stop()
    bench.logic.runToEnd()
    getattr(bench.logic, choice)()
    assert bench.logic.session.anchors(1) == sorted([7, predicted])
    assert np.array_equal(bench.mask("disc")[predicted], SMALL)


@pytest.mark.parametrize("number", range(1, 12))
def test_what_is_drawn_between_two_turns_of_the_writing_counts_as_drawn(bench, monkeypatch, number):
    monkeypatch.setattr(slice_run, "TURN_SECONDS", 0)  # each part of the writing has its own turn
    bench.open("disc", "rest")
    bench.draw("disc", 7, SMALL)
    bench.logic.start("copy", segmentIDs=["disc"], span=(4, 10))
    while bench.logic.isRunning and bench.logic.run.phase is not Phase.WRITING:
        bench.stepOnce()
    for _ in range(number):
        if bench.logic.isRunning:
            bench.stepOnce()
    bench.draw("rest", 2, LARGE)
    bench.logic.runToEnd()
    bench.logic.mergeEdits()
    rest = bench.logic.document.labelOf("rest")
    assert bench.logic.session.anchors(rest) == [2]
    assert bench.logic.session.anchors(bench.logic.document.labelOf("disc")) == [7]


@pytest.mark.parametrize("choice,slices", [("keep", [3, 4, 5, 6, 7, 8, 9]), ("discard", [3, 7])])
def test_an_edit_while_a_partial_result_waits_stands_and_nothing_else_counts_as_an_edit(
    bench,
    choice,
    slices,
):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.runPart(4)
    bench.draw("disc", 3, LARGE)
    bench.turn()
    getattr(bench.logic, choice)()
    assert bench.logic.session.anchors(1) == [3, 7]
    assert np.flatnonzero(bench.mask("disc").any(axis=(1, 2))).tolist()[: len(slices)] == slices
    assert np.array_equal(bench.mask("disc")[3], LARGE)


def drawDuringRun(bench, *slices):
    """Slices 2 and 7 are anchors, a run is under way, and a person draws on predicted slices.

    Returns what was known of the first one before.
    """
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run()
    before = bench.logic.session.state(1, slices[0])
    bench.draw("disc", 2, LARGE)
    bench.logic.start("copy")
    bench.stepOnce()
    for index in slices:
        bench.draw("disc", index, LARGE)
        bench.logic.look()
        bench.stepOnce()
    return before


def stopAndDiscard(bench):
    bench.logic.stop()
    bench.logic.runToEnd()
    bench.logic.discard()


def test_strokes_during_a_run_that_is_discarded_are_undone_one_by_one_to_what_was_known_before_them(
    bench,
):
    before = drawDuringRun(bench, 9, 11)
    stopAndDiscard(bench)
    assert bench.logic.session.anchors(1) == [2, 7, 9, 11]
    for undone in ([2, 7, 9], [2, 7]):
        assert bench.logic.undo()
        assert bench.logic.session.anchors(1) == undone
    assert bench.logic.session.state(1, 9) == before
    assert np.array_equal(
        bench.mask("disc")[9],
        SMALL,
    )
    for redone in ([2, 7, 9], [2, 7, 9, 11]):
        assert bench.logic.redo()
        assert bench.logic.session.anchors(1) == redone
    assert bench.logic.session.state(1, 9).provenance == Provenance.CORRECTION


def test_a_stroke_during_a_run_can_be_undone_there_and_done_again_once_the_result_is_discarded(
    bench,
):
    before = drawDuringRun(bench, 9)
    bench.editorLogic.Undo()  # in the Segment Editor, which knows of no run
    bench.logic.look()
    bench.stepOnce()
    stopAndDiscard(bench)
    bench.logic.look()
    assert bench.logic.session.anchors(1) == [2, 7]
    assert bench.logic.session.state(1, 9) == before
    assert bench.logic.redo()
    assert bench.logic.session.anchors(1) == [2, 7, 9]


def test_the_worker_is_one_thread_for_all_runs(bench):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run()
    thread = bench.logic._tools.worker._thread
    bench.draw("disc", 7, LARGE)
    bench.run()
    assert bench.logic._tools.worker._thread is thread


# 7. It knows where the structure ends


def test_a_run_stops_at_the_end_of_the_structure_and_at_a_range(bench):
    bench.open()
    bench.draw("disc", 7, bench.truth[7])
    bench.run("registration")
    found = np.flatnonzero(bench.mask("disc").any(axis=(1, 2)))
    assert found[0] >= 1
    assert found[-1] <= 14


def test_a_range_is_kept(bench):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run("copy", span=(5, 9))
    assert np.flatnonzero(bench.mask("disc").any(axis=(1, 2))).tolist() == [5, 6, 7, 8, 9]


# 8. Several segments in one run


def test_two_segments_share_a_run_without_overlap(bench):
    bench.open("disc", "rest")
    bench.draw("disc", 7, SMALL)
    bench.draw("rest", 7, LARGE & ~SMALL)
    bench.run("registration")
    assert bench.mask("disc")[8].any()
    assert bench.mask("rest")[8].any()
    assert not (bench.mask("disc") & bench.mask("rest")).any()


# 10. Works on the first day: without torch


def test_without_torch_it_propagates_with_the_engine_that_needs_none(bench, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)  # any import of it now fails
    bench.open()
    bench.draw("disc", 7, bench.truth[7])
    bench.run(None)
    assert readTags(bench.segmentation, "disc")["engine"] == "registration"
    assert bench.mask("disc").any(axis=(1, 2)).sum() > 5


# 11. The same engine without a window


def test_node_and_array_and_replayed_history_give_the_same_voxels(bench):
    bench.open()
    bench.draw("disc", 5, bench.truth[5])
    bench.run("registration")
    bench.draw("disc", 10, bench.truth[10])
    bench.run("registration")
    session = AnnotationSession(bench.logic.document.stack, (1,))
    for index in (5, 10):
        session.annotate(1, index, bench.truth[index])
        list(propagate(session, make_engine("registration"), plan_session(session)))
    again = AnnotationSession(bench.logic.document.stack, (1,))
    replay(again, decode_history(encode_history(bench.logic.session.history)))
    assert np.array_equal(bench.mask("disc"), session.masks(1))
    assert np.array_equal(
        bench.mask("disc"),
        again.masks(1),
    )
