"""What happens to a session when nodes, segments and scenes come and go.

And what a page or a panel asks for besides.
"""

import numpy as np
import pytest
import slicer
import vtk
from phantoms import disc
from SlicePropagationMRML.nodes.geometry import ijkToWorld
from SlicePropagationMRML.run import slice_run
from SlicePropagationMRML.run.events import Edited, Finished, Moved, Stepped

from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationLib.metrics import dice
from SlicePropagationLib.session import Provenance

SMALL = disc((48, 48), (20, 20), 5)
LARGE = disc((48, 48), (24, 26), 9)


# How a run goes on


def test_right_after_a_slice_the_next_one_is_waited_for(bench, monkeypatch):
    monkeypatch.setattr(slice_run, "STEP_SECONDS", 60.0)
    bench.open()
    bench.draw("disc", 7, SMALL)
    steps = bench.told(Stepped, "prediction")
    bench.logic.start("copy")
    bench.stepOnce()
    while bench.timers and not steps[1:]:
        bench.turn()  # the first time, nothing has said yet how long a slice takes
    for number in range(2, 6):
        assert len(steps) == number
        bench.turn()


# When things go away


def test_a_closed_scene_ends_the_run_with_a_message(bench):
    bench.open()
    bench.draw("disc", 7, SMALL)
    ends = bench.told(Finished, "problem")
    bench.logic.start("copy")
    bench.stepOnce()
    bench.scene.Clear(False)
    assert not bench.logic.isRunning
    assert "scene was closed" in str(ends[0])


@pytest.mark.parametrize(
    "remove,word",
    [
        (lambda b: b.segmentation.GetSegmentation().RemoveSegment("disc"), "was deleted"),
        (lambda b: b.scene.RemoveNode(b.volume), "volume was removed"),
        (lambda b: b.scene.RemoveNode(b.segmentation), "segmentation was removed"),
    ],
)
def test_a_node_or_segment_that_goes_during_a_run_ends_it_with_a_message(bench, remove, word):
    bench.open("disc", "rest")
    bench.draw("disc", 7, SMALL)
    bench.draw("rest", 7, LARGE & ~SMALL)
    ends = bench.told(Finished, "problem")
    bench.logic.start("copy")
    bench.stepOnce()
    remove(bench)
    bench.logic.runToEnd()
    assert len(ends) == 1
    assert word in str(ends[0])
    assert bench.logic.preview is None


def test_without_a_seed_the_person_is_told(bench):
    bench.open()
    with pytest.raises(SlicePropagationError, match="Annotate at least one slice"):
        bench.logic.start("copy")


@pytest.mark.parametrize(
    "size, words",
    [(1, "'disc' is a single pixel on slice 7"), (48, "'disc' fills all 2304 pixels of slice 7")],
)
def test_a_seed_of_one_pixel_and_one_that_fills_the_slice_are_refused(bench, size, words):
    bench.open()
    seed = np.zeros((48, 48), bool)
    seed[:size, :size] = True
    bench.draw("disc", 7, seed)
    with pytest.raises(InputError, match=words):
        bench.run()
    assert bench.mask("disc").sum() == size * size
    bench.draw(
        "disc",
        9,
        disc((48, 48), (20, 20), 5),
    )  # with another slice to start from, it may be right
    bench.run()
    assert bench.mask("disc")[8].any()


def test_an_edit_becomes_a_correction_through_the_observer_and_our_own_writes_do_not(bench):
    bench.open()
    edits = bench.told(Edited, "changed")
    bench.draw("disc", 7, SMALL)
    bench.turn()
    bench.run()
    bench.turn()
    assert edits == [[(1, 7)]]
    bench.draw("disc", 9, LARGE)
    bench.turn()
    assert edits[1:] == [[(1, 9)]]
    assert np.flatnonzero(bench.logic.session.stale(1)).size


def test_an_edit_is_looked_at_as_soon_as_the_logic_is_told_to(bench):
    from SlicePropagationMRML.run.logic import PropagationLogic

    waits = []
    logic = PropagationLogic(
        bench.scene, bench.editorLogic, schedule=lambda wait, look: waits.append(wait), waitMS=7
    )
    logic.open(bench.volume, bench.segmentation, ["disc"])
    bench.draw("disc", 7, SMALL)
    assert waits == [7]
    logic.cleanup()


def test_undo_and_redo_of_the_logic_bring_provenance_along(bench):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run()
    after = bench.logic.session.provenance.copy()
    assert bench.logic.undo()
    assert (bench.logic.session.provenance != Provenance.PROPAGATED).all()
    assert bench.logic.redo()
    assert np.array_equal(bench.logic.session.provenance, after)
    assert not bench.logic.redo()


