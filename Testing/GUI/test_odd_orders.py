"""What an impatient person does.

Keys before their time, another order, something renamed, deleted or switched in between, odd
volumes.
"""

import numpy as np
import pytest
import slicer
from host import person
from mrml_scene import makeSegmentation, makeVolume
from phantoms import disc, drifting_disc

from SlicePropagationLib.stack import SliceStack


def second_segmentation(annotator):
    node = makeSegmentation(slicer.mrmlScene, annotator.volume, ("other",))
    person.turns()
    return node


def test_the_status_line_names_each_step_until_the_first_run(annotator):
    stack, truth = drifting_disc()
    assert annotator.status == "Load or choose a volume"
    annotator.load(stack)
    assert annotator.status.startswith("Choose a segmentation")
    annotator.ui.segmentationSelector.addNode()
    person.turns()
    assert annotator.status.startswith("Add a segment")
    annotator.add_segment()
    assert annotator.status.startswith("Draw the structure on one slice")
    annotator.draw(7, truth[7])
    assert annotator.status == "You drew on slice 7. Propagate fills the rest."


def test_what_was_said_of_one_scene_or_segmentation_is_not_said_of_the_next(seeded):
    seeded.propagate()
    assert seeded.status.startswith("Done in ")
    seeded.ui.segmentationSelector.setCurrentNode(second_segmentation(seeded))
    person.turns()
    assert seeded.status.startswith("Draw the structure on one slice")
    slicer.mrmlScene.Clear(False)
    person.turns()
    assert seeded.status == "Load or choose a volume"


@pytest.mark.parametrize(
    "key,reason",
    [
        ("P", "Load or choose a volume"),
        ("N", "Load or choose a volume"),
        ("C", "Load or choose a volume"),
        ("E", "Load or choose a volume"),
        ("K", "Only after a run"),
        ("D", "Only after a run"),
    ],
)
def test_a_key_before_its_time_says_why_it_does_nothing(annotator, key, reason):
    annotator.panel.say("something else")
    annotator.key(key)
    assert annotator.status.startswith(reason)


@pytest.mark.parametrize(
    "scope,reason",
    [("All drawn segments", "Draw the structure"), ("Checked segments", "Check the segments")],
)
def test_with_segments_but_none_to_fill_it_says_what_to_do(annotator, scope, reason):
    annotator.load(drifting_disc()[0])
    annotator.add_segment()
    annotator.choose(annotator.ui.scopeComboBox, scope)
    assert annotator.ui.propagateButton.toolTip.startswith(reason)


def checked():
    import qt  # there once the host runs

    return qt.Qt.Checked


def test_after_a_run_the_status_line_names_the_next_step_of_what_is_chosen_then(seeded):
    seeded.propagate()
    assert seeded.status.startswith("Done in")
    seeded.choose(seeded.ui.scopeComboBox, "Checked segments")
    assert seeded.status.startswith("Check the segments")
    seeded.ui.segmentsList.item(0).setCheckState(checked())
    person.turns()
    assert seeded.status == ""


def test_the_list_of_segments_survives_one_without_a_name_and_follows_names(seeded):
    seeded.choose(seeded.ui.scopeComboBox, "Checked segments")
    segmentation = seeded.segmentation.GetSegmentation()
    nameless = slicer.vtkSegment()
    nameless.SetName(None)  # as Slicer's redo of an added segment tells of it
    segmentation.AddSegment(nameless, "again")
    person.turns()
    assert seeded.ui.segmentsList.item(1).text() == "again"
    nameless.SetName("Aorta")
    person.turns()
    assert seeded.ui.segmentsList.item(1).text() == "Aorta"
    seeded.ui.segmentsList.item(1).setCheckState(checked())
    person.turns()
    assert seeded.panel.inputs.segmentIDs() == ["again"]


def test_while_a_result_waits_nothing_else_can_be_chosen_and_each_control_says_why(seeded):
    seeded.stop_after(4)
    ui = seeded.ui
    for widget in (
        ui.propagateButton,
        ui.axisComboBox,
        ui.directionComboBox,
        ui.engineComboBox,
        ui.toTheEndCheckBox,
        ui.volumeSelector,
        ui.segmentationSelector,
        ui.scopeComboBox,
        ui.nextButton,
        ui.confirmButton,
        ui.emptyButton,
    ):
        assert not widget.isEnabled()
        assert widget.toolTip == "Keep or discard the last result first"


