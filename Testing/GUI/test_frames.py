"""4D in the panel.

A volume that follows a sequence browser, by clicks, on Slicer's own sequence nodes.
"""

import numpy as np
import pytest
import slicer
from host import person
from mrml_scene import makeVolume
from phantoms import disc

SIZES = [9, 8, 7, 6, 7, 8]
SLICES = range(1, 6)  # of 7; the disc is on these


def truth_of(frame):
    """(K, J, I) bool: a disc that beats with the frames and drifts with the slices."""
    return np.stack(
        [
            disc((40, 40), (20, 18 + k), SIZES[frame]) if k in SLICES else np.zeros((40, 40), bool)
            for k in range(7)
        ]
    )


def load_cine(numFrames=6):
    """What loading a 4D file leaves in the scene.

    A sequence, its browser, and the volume that shows one frame; returns (browser, volume).
    """
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Cine")
    sequence.SetIndexName("time")
    sequence.SetIndexUnit("ms")
    for frame in range(numFrames):
        image = 100.0 * truth_of(frame) + np.random.default_rng(frame).normal(0, 3, (7, 40, 40))
        volume = makeVolume(
            slicer.mrmlScene,
            image.astype(np.float32),
            (1.0, 1.2, 8.0),
            (5, -7, 11),
        )
        sequence.SetDataNodeAtValue(volume, str(40 * frame))
        slicer.mrmlScene.RemoveNode(volume)
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Cine browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    return browser, browser.GetProxyNode(sequence)


@pytest.fixture
def cine(annotator):
    """A person in front of frame 1 of 6, with slice 3 drawn and image registration chosen."""
    annotator.browser, volume = load_cine()
    annotator.axis = 0
    annotator.ui.volumeSelector.setCurrentNode(volume)
    person.turns()
    annotator.segment = annotator.add_segment()
    annotator.draw(3, truth_of(0)[3])
    annotator.choose(annotator.ui.engineComboBox, "Image registration")
    return annotator


def show_frame(annotator, frame):
    annotator.browser.SetSelectedItemNumber(frame)
    person.turns()


def overlap(found, truth):
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


def test_without_sequences_in_the_scene_nothing_speaks_of_time(annotator):
    assert not annotator.ui.carryButton.isVisible()
    assert not annotator.ui.frameLabel.isVisible()


def test_for_a_volume_that_no_browser_drives_the_button_says_so(annotator):
    from phantoms import drifting_disc

    load_cine()
    annotator.load(drifting_disc()[0])
    assert annotator.ui.carryButton.isVisible()
    assert not annotator.ui.carryButton.isEnabled()
    assert annotator.ui.carryButton.toolTip.startswith("No sequence browser drives this volume")
    assert annotator.ui.frameLabel.text == "No frames"


def test_the_panel_says_which_frame_is_shown_and_what_is_missing_to_carry_it(annotator):
    browser, volume = load_cine()
    annotator.ui.volumeSelector.setCurrentNode(volume)
    person.turns()
    assert annotator.ui.frameLabel.text == "Frame 1 of 6"
    assert "segmentation" in annotator.ui.carryButton.toolTip
    annotator.add_segment()
    assert annotator.ui.carryButton.toolTip.startswith("Segment this frame first")
    annotator.browser = browser
    show_frame(annotator, 4)
    assert annotator.ui.frameLabel.text == "Frame 5 of 6"


def test_a_run_in_the_current_frame_is_carried_to_all_frames_and_the_strip_follows_them(cine):
    cine.propagate()
    shown = cine.mask().copy()
    person.click(cine.ui.carryButton)
    assert cine.ui.propagateButton.text == "Stop"
    assert cine.ui.progressBar.isVisible()
    cine.wait_for_end()
    assert cine.status.startswith("Carried to 5 frames in ")
    assert cine.ui.propagateButton.text == "Propagate"
    assert (cine.mask() == shown).all()
    assert cine.kinds()[3] == "seed"
    for frame in (1, 3, 5):
        show_frame(cine, frame)
        assert overlap(cine.mask(), truth_of(frame)) > 0.85
        assert set(cine.kinds()) == {"propagated"}
        assert all(0 <= value < 1 for value in np.array(cine.confidences())[2:5])
    show_frame(cine, 0)
    assert (cine.mask() == shown).all()
    assert cine.kinds()[3] == "seed"
    assert cine.ui.frameLabel.text == "Frame 1 of 6"


