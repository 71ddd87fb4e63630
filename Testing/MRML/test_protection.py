"""Locked segments, and drawing under what is there: nobody takes their voxels, neither a tool nor a run."""

import numpy as np
import pytest
from phantoms import disc
from SlicePropagationMRML.nodes.commit import exposedSegments
from SlicePropagationMRML.nodes.protection import drawUnder, isLocked, lock, protectedFrom
from SlicePropagationMRML.nodes.slice_edits import editSlices

SMALL = disc((48, 48), (24, 24), 5)
LARGE = disc((48, 48), (24, 24), 9)
MIDDLE = 8


@pytest.fixture
def drawn(bench):
    """A bench with the small disc in "rest", on one slice."""
    bench.draw("rest", MIDDLE, SMALL)
    return bench


def edit(bench, segment, wanted, axis=0):
    saved = []
    changed = editSlices(
        bench.editorLogic,
        bench.segmentation,
        segment,
        bench.volume,
        axis,
        wanted,
        lambda: saved.append("step"),
    )
    assert len(saved) == bool(changed)
    return changed


def test_a_locked_segment_keeps_its_voxels_when_another_one_is_drawn_over_it(drawn):
    lock(drawn.segmentation, "rest", True)
    drawn.draw("disc", MIDDLE, LARGE)
    assert np.array_equal(drawn.mask("rest")[MIDDLE], SMALL)
    assert np.array_equal(drawn.mask("disc")[MIDDLE], LARGE & ~SMALL)
    lock(drawn.segmentation, "rest", False)
    drawn.draw("disc", MIDDLE, LARGE)
    assert not drawn.mask("rest").any()
    assert np.array_equal(drawn.mask("disc")[MIDDLE], LARGE)


def test_a_locked_segment_takes_nothing_and_loses_nothing(drawn):
    lock(drawn.segmentation, "rest", True)
    assert isLocked(drawn.segmentation, "rest")
    drawn.draw("rest", MIDDLE, LARGE)
    drawn.draw("rest", MIDDLE, np.zeros_like(LARGE))
    assert np.array_equal(drawn.mask("rest")[MIDDLE], SMALL)


def test_drawing_under_goes_around_all_other_segments(drawn):
    drawUnder(drawn.segmentation, True)
    drawn.draw("disc", MIDDLE, LARGE)
    assert np.array_equal(drawn.mask("rest")[MIDDLE], SMALL)
    assert np.array_equal(drawn.mask("disc")[MIDDLE], LARGE & ~SMALL)
    drawn.draw("disc", MIDDLE, np.zeros_like(LARGE))  # erasing takes from its own, as always
    assert not drawn.mask("disc").any()


def test_voxels_are_spared_too_where_a_segment_lies_on_another_grid(drawn):
    segment = drawn.segmentation.GetSegmentation().GetSegment("rest")
    stored = segment.GetRepresentation("Binary labelmap")
    right, front, up = stored.GetSpacing()
    stored.SetSpacing(right, front, 1.0001 * up)
    before = drawn.mask("rest")
    assert before[MIDDLE].any()
    lock(drawn.segmentation, "rest", True)
    drawn.draw("disc", MIDDLE, LARGE)
    assert np.array_equal(drawn.mask("disc")[MIDDLE], LARGE & ~before[MIDDLE])


def test_a_run_asks_for_no_voxels_of_protected_segments(drawn):
    def exposed():
        return exposedSegments(drawn.segmentation, ["disc"], drawn.editorNode)

    assert exposed() == ["rest"]
    lock(drawn.segmentation, "rest", True)
    assert exposed() == []
    lock(drawn.segmentation, "rest", False)
    drawUnder(drawn.segmentation, True)
    assert exposed() == []


def test_a_run_goes_around_a_locked_segment(bench):
    bench.open("disc")
    wall = np.zeros_like(bench.truth[0])
    wall[:, :24] = True
    for index in (5, 6, 7):
        bench.draw("rest", index, wall)
    lock(bench.segmentation, "rest", True)
    before = bench.mask("rest")
    bench.draw("disc", 4, bench.truth[4])
    bench.run("copy", segmentIDs=["disc"])
    assert not bench.logic.hasPartialResult
    assert np.array_equal(bench.mask("rest"), before)
    assert not (bench.mask("disc")[5:8] & wall).any()
    assert bench.mask("disc")[5:8].any()


def test_locks_stay_through_undo(drawn):
    drawn.draw("disc", MIDDLE + 1, LARGE)
    lock(drawn.segmentation, "rest", True)
    drawn.editorLogic.Undo()
    assert protectedFrom(drawn.segmentation, "disc") == ["rest"]


def test_slices_get_other_masks_and_all_else_stays(drawn):
    assert edit(drawn, "rest", {MIDDLE: LARGE, 3: SMALL}) == [3, MIDDLE]
    mask = drawn.mask("rest")
    assert np.array_equal(mask[MIDDLE], LARGE)
    assert np.array_equal(mask[3], SMALL)
    assert np.flatnonzero(mask.any(axis=(1, 2))).tolist() == [3, MIDDLE]


def test_an_edit_that_changes_nothing_makes_no_step(drawn):
    assert edit(drawn, "rest", {MIDDLE: SMALL, 2: np.zeros_like(SMALL)}) == []


def test_along_another_axis_an_edit_hints_at_the_slices_whose_voxels_it_changed(drawn):
    """What is drawn across slices along the axis of the session makes none of them annotated."""
    drawn.open("rest")
    across = drawn.mask("rest").take(24, axis=1).copy()
    across[MIDDLE - 2 : MIDDLE + 2, 20:28] = True  # on the middle slice they are drawn already
    assert edit(drawn, "rest", {24: across}, axis=1) == [24]
    drawn.logic.mergeEdits()
    session = drawn.logic.session
    assert session.anchors(1) == [MIDDLE]
    assert list(session.hints(1)) == [MIDDLE - 2, MIDDLE - 1, MIDDLE + 1]


def test_only_the_part_that_a_stroke_reaches_is_looked_at(drawn):
    from SlicePropagationMRML.nodes.geometry import arrayOf, labelmapBlock
    from SlicePropagationMRML.nodes.protection import spareProtected

    lock(drawn.segmentation, "rest", True)
    everything = np.ones_like(drawn.mask("rest"))
    labelmap = labelmapBlock(drawn.volume, drawn.segmentation, everything, [0, 0, 0])
    spareProtected(drawn.segmentation, "disc", labelmap, [-5, 23, 0, 99, MIDDLE, MIDDLE])
    left = everything.copy()
    left[MIDDLE, :, :24] = ~SMALL[:, :24]
    assert np.array_equal(arrayOf(labelmap) > 0, left)
    spareProtected(drawn.segmentation, "disc", labelmap, [0, -1, 0, -1, 0, -1])
    assert np.array_equal(arrayOf(labelmap) > 0, left)