def test_after_the_scene_was_closed_a_new_volume_can_be_annotated(bench):
    from mrml_scene import makeSegmentation, makeVolume

    bench.open()
    bench.scene.Clear(False)
    bench.volume = makeVolume(bench.scene, bench.stack.images, (1.0, 1.5, 3.0))
    bench.segmentation = makeSegmentation(bench.scene, bench.volume, ("disc",))
    bench.open()
    bench.editorNode = bench.editorLogic.GetSegmentEditorNode()
    bench.draw("disc", 7, SMALL)
    bench.run()
    assert bench.mask("disc")[9].any()


# When the volume is moved or replaced


def move(bench, numSlices):
    """Put only the volume under a transform that shifts it by so many of its slices.

    Returns the transform node.
    """
    node = bench.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform = vtk.vtkTransform()
    toWorld = ijkToWorld(bench.volume)
    transform.Translate(
        *np.subtract(toWorld.TransformPoint((0, 0, numSlices)), toWorld.TransformPoint((0, 0, 0)))
    )
    node.SetMatrixTransformToParent(transform.GetMatrix())
    bench.volume.SetAndObserveTransformNodeID(node.GetID())
    return node


def replace_image(bench, numSlices):
    slicer.util.updateVolumeFromArray(
        bench.volume,
        np.resize(bench.stack.images, (numSlices, 48, 48)),
    )


@pytest.fixture
def filled(bench):
    """A run from slice 7, its provenance and confidence at hand.

    And what the logic says of moves and edits.
    """
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.turn()
    bench.run()
    bench.turn()
    bench.provenance = bench.logic.session.provenance
    bench.moves = bench.told(Moved, "problem")
    bench.edits = bench.told(Edited, "changed")
    return bench


def stand_still(bench):
    """Let the pauses of the observers pass."""
    for _ in range(3):
        bench.turn()


@pytest.mark.parametrize(
    "change",
    [
        lambda bench: move(bench, 1),
        lambda bench: bench.volume.SetOrigin(0, 0, 0),
        lambda bench: bench.volume.SetSpacing(1.0, 1.5, 2.0),
    ],
)
def test_after_the_volume_was_moved_alone_only_what_a_person_draws_is_an_edit(filled, change):
    change(filled)
    stand_still(filled)
    shown = filled.mask("disc").any(axis=(1, 2))
    assert filled.moves == [None]
    assert np.array_equal(
        filled.logic.session.provenance[0] == Provenance.SEED,
        shown,
    )
    filled.draw("disc", 9, LARGE)
    stand_still(filled)
    assert filled.edits == [[(1, 9)]]


def test_a_volume_that_is_moved_and_moved_back_shows_the_provenance_that_it_showed_before(filled):
    node = move(filled, 1)
    stand_still(filled)
    assert not np.array_equal(filled.logic.session.provenance, filled.provenance)
    node.SetMatrixTransformToParent(vtk.vtkMatrix4x4())
    stand_still(filled)
    assert np.array_equal(filled.logic.session.provenance, filled.provenance)
    assert filled.moves == [None, None]
    assert filled.edits == []


def test_what_is_drawn_right_after_a_move_is_not_taken_for_propagated_after_the_way_back(filled):
    node = move(filled, 1)
    filled.draw("disc", 9, LARGE)
    stand_still(filled)
    node.SetMatrixTransformToParent(vtk.vtkMatrix4x4())
    stand_still(filled)
    assert filled.logic.session.is_anchor(1, 10)
    assert np.array_equal(filled.mask("disc")[10], LARGE)


def test_volume_and_segmentation_that_move_together_stay_as_they_are(filled):
    filled.segmentation.SetAndObserveTransformNodeID(move(filled, 1).GetID())
    stand_still(filled)
    assert np.array_equal(filled.logic.session.provenance, filled.provenance)
    assert filled.logic.mergeEdits() == []
    assert filled.moves == []


def test_a_volume_that_is_being_dragged_is_opened_once_it_rests(filled):
    node = move(filled, 1)
    for shift in (5.0, 7.0, 9.0):
        filled.turn()
        matrix = vtk.vtkMatrix4x4()
        matrix.SetElement(2, 3, shift)
        node.SetMatrixTransformToParent(matrix)
    stand_still(filled)
    assert filled.moves == [None]


@pytest.mark.parametrize("numSlices", [10, 20])
def test_an_image_of_another_size_in_the_same_node_is_noticed_as_another_volume(filled, numSlices):
    replace_image(filled, numSlices)
    stand_still(filled)
    assert filled.moves == [None]
    assert filled.logic.session.provenance.shape == (1, numSlices)
    assert filled.logic.document.stack.images.shape[0] == numSlices
    assert filled.logic.session.anchors(1) == list(range(min(numSlices, 16)))
    replace_image(filled, 16)
    stand_still(filled)
    assert np.array_equal(filled.logic.session.provenance, filled.provenance)


