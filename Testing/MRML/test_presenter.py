"""One sentence for each thing that happens, wherever it is shown."""

import pytest
from phantoms import disc
from SlicePropagationMRML.presenting.presenter import Presenter, PreviewPresenter
from SlicePropagationMRML.run.events import (
    Closed,
    Finished,
    FramesFinished,
    FrameShown,
    FramesReturned,
    FramesStepped,
    Kept,
    Moved,
    Touched,
)

SMALL = disc((48, 48), (20, 20), 5)
LARGE = disc((48, 48), (24, 26), 9)


@pytest.fixture
def said(bench):
    """What the presenter says, in order, of a bench with slice 7 drawn."""
    presenter = Presenter(bench.logic)
    sentences = []
    bench.logic.events.connect(lambda event: sentences.append(presenter.sentence(event)))
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.turn()
    return sentences


def test_a_drawing_a_run_and_a_correction(bench, said):
    bench.run()
    bench.draw("disc", 9, LARGE)
    bench.turn()
    spoken = [text for text in said if text is not None]
    assert spoken[0] == "You drew on slice 7. Propagate fills the rest."
    assert spoken[1].startswith("Slice 1 of 15")
    assert spoken[-2].startswith("Done in ")
    assert spoken[-2].endswith(" s. Undo takes the run back in one step.")
    assert spoken[-1] == "You changed slice 9; Propagate computes anew what it affects."


def test_an_edit_during_a_run_and_an_undo(bench, said):
    bench.logic.start("copy")
    bench.stepOnce()
    bench.draw("disc", 9, LARGE)
    bench.logic.look()
    bench.logic.runToEnd()
    assert "You changed slice 9: what it affects starts again." in said
    bench.logic.undo()
    assert said[-1].startswith("Undone: the propagation of disc, slices 0-")


@pytest.mark.parametrize("reopened", ["disc", "third"])
def test_an_undo_names_what_was_done_in_segments_that_are_not_open_now(bench, reopened):
    bench.segmentation.GetSegmentation().AddEmptySegment("third", "third")
    bench.open("disc", "rest")
    bench.draw("disc", 7, SMALL)
    bench.draw("rest", 7, LARGE & ~SMALL)
    bench.run()
    bench.open(reopened)
    presenter = Presenter(bench.logic)
    said = []
    bench.logic.events.connect(lambda event: said.append(presenter.sentence(event)))
    bench.editorLogic.Undo()
    bench.logic.look()
    assert said[0] == "Undone: the propagation of disc, rest, slices 0-6, 8-15."
    bench.editorLogic.Redo()
    bench.logic.look()
    assert "Redone: the propagation of disc, rest, slices 0-6, 8-15." in said


def test_undone_by_the_preview_s_editor_what_was_applied_is_said_to_be_undone(bench, said):
    bench.run()
    preview = PreviewPresenter(bench.logic)
    spoken = []
    bench.logic.events.connect(lambda event: spoken.append(preview.sentence(event)))
    bench.editorLogic.Undo()
    bench.logic.look()
    assert spoken[0].startswith("Undone: the propagation of disc")
    bench.draw("disc", 9, LARGE)
    bench.logic.look()
    assert spoken[-2] == ""  # of the edit; what was applied before is of no interest


def test_the_next_slice_is_none_that_a_run_computes_anew(bench, said):
    bench.run()
    bench.draw("disc", 12, LARGE)
    bench.logic.look()
    index = bench.logic.nextSuspicious("disc")
    assert not bench.logic.session.stale(1)[index]
    bench.draw("disc", 7, LARGE)
    bench.logic.look()
    index = bench.logic.nextSuspicious("disc")
    assert index is None
    assert "press Propagate" in Presenter(bench.logic).suggested(index)


def test_the_last_drawing_erased(bench, said):
    bench.draw("disc", 7, SMALL & False)
    bench.turn()
    sentences = [text for text in said if text is not None]
    assert sentences[-1] == "You erased the last annotated slice; draw on one before the next run."


def test_a_result_that_waits_says_what_it_would_take(bench, said):
    bench.draw("rest", 9, LARGE)
    bench.editorNode.SetOverwriteMode(bench.editorNode.OverwriteAllSegments)
    bench.run()
    taken = int((LARGE & SMALL).sum())
    assert said[-1] == (
        f"The result meets what is drawn, which stays: {taken} voxels of rest, slice 9."
        " Keep the rest?"
    )
    preview = PreviewPresenter(bench.logic)
    preview.selectedID = "disc"
    assert preview.sentence(Finished()) == (
        "This is a preview of disc: apply or cancel it."
        f" It meets what is drawn: {taken} voxels of rest, slice 9."
    )
    preview.selectedID = "rest"
    assert "preview of disc, which is not the segment selected" in preview.sentence(Finished())
    bench.logic.keep()
    assert said[-1] == "Kept. Undo takes it back in one step."


def test_a_stopped_run_asks_and_a_preview_says_what_it_is(bench, said):
    bench.runPart(2)
    preview = PreviewPresenter(bench.logic)
    assert said[-1] == "Stopped. Keep or discard what is there?"
    preview.selectedID = "disc"
    assert preview.sentence(Finished()) == "This is a preview of disc: apply or cancel it."
    assert preview.sentence(Kept()) == "Applied. Undo takes it back in one step."


@pytest.mark.parametrize(
    "event, text",
    [
        (Finished(ValueError("Ended.")), "Ended."),
        (Closed(ValueError("Gone.")), "Gone."),
        (Moved(ValueError("Moved.")), "Moved."),
        (FrameShown(), None),
        (Touched(), None),
        (FramesStepped(1, 4, 0.5), "Slice 1 of 4 through all frames, 1 s left"),
        (FramesFinished(), "Stopped; no frame was changed."),
        (FramesFinished(problem=ValueError("Ended.")), "Ended."),
        (
            FramesFinished((1, 2), (3,), 2),
            "Kept in 2 frames; 2 slices were not reached, carry again for them. You changed frame 4"
            " meanwhile; it stays as you left it.",
        ),
        (FramesReturned(True, (1, 2), ()), "Undone: 2 frames are as they were before."),
        (FramesReturned(False, (1, 2), ()), "Redone: carried to 2 frames."),
    ],
)
def test_what_else_happens(bench, event, text):
    bench.open()
    assert Presenter(bench.logic).sentence(event) == text


def test_what_moves_or_goes_clears_the_line_of_a_preview(bench):
    bench.open()
    for event in (Moved(), FrameShown()):
        assert PreviewPresenter(bench.logic).sentence(event) == ""


def test_a_drawing_in_another_plane_is_told_with_both_planes_and_what_comes_of_it(bench, said):
    draw_column(bench, slice(3, 11))
    assert said[-2] == (
        "You drew on Sagittal slice 24. That is a hint for slices 3-6, 8-10 (Axial): Propagate fills"
        " them and keeps it."
    )


def test_a_drawing_in_another_plane_alone_says_where_propagation_begins(bench):
    presenter = Presenter(bench.logic)
    sentences = []
    bench.logic.events.connect(lambda event: sentences.append(presenter.sentence(event)))
    bench.open()
    draw_column(bench, slice(3, 11))
    assert sentences[0].endswith(
        "hint for slices 3-10 (Axial): draw on one of these slices, too, where Propagate begins."
    )


def draw_column(bench, slices):
    """Paint in the plane of axis 2, through some slices, away from what is drawn there."""
    section = bench.mask("disc")[:, :, 24]
    section[slices, 10:20] = True
    bench.draw("disc", 24, section, axis=2)
    bench.logic.look()
