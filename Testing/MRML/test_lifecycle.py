"""What happens to a session when nodes, segments and scenes come and go, and what a page or a panel asks for besides."""

import numpy as np
import pytest

from SlicePropagationLib.errors import InputError, SlicePropagationError
from SlicePropagationLib.session import Provenance
from phantoms import disc

SMALL = disc((48, 48), (20, 20), 5)
LARGE = disc((48, 48), (24, 26), 9)


# When things go away

def test_a_closed_scene_ends_the_run_with_a_message(bench):
    bench.open()
    bench.draw("disc", 7, SMALL)
    ends = []
    bench.logic.onDone = ends.append
    bench.logic.start("copy")
    bench.stepOnce()
    bench.scene.Clear(False)
    assert not bench.logic.isRunning and "scene was closed" in str(ends[0])


@pytest.mark.parametrize("remove,word", [(lambda b: b.segmentation.GetSegmentation().RemoveSegment("disc"), "was deleted"),
                                         (lambda b: b.scene.RemoveNode(b.volume), "volume was removed"),
                                         (lambda b: b.scene.RemoveNode(b.segmentation), "segmentation was removed")])
def test_a_node_or_segment_that_goes_during_a_run_ends_it_with_a_message(bench, remove, word):
    bench.open("disc", "rest")
    bench.draw("disc", 7, SMALL)
    bench.draw("rest", 7, LARGE & ~SMALL)
    ends = []
    bench.logic.onDone = ends.append
    bench.logic.start("copy")
    bench.stepOnce()
    remove(bench)
    bench.logic.runToEnd()
    assert len(ends) == 1 and word in str(ends[0]) and bench.logic.preview is None


def test_without_a_seed_the_person_is_told(bench):
    bench.open()
    with pytest.raises(SlicePropagationError, match="Annotate at least one slice"):
        bench.logic.start("copy")


@pytest.mark.parametrize("size, words", [(1, "'disc' is a single pixel on slice 7"), (48, "'disc' fills all 2304 pixels of slice 7")])
def test_a_seed_of_one_pixel_and_one_that_fills_the_slice_are_refused(bench, size, words):
    bench.open()
    seed = np.zeros((48, 48), bool)
    seed[:size, :size] = True
    bench.draw("disc", 7, seed)
    with pytest.raises(InputError, match=words):
        bench.run()
    assert bench.mask("disc").sum() == size * size
    bench.draw("disc", 9, disc((48, 48), (20, 20), 5))         # with another slice to start from, it may be right
    bench.run()
    assert bench.mask("disc")[8].any()


def test_an_edit_becomes_a_correction_through_the_observer_and_our_own_writes_do_not(bench):
    bench.open()
    edits = []
    bench.logic.onEdit = edits.append
    bench.draw("disc", 7, SMALL)
    bench.turn()
    bench.run()
    bench.turn()
    assert edits == [[(1, 7)]]
    bench.draw("disc", 9, LARGE)
    bench.turn()
    assert edits[1:] == [[(1, 9)]]
    assert np.flatnonzero(bench.logic.session.stale(1)).size


def test_undo_and_redo_of_the_logic_bring_provenance_along(bench):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run()
    after = bench.logic.session.provenance.copy()
    assert bench.logic.undo() and (bench.logic.session.provenance != Provenance.PROPAGATED).all()
    assert bench.logic.redo() and np.array_equal(bench.logic.session.provenance, after)
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


# What a page or a panel asks for besides

def test_nothing_here_empties_the_slice_and_the_next_run_keeps_it_empty(bench):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run()
    bench.logic.markEmpty("disc", 10)
    assert bench.logic.session.state(1, 10).provenance == Provenance.CONFIRMED and not bench.mask("disc")[10].any()
    bench.run()
    assert not bench.mask("disc")[10].any() and bench.mask("disc")[8].any()


def test_one_undo_takes_nothing_here_back(bench):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run()
    bench.logic.markEmpty("disc", 10)
    assert bench.logic.undo()
    assert np.array_equal(bench.mask("disc")[10], SMALL) and bench.logic.session.state(1, 10).provenance == Provenance.PROPAGATED


def test_a_run_of_one_segment_leaves_the_others_of_the_session(bench):
    bench.open("disc", "rest")
    bench.draw("disc", 7, SMALL)
    bench.draw("rest", 7, LARGE & ~SMALL)
    bench.run(segmentIDs=["disc"])
    assert bench.mask("disc")[8].any() and np.flatnonzero(bench.mask("rest").any(axis=(1, 2))).tolist() == [7]