def test_a_slice_corrected_in_another_frame_stays_and_counts_when_frames_are_carried_again(cine):
    cine.propagate()
    person.click(cine.ui.carryButton)
    cine.wait_for_end()
    show_frame(cine, 3)
    corrected = disc((40, 40), (22, 21), 4)
    others = cine.mask()[1].copy()
    cine.draw(3, corrected)
    assert cine.kinds()[3] == "correction"
    assert cine.kinds()[2] == "stale"
    show_frame(cine, 2)
    before = cine.mask()[3].sum()
    show_frame(cine, 1)
    person.click(cine.ui.carryButton)
    cine.wait_for_end()
    show_frame(cine, 3)
    assert (cine.mask()[3] == corrected).all()
    assert cine.kinds()[3] == "correction"
    assert (cine.mask()[1] == others).all()
    show_frame(cine, 2)
    assert cine.mask()[3].sum() < before  # its neighbour along time now leads to the smaller disc


def test_a_corrected_frame_is_propagated_like_any_volume_and_undo_stays_in_it(cine):
    cine.propagate()
    person.click(cine.ui.carryButton)
    cine.wait_for_end()
    show_frame(cine, 3)
    cine.draw(3, disc((40, 40), (22, 21), 4))
    before = cine.mask().copy()
    cine.propagate()
    assert "stale" not in cine.kinds()
    assert (cine.mask() != before).any()
    cine.undo()
    assert (cine.mask() == before).all()
    show_frame(cine, 0)
    assert cine.kinds()[3] == "seed"


def content_of(annotator):
    """What every frame holds: [(its mask, what the strip says), ...].

    The frame shown is the same afterwards.
    """
    shown = annotator.browser.GetSelectedItemNumber()
    content = []
    for frame in range(6):
        show_frame(annotator, frame)
        content.append((annotator.mask().tobytes(), annotator.kinds(), annotator.confidences()))
    show_frame(annotator, shown)
    return content


def carried(annotator):
    """Propagated in frame 1 and carried to all frames."""
    annotator.propagate()
    person.click(annotator.ui.carryButton)
    annotator.wait_for_end()


def stop_halfway(annotator, how):
    """Carry, and stop after two slice positions or more."""
    person.click(annotator.ui.carryButton)
    person.wait_until(lambda: annotator.logic.run.walk.numDone >= 2)
    if how == "button":
        person.click(annotator.ui.propagateButton)
    else:
        annotator.key("Esc")
    annotator.wait_for_end()


@pytest.fixture
def unhurried(monkeypatch):
    """Image registration that takes its time."""
    import time

    from SlicePropagationLib.engines.image_registration import RegistrationEngine

    walk = RegistrationEngine.walk

    def slowly(self, *arguments):
        for mask in walk(self, *arguments):
            time.sleep(0.02)
            yield mask

    monkeypatch.setattr(RegistrationEngine, "walk", slowly)


def test_before_anything_is_carried_there_is_nothing_to_undo_in_all_frames(cine):
    cine.propagate()
    assert not cine.ui.takeBackButton.isEnabled()
    assert cine.ui.takeBackButton.toolTip == "Nothing was carried to all frames yet"


def test_carrying_is_undone_in_all_frames_and_the_segmentation_is_as_it_was(cine):
    cine.propagate()
    before = cine.mask().copy()
    kinds = cine.kinds()
    person.click(cine.ui.carryButton)
    cine.wait_for_end()
    show_frame(cine, 4)
    person.click(cine.ui.takeBackButton)
    cine.wait_for_end()
    assert cine.status == "Undone: 5 frames are as they were before."
    assert cine.browser.GetSequenceNode(cine.segmentation) is None
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSequenceNode") == 1
    assert (cine.mask() == before).all()
    assert cine.kinds() == kinds
    show_frame(cine, 2)
    assert (cine.mask() == before).all()