def test_a_run_walks_on_the_voxels_that_are_there_though_they_changed_in_place(bench):
    bench.open()
    voxels = slicer.util.arrayFromVolume(bench.volume)
    voxels[:] = voxels[::-1].copy()  # as a filter writes into the volume that it reads
    bench.volume.GetImageData().GetPointData().GetScalars().Modified()
    bench.volume.Modified()
    truth = bench.truth[::-1]
    bench.draw("disc", 7, truth[7])
    bench.run("registration")
    assert dice(bench.mask("disc"), truth) > 0.9


def test_without_an_event_loop_it_is_noticed_with_the_next_question(filled):
    replace_image(filled, 20)
    filled.run()
    assert filled.mask("disc").any(axis=(1, 2)).all()
    assert filled.logic.session.anchors(1) == list(range(16))


@pytest.mark.parametrize(
    "change",
    [lambda bench: move(bench, 1), lambda bench: replace_image(bench, 10)],
)
def test_a_volume_that_is_moved_or_replaced_during_a_run_ends_it_and_nothing_is_written(
    bench,
    change,
):
    bench.open()
    bench.draw("disc", 7, SMALL)
    ends = bench.told(Finished, "problem")
    moves = bench.told(Moved, "problem")
    bench.logic.start("copy")
    bench.stepOnce()
    change(bench)
    bench.logic.runToEnd()
    assert "moved or replaced" in str(ends[0])
    assert moves == ends
    assert bench.logic.preview is None
    assert np.flatnonzero(bench.mask("disc").any(axis=(1, 2))).size == 1
    bench.run()
    assert bench.mask("disc").any(axis=(1, 2)).all()


@pytest.mark.parametrize(
    "change",
    [lambda bench: move(bench, 1), lambda bench: replace_image(bench, 10)],
)
@pytest.mark.parametrize("choice", ["keep", "discard", "look", "close"])
def test_a_result_that_waits_while_the_volume_is_moved_or_replaced_is_never_written(
    bench,
    change,
    choice,
):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.logic.start("copy", holdsResult=True)
    bench.logic.runToEnd()
    change(bench)
    if choice == "keep":
        with pytest.raises(SlicePropagationError, match="nothing was written"):
            bench.logic.keep()
    else:
        getattr(bench.logic, choice)()
    assert not bench.logic.hasPartialResult
    assert bench.logic.preview is None
    assert np.flatnonzero(bench.mask("disc").any(axis=(1, 2))).size == 1


@pytest.mark.parametrize("act", ["confirm", "markEmpty"])
def test_nobody_vouches_for_a_slice_of_a_volume_that_was_replaced_a_moment_ago(filled, act):
    replace_image(filled, 10)
    with pytest.raises(SlicePropagationError, match="look at the slice again"):
        getattr(filled.logic, act)("disc", 15)
    assert filled.logic.session.provenance.shape == (1, 10)
    assert filled.logic.undo()


def test_an_undo_after_a_move_takes_back_the_run(filled):
    move(filled, 1)
    assert filled.logic.undo()
    assert (
        filled.logic.session.anchors(1)
        == np.flatnonzero(filled.mask("disc").any(axis=(1, 2))).tolist()
        == [6]
    )


# What a page or a panel asks for besides


def test_nothing_here_empties_the_slice_and_the_next_run_keeps_it_empty(bench):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run()
    bench.logic.markEmpty("disc", 10)
    assert bench.logic.session.state(1, 10).provenance == Provenance.CONFIRMED
    assert not bench.mask("disc")[10].any()
    bench.run()
    assert not bench.mask("disc")[10].any()
    assert bench.mask("disc")[8].any()


def test_one_undo_takes_nothing_here_back(bench):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run()
    bench.logic.markEmpty("disc", 10)
    assert bench.logic.undo()
    assert np.array_equal(bench.mask("disc")[10], SMALL)
    assert bench.logic.session.state(1, 10).provenance == Provenance.PROPAGATED


def test_a_run_of_one_segment_leaves_the_others_of_the_session(bench):
    bench.open("disc", "rest")
    bench.draw("disc", 7, SMALL)
    bench.draw("rest", 7, LARGE & ~SMALL)
    bench.run(segmentIDs=["disc"])
    assert bench.mask("disc")[8].any()
    assert np.flatnonzero(bench.mask("rest").any(axis=(1, 2))).tolist() == [7]
