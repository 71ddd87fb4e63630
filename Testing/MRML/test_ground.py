"""A run whose only seed goes, by whatever way, ends and writes nothing."""

import numpy as np
import pytest
from phantoms import disc
from SlicePropagationMRML.run.events import Closed, Finished

from SlicePropagationLib.session import Provenance

SMALL = disc((48, 48), (20, 20), 5)
LARGE = disc((48, 48), (24, 26), 9)


def undo(bench):
    bench.editorLogic.Undo()


def erase(bench):
    bench.draw("disc", 7, np.zeros_like(SMALL))


def cover(bench):
    bench.draw("rest", 7, LARGE | SMALL)  # which is not open


@pytest.fixture
def seeded(bench):
    """Segment disc, called Liver, is drawn on slice 7 and open."""
    bench.editorNode.SetOverwriteMode(bench.editorNode.OverwriteAllSegments)
    bench.segmentation.GetSegmentation().GetSegment("disc").SetName("Liver")
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.turn()
    bench.ends = bench.told(Finished, "problem")
    return bench


def hasNothing(bench):
    """Nothing is predicted or written, nothing waits, and nothing counts as an edit."""
    nodes = bench.mask("disc").any() or bench.logic.preview is not None
    session = (bench.logic.session.provenance != Provenance.EMPTY).any()
    run = bench.logic.isRunning or bench.logic.hasPartialResult
    return not (nodes or session or run or bench.logic.mergeEdits())


@pytest.mark.parametrize("isSeen", [True, False])
@pytest.mark.parametrize("way", [undo, erase, cover])
def test_a_run_ends_when_its_only_seed_goes_and_nothing_is_written(seeded, way, isSeen):
    seeded.logic.start("copy")
    for _ in range(3):
        seeded.stepOnce()
    way(seeded)
    if isSeen:
        seeded.logic.look()
        seeded.stepOnce()
    seeded.logic.runToEnd()
    sentence = "'Liver' is drawn on no slice any more; the run ended and nothing was written."
    assert [str(problem) for problem in seeded.ends] == [sentence]
    assert hasNothing(seeded)
    seeded.draw("disc", 7, SMALL)
    seeded.editorNode.SetOverwriteMode(seeded.editorNode.OverwriteNone)
    seeded.run()
    assert seeded.mask("disc").any(axis=(1, 2)).all()


@pytest.mark.parametrize("choice", ["look", "keep", "discard"])
@pytest.mark.parametrize("way", [undo, erase, cover])
def test_a_result_that_waits_goes_with_its_only_seed(seeded, way, choice):
    seeded.runPart(4)
    way(seeded)
    getattr(seeded.logic, choice)()
    if choice != "discard":
        assert "'Liver' is drawn on no slice any more; its result" in str(seeded.ends[-1])
    assert hasNothing(seeded)


def test_of_two_labels_both_go_when_one_has_lost_its_seed(bench):
    bench.open("disc", "rest")
    bench.draw("rest", 7, LARGE & ~SMALL)
    bench.draw("disc", 7, SMALL)
    bench.logic.start("copy")
    bench.stepOnce()
    undo(bench)
    bench.logic.runToEnd()
    assert not bench.mask("disc").any()
    assert np.flatnonzero(bench.mask("rest").any(axis=(1, 2))).tolist() == [7]


def test_the_undo_that_ended_a_run_can_be_taken_back(seeded):
    seeded.logic.start("copy")
    seeded.stepOnce()
    undo(seeded)
    seeded.logic.runToEnd()
    assert seeded.logic.redo()
    assert seeded.logic.session.anchors(1) == [7]
    seeded.run()
    assert seeded.mask("disc").any(axis=(1, 2)).all()


def test_a_result_goes_with_one_of_several_seeds_but_not_with_a_drawing_that_it_never_knew(seeded):
    seeded.draw("disc", 12, LARGE)
    seeded.runPart(9)
    seeded.draw("disc", 3, LARGE)
    seeded.logic.look()
    undo(seeded)
    seeded.logic.look()
    assert seeded.logic.hasPartialResult
    undo(seeded)
    seeded.logic.look()
    assert not seeded.logic.hasPartialResult
    assert "slice 12, from which slices were predicted, is gone" in str(seeded.ends[-1])
    assert np.flatnonzero(seeded.mask("disc").any(axis=(1, 2))).tolist() == [7]


def remove(bench):
    bench.segmentation.GetSegmentation().RemoveSegment("disc")


@pytest.mark.parametrize(
    "isWaiting,sentence",
    [
        (True, "Segment 'Liver' was deleted; its result is dropped and nothing was written."),
        (False, "Segment 'Liver' was deleted."),
    ],
)
def test_a_segment_that_goes_has_its_name_in_the_sentence_and_a_run_only_where_one_was(
    seeded, isWaiting, sentence
):
    if isWaiting:
        seeded.runPart(4)
    gone = seeded.told(Closed, "problem")
    remove(seeded)
    seeded.turn()
    assert [str(problem) for problem in gone] == [sentence]
    assert not seeded.logic.hasPartialResult


def test_a_segment_that_goes_during_a_run_is_named_in_the_last_sentence(seeded):
    gone = seeded.told(Closed, "problem")
    seeded.logic.start("copy")
    seeded.stepOnce()
    remove(seeded)
    seeded.logic.runToEnd()
    sentence = "Segment 'Liver' was deleted; the run ended and nothing was written."
    assert [str(seeded.ends[-1]), str(gone[-1])] == [sentence, sentence]


def test_a_result_whose_segment_went_a_moment_ago_can_be_discarded(seeded):
    seeded.runPart(4)
    remove(seeded)
    seeded.logic.discard()
    assert not seeded.logic.hasPartialResult