def test_what_was_undone_in_all_frames_is_done_again_exactly(cine):
    carried(cine)
    after = content_of(cine)
    person.click(cine.ui.takeBackButton)
    cine.wait_for_end()
    assert cine.ui.takeBackButton.toolTip == "Nothing was carried to all frames yet"
    show_frame(cine, 0)
    person.click(cine.ui.doAgainButton)
    cine.wait_for_end()
    assert cine.status == "Redone: carried to 5 frames."
    assert content_of(cine) == after
    assert cine.ui.doAgainButton.toolTip == "Nothing was undone in all frames"
    assert not cine.ui.doAgainButton.isEnabled()


def test_a_second_carrying_is_undone_without_the_first_and_the_correction_between_them_stays(cine):
    carried(cine)
    show_frame(cine, 3)
    cine.draw(3, disc((40, 40), (22, 21), 4))
    before = content_of(cine)
    show_frame(cine, 1)
    person.click(cine.ui.carryButton)
    cine.wait_for_end()
    assert content_of(cine) != before
    person.click(cine.ui.takeBackButton)
    cine.wait_for_end()
    assert content_of(cine) == before
    assert before[3][1][3] == "correction"


def test_carrying_is_undone_and_done_again_as_often_as_it_was_done(cine):
    carried(cine)
    show_frame(cine, 3)
    cine.draw(3, disc((40, 40), (22, 21), 4))
    corrected = content_of(cine)
    show_frame(cine, 1)
    person.click(cine.ui.carryButton)
    cine.wait_for_end()
    carried_again = content_of(cine)
    assert carried_again != corrected
    for button in (cine.ui.takeBackButton, cine.ui.takeBackButton):
        person.click(button)
        cine.wait_for_end()
    assert "You changed frame 4 since" in cine.status
    assert not cine.ui.takeBackButton.isEnabled()
    assert not np.frombuffer(content_of(cine)[4][0], bool).any()
    person.click(cine.ui.doAgainButton)
    cine.wait_for_end()
    assert content_of(cine) == corrected
    person.click(cine.ui.doAgainButton)
    cine.wait_for_end()
    assert content_of(cine) == carried_again
    assert not cine.ui.doAgainButton.isEnabled()


def test_what_was_undone_is_gone_once_frames_are_carried_anew(cine):
    carried(cine)
    person.click(cine.ui.takeBackButton)
    cine.wait_for_end()
    show_frame(cine, 0)
    person.click(cine.ui.carryButton)
    cine.wait_for_end()
    assert not cine.ui.doAgainButton.isEnabled()


def test_without_a_choice_image_registration_walks_along_time(annotator):
    _browser, volume = load_cine()
    annotator.axis = 0
    annotator.ui.volumeSelector.setCurrentNode(volume)
    person.turns()
    annotator.segment = annotator.add_segment()
    annotator.draw(3, truth_of(0)[3])
    assert annotator.ui.engineComboBox.currentText != "Image registration"
    assert "Engine: Image registration;" in annotator.ui.carryButton.toolTip


def test_the_engine_that_a_person_chose_walks_along_time(cine):
    cine.propagate()
    cine.choose(cine.ui.engineComboBox, "Copy (baseline)")
    assert "Engine: Copy (baseline);" in cine.ui.carryButton.toolTip
    person.click(cine.ui.carryButton)
    cine.wait_for_end()
    drawn = cine.mask().copy()
    show_frame(cine, 3)
    assert (cine.mask() == drawn).all()