def test_the_axis_can_be_changed_and_changed_back_without_loss(seeded):
    seeded.propagate()
    before = seeded.mask().copy()
    kinds = seeded.kinds()
    seeded.choose(seeded.ui.axisComboBox, "Sagittal")
    assert len(seeded.kinds()) == 48
    assert "counts as drawn by you" in seeded.status
    seeded.choose(seeded.ui.axisComboBox, "Axial")
    assert (seeded.mask() == before).all()
    assert seeded.kinds() == kinds
    assert seeded.status == ""


def test_a_volume_with_fewer_slices_can_be_chosen_and_the_first_one_again_without_loss(seeded):
    seeded.propagate()
    first = seeded.volume
    kinds = seeded.kinds()
    seeded.load(SliceStack(seeded.stack.images[:10]))
    assert seeded.kinds() == ["seed"] * 10
    assert "counts as drawn by you" in seeded.status
    seeded.ui.volumeSelector.setCurrentNode(first)
    person.turns()
    assert seeded.kinds() == kinds
    assert seeded.status == ""


def test_an_image_of_fewer_slices_in_the_same_volume_is_shown_as_another_volume_would_be(seeded):
    seeded.propagate()
    kinds = seeded.kinds()
    slicer.util.updateVolumeFromArray(seeded.volume, seeded.stack.images[:10])
    seeded.wait_for_panel()
    assert seeded.kinds() == ["seed"] * 10
    assert "counts as drawn by you" in seeded.status
    assert seeded.ui.propagateButton.isEnabled()
    slicer.util.updateVolumeFromArray(seeded.volume, seeded.stack.images)
    seeded.wait_for_panel()
    assert seeded.kinds() == kinds
    assert seeded.status == ""


def test_after_the_volume_was_moved_alone_the_panel_speaks_of_what_was_drawn_only(seeded):
    seeded.propagate()
    kinds = seeded.kinds()
    origin = seeded.volume.GetOrigin()
    seeded.volume.SetOrigin(0.0, 0.0, 3.0)
    seeded.wait_for_panel()
    assert seeded.kinds() == ["seed"] * 15 + ["unknown"]
    assert "counts as drawn by you" in seeded.status
    seeded.volume.SetOrigin(*origin)
    seeded.wait_for_panel()
    assert seeded.kinds() == kinds
    seeded.volume.SetOrigin(0.0, 0.0, 3.0)
    seeded.wait_for_panel()
    seeded.draw(9, disc((48, 48), (10, 10), 4))
    assert seeded.status.startswith("You drew on slice 9.")


@pytest.mark.parametrize(
    "change",
    [
        lambda volume: volume.SetOrigin(0.0, 0.0, 3.0),
        lambda volume: slicer.util.updateVolumeFromArray(
            volume,
            np.zeros((10, 48, 48), np.float32),
        ),
    ],
)
def test_a_volume_that_is_moved_or_replaced_while_a_result_waits_takes_the_result_with_it(
    seeded,
    change,
):
    seeded.stop_after(4)
    change(seeded.volume)
    seeded.wait_for_panel()
    assert not seeded.ui.keepButton.isVisible()
    assert not seeded.logic.hasPartialResult
    assert seeded.status
    assert seeded.mask(seeded.segment).any(axis=(1, 2)).sum() == 1


def test_a_renamed_segment_has_its_new_name_in_review(seeded):
    seeded.propagate()
    seeded.segmentation.GetSegmentation().GetSegment(seeded.segment).SetName("Liver")
    seeded.wait_for_panel()
    assert seeded.ui.reviewLabel.text.startswith("<b>Liver</b>")


def test_of_two_segmentations_each_has_its_own_strip(seeded):
    seeded.propagate()
    first = seeded.segmentation
    kinds = seeded.kinds()
    seeded.ui.segmentationSelector.setCurrentNode(second_segmentation(seeded))
    person.turns()
    assert set(seeded.kinds()) == {"unknown"}
    seeded.ui.segmentationSelector.setCurrentNode(first)
    person.turns()
    assert seeded.kinds() == kinds