@pytest.mark.parametrize("how", ["drawn", "confirmed"])
def test_a_frame_that_a_person_worked_in_since_is_not_undone(cine, how):
    carried(cine)
    show_frame(cine, 3)
    if how == "drawn":
        cine.draw(3, disc((40, 40), (22, 21), 4))
    else:
        cine.click_slice(3)
        cine.key("C")
    kept = cine.mask().copy()
    person.click(cine.ui.takeBackButton)
    cine.wait_for_end()
    assert (
        cine.status
        == "Undone: 4 frames are as they were before. You changed frame 4 since; it stays as you"
        " left it."
    )
    assert (cine.mask() == kept).all()
    assert (
        cine.kinds()[3]
        == {
            "drawn": "correction",
            "confirmed": "confirmed",
        }[how]
    )
    show_frame(cine, 2)
    assert not cine.mask().any()
    show_frame(cine, 0)
    assert cine.mask()[3].any()
    assert cine.kinds()[3] == "seed"


@pytest.mark.parametrize("how", ["button", "Esc"])
def test_a_carry_that_is_stopped_and_discarded_changes_no_frame(cine, unhurried, how):
    cine.propagate()
    stop_halfway(cine, how)
    assert cine.status.startswith("Stopped. Keep what is there in all frames")
    assert not cine.ui.propagateButton.isEnabled()
    person.click(cine.ui.discardButton)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSequenceNode") == 1
    assert not cine.ui.keepButton.isVisible()
    assert cine.browser.GetSequenceNode(cine.segmentation) is None
    assert cine.kinds()[3] == "seed"
    assert cine.ui.propagateButton.isEnabled()


def test_a_carry_that_is_stopped_and_kept_has_the_slices_that_were_done_in_all_frames(
    cine,
    unhurried,
):
    cine.propagate()
    drawn = cine.mask().any(axis=(1, 2)).nonzero()[0]
    stop_halfway(cine, "button")
    numDone = cine.logic.run.walk.numDone
    person.click(cine.ui.keepButton)
    cine.wait_for_end()
    assert 2 <= numDone < len(drawn)
    assert (
        cine.status
        == f"Kept in 5 frames; {len(drawn) - numDone} slices were not reached, carry again for"
        " them."
    )
    show_frame(cine, 2)
    assert cine.mask().any(axis=(1, 2)).nonzero()[0].tolist() == drawn[:numDone].tolist()
    assert [cine.kinds()[index] for index in drawn] == ["propagated"] * numDone + ["unknown"] * (
        len(drawn) - numDone
    )


def test_slices_that_a_stopped_carry_did_not_come_to_stay_as_they_were(cine, unhurried):
    carried(cine)
    before = content_of(cine)
    show_frame(cine, 3)
    cine.draw(1, disc((40, 40), (22, 21), 4))
    show_frame(cine, 0)
    drawn = cine.mask().any(axis=(1, 2)).nonzero()[0]
    stop_halfway(cine, "button")
    last = drawn[-1]
    person.click(cine.ui.keepButton)
    cine.wait_for_end()
    show_frame(cine, 2)
    assert cine.mask()[last].any()
    assert cine.mask()[last].tobytes() == before[2][0][last * 1600 : (last + 1) * 1600]
    assert cine.kinds() == before[2][1]


def test_a_scene_that_is_closed_has_nothing_to_undo_in_all_frames(cine):
    carried(cine)
    segmentation = cine.segmentation
    slicer.mrmlScene.Clear(False)
    person.turns()
    assert not cine.logic.frames.canTakeBack(segmentation)


def test_another_frame_ends_a_run_through_slices_and_nothing_is_written_into_it(cine, monkeypatch):
    import time

    from SlicePropagationLib.engines.image_registration import RegistrationEngine

    walk = RegistrationEngine.walk

    def slowly(self, *arguments):
        for mask in walk(self, *arguments):
            time.sleep(0.05)
            yield mask

    monkeypatch.setattr(RegistrationEngine, "walk", slowly)
    before = cine.mask().copy()
    person.click(cine.ui.propagateButton)
    person.wait_until(lambda: cine.ui.progressBar.value >= 1)
    show_frame(cine, 2)
    assert cine.status.startswith("Another frame is shown")
    assert not cine.logic.isRunning
    cine.wait_for_panel()
    assert (cine.mask() == before).all()
    assert cine.ui.propagateButton.isEnabled()
    assert cine.ui.frameLabel.text == "Frame 3 of 6"