def test_a_segmentation_that_is_chosen_in_the_middle_of_a_run_waits_for_its_end(seeded):
    other = second_segmentation(seeded)
    first = seeded.segmentation
    person.click(seeded.ui.propagateButton)
    assert not seeded.ui.segmentationSelector.isEnabled()
    seeded.ui.segmentationSelector.setCurrentNode(other)  # a script does it all the same
    seeded.wait_for_end()
    seeded.wait_for_panel()
    seeded.ui.segmentationSelector.setCurrentNode(first)
    person.turns()
    assert seeded.mask(seeded.segment).any(axis=(1, 2)).all()
    assert not seeded.logic.isRunning


def test_a_volume_that_is_switched_in_the_middle_of_a_run_leaves_the_result_with_the_first(seeded):
    first = seeded.volume
    other = makeVolume(
        slicer.mrmlScene,
        np.random.default_rng(0).random((16, 48, 48)).astype(np.float32),
        (1.0, 1.5, 3.0),
        name="other",
    )
    person.turns()
    person.click(seeded.ui.propagateButton)
    seeded.ui.volumeSelector.setCurrentNode(other)
    seeded.wait_for_end()
    seeded.wait_for_panel()
    assert seeded.logic.document.volumeNode is other
    assert seeded.ui.propagateButton.text == "Propagate"
    seeded.ui.volumeSelector.setCurrentNode(first)
    person.turns()
    assert seeded.kinds()[7] == "seed"
    assert seeded.kinds()[9] == "propagated"


def test_a_segment_that_is_deleted_while_its_result_waits_takes_the_result_with_it(seeded):
    seeded.stop_after(4)
    seeded.segmentation.GetSegmentation().RemoveSegment(seeded.segment)
    seeded.wait_for_panel()
    assert "was deleted" in seeded.status
    assert not seeded.ui.keepButton.isVisible()
    assert not seeded.logic.hasPartialResult
    second = seeded.add_segment()
    seeded.draw(7, seeded.truth[7])
    seeded.propagate()
    assert seeded.mask(second)[9].any()


def test_undo_after_a_save_is_the_undo_before_it(seeded, tmp_path):
    before = seeded.mask().copy()
    seeded.propagate()
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    seeded.undo()
    assert (seeded.mask() == before).all()
    assert seeded.status.startswith("Undone: the propagation")
    seeded.redo()
    assert seeded.mask()[9].any()
    assert seeded.status.startswith("Redone: the propagation")


def test_a_seed_that_is_erased_again_leaves_nothing_to_start_from(annotator):
    stack, truth = drifting_disc()
    annotator.load(stack)
    annotator.add_segment()
    annotator.draw(7, truth[7])
    annotator.draw(7, np.zeros_like(truth[7]))
    assert set(annotator.kinds()) == {"unknown"}
    assert not annotator.ui.propagateButton.isEnabled()
    assert annotator.ui.propagateButton.toolTip.startswith("Draw the structure on one slice")
    assert annotator.status.startswith("You erased the last annotated slice")


def test_a_volume_of_one_slice_is_done_when_it_is_drawn(annotator):
    stack, truth = drifting_disc()
    annotator.load(SliceStack(stack.images[7:8]))
    annotator.add_segment()
    annotator.draw(0, truth[7])
    annotator.propagate()
    assert annotator.kinds() == ["seed"]
    assert "up to date" in annotator.status
    assert (annotator.mask()[0] == truth[7]).all()


def test_a_thousand_slices_are_filled_reviewed_corrected_and_undone_as_ten_are(annotator):
    ball = np.stack([disc((48, 48), (24, 24), 3 + (500 - abs(k - 500)) / 30) for k in range(1000)])
    annotator.load(
        SliceStack(
            (100 * ball + np.random.default_rng(0).integers(0, 20, ball.shape)).astype(np.float32)
        )
    )
    annotator.add_segment()
    annotator.draw(500, ball[500])
    annotator.choose(annotator.ui.engineComboBox, "Copy (baseline)")
    annotator.propagate()
    assert annotator.kinds().count("propagated") == 999
    person.click(annotator.ui.nextButton)
    person.click(annotator.ui.confirmButton)
    annotator.wait_for_panel()
    confirmed = annotator.kinds().index("confirmed")
    annotator.draw(300, disc((48, 48), (22, 22), 5))
    kinds = annotator.kinds()
    gap = [index for index, kind in enumerate(kinds) if kind == "stale"]
    assert kinds[300] == "correction"
    assert 301 in gap
    assert 700 not in gap
    assert kinds[confirmed] == "confirmed"
    annotator.propagate()
    assert "stale" not in annotator.kinds()
    annotator.undo()
    assert annotator.kinds() == kinds