def test_moving_through_the_frames_while_they_are_carried_does_no_harm(cine):
    cine.propagate()
    shown = cine.mask().copy()
    person.click(cine.ui.carryButton)
    person.wait_until(lambda: cine.ui.progressBar.value > 0)
    show_frame(cine, 4)
    cine.wait_for_end()
    assert cine.status.startswith("Carried to 5 frames")
    assert overlap(cine.mask(), truth_of(4)) > 0.85
    show_frame(cine, 0)
    assert (cine.mask() == shown).all()


@pytest.mark.parametrize(
    "shown",
    [3, 5],
    ids=["in the frame shown at the start", "in another frame"],
)
def test_what_is_drawn_while_frames_are_carried_stands(cine, shown):
    cine.propagate()
    person.click(cine.ui.carryButton)
    cine.wait_for_end()
    show_frame(cine, 3)
    person.click(cine.ui.carryButton)
    person.wait_until(lambda: cine.ui.progressBar.value > 0)
    show_frame(cine, shown)
    drawn = disc((40, 40), (22, 21), 4)
    person.draw_slice(cine.ui.editor, 0, 2, drawn)
    cine.wait_for_end()
    cine.wait_for_panel()
    assert f"You changed frame {shown + 1} meanwhile" in cine.status
    show_frame(cine, 1)
    show_frame(cine, shown)
    assert (cine.mask()[2] == drawn).all()
    assert cine.kinds()[2] == "correction"


@pytest.mark.parametrize("victim", ["browser", "volume", "segmentation", "scene"])
def test_what_is_deleted_while_frames_are_carried_ends_it_with_a_sentence(cine, victim):
    cine.propagate()
    person.click(cine.ui.carryButton)
    person.wait_until(lambda: cine.ui.progressBar.value > 0)
    if victim == "scene":
        slicer.mrmlScene.Clear(False)
    else:
        slicer.mrmlScene.RemoveNode(getattr(cine, victim))
    cine.wait_for_end()
    cine.wait_for_panel()
    assert not cine.logic.isRunning
    assert "removed from the scene" in cine.status or "closed" in cine.status
    assert cine.ui.propagateButton.text == "Propagate"


def test_while_the_sequence_plays_the_panel_waits_and_afterwards_shows_the_frame(cine):
    cine.browser.SetPlaybackActive(True)
    for frame in (1, 2, 3):
        show_frame(cine, frame)
    assert cine.ui.propagateButton.toolTip.startswith("The sequence is playing")
    assert cine.ui.frameLabel.text == "Frame 4 of 6"
    cine.browser.SetPlaybackActive(False)
    person.turns()
    assert cine.ui.propagateButton.isEnabled()
    assert cine.kinds()[3] == "seed"


def test_a_saved_scene_brings_the_frames_back(cine, tmp_path):
    cine.propagate()
    cine.check(cine.ui.cyclicCheckBox, False)
    person.click(cine.ui.carryButton)
    cine.wait_for_end()
    show_frame(cine, 3)
    shown = cine.mask().copy()
    kinds = cine.kinds()
    path = tmp_path / "scene.mrb"
    assert slicer.mrmlScene.WriteToMRB(str(path))
    slicer.mrmlScene.Clear(False)
    person.turns()
    assert slicer.mrmlScene.ReadFromMRB(str(path), True)
    person.turns()
    cine.browser = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
    assert cine.ui.frameLabel.text == "Frame 4 of 6"
    assert not cine.ui.cyclicCheckBox.checked
    assert (cine.mask() == shown).all()
    assert cine.kinds() == kinds
    show_frame(cine, 0)
    assert cine.kinds()[3] == "seed"
