"""The Segment Editor effect Propagate: preview, apply, cancel, in an editor of its own."""

from pathlib import Path

import numpy as np
import pytest
import slicer
from host import person, slicerenv
from mrml_scene import makeVolume
from phantoms import drifting_disc
from SlicePropagationMRML.nodes.geometry import segmentMask

from SlicePropagationLib.engines import default_engine

MODULE_FOLDER = Path(__file__).resolve().parents[2] / "SlicePropagation"
# editors and effects stay alive and hidden: PySide6 does not survive top-level widgets that go with
# their last name
KEPT = []
EFFECT_MODULE = "SegmentEditorSlicePropagation"


class Editor:
    """A person in the Segment Editor, with the effect active and slice 7 drawn."""

    def __init__(self, widget):
        self.widget = widget
        stack, self.truth = drifting_disc()
        self.volume = makeVolume(slicer.mrmlScene, stack.images, (1.0, 1.5, 3.0))
        self.segmentation = slicer.mrmlScene.AddNewNodeByClass(
            "vtkMRMLSegmentationNode",
            "Segmentation",
        )
        self.segmentation.CreateDefaultDisplayNodes()
        widget.setMRMLScene(slicer.mrmlScene)
        widget.setMRMLSegmentEditorNode(
            slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        )
        widget.setSegmentationNode(self.segmentation)
        widget.setSourceVolumeNode(self.volume)
        widget.show()
        person.click(widget._add)
        person.draw_slice(widget, 0, 7, self.truth[7])
        widget.setActiveEffectByName("Propagate")
        person.turns()
        self.effect = widget.activeEffect().self()
        self.effect.engineComboBox.setCurrentIndex(1)

    def preview(self):
        person.click(self.effect.previewButton)
        person.wait_until(lambda: not self.effect._logic.isRunning, 60)
        person.turns()

    def apply(self):
        person.click(self.effect.applyButton)
        person.wait_until(lambda: not self.effect._logic.isRunning, 60)

    def mask(self):
        return segmentMask(self.segmentation, self.widget.currentSegmentID(), self.volume)


@pytest.fixture
def editor(application):
    slicer.mrmlScene = application.mrmlScene()
    slicer.mrmlScene.Clear(False)
    slicerenv.slot_errors.clear()
    slicerenv.load_module(MODULE_FOLDER / "SlicePropagation.py", enter=False)
    slicerenv.load_module(MODULE_FOLDER / f"{EFFECT_MODULE}.py", enter=False)
    editor = Editor(slicer.qMRMLSegmentEditorWidget())
    yield editor
    editor.widget.setActiveEffect(None)
    editor.widget.setMRMLSegmentEditorNode(None)
    slicer.mrmlScene.Clear(False)
    editor.widget.setMRMLScene(None)
    editor.widget.hide()
    registered = slicer.qSlicerSegmentEditorEffectFactory.instance()._registered
    KEPT.extend([editor.widget, *registered])
    registered.clear()
    for name in (EFFECT_MODULE, "SlicePropagation"):
        slicerenv.unload_module(name)
    assert slicerenv.slot_errors == []


def test_the_module_is_hidden_and_registers_the_effect(editor):
    assert slicer.modules.segmenteditorslicepropagation.hidden
    assert "Propagate" in editor.widget.availableEffectNames()


def test_the_first_choice_of_a_direction_stays_and_nothing_is_logged(editor, caplog):
    editor.effect.directionComboBox.setCurrentIndex(1)
    assert editor.effect.scriptedEffect.parameter("Direction") == "up"
    assert editor.effect.directionComboBox.currentIndex == 1
    editor.widget.setActiveEffect(None)
    editor.widget.setActiveEffectByName("Propagate")
    person.turns()
    assert editor.effect.directionComboBox.currentIndex == 1
    assert caplog.text == ""


def test_another_editor_begins_with_the_best_engine(editor):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    node.SetAndObserveSegmentationNode(editor.segmentation)
    node.SetAndObserveSourceVolumeNode(editor.volume)
    editor.widget.setMRMLSegmentEditorNode(node)
    editor.widget.setActiveEffectByName("Propagate")
    assert editor.effect._engineName() == default_engine()


def test_a_preview_waits_until_it_is_applied_and_one_undo_takes_it_back(editor):
    assert not editor.effect.applyButton.enabled
    assert editor.effect.applyButton.toolTip == "There is no preview yet"
    editor.preview()
    assert "preview" in editor.effect.statusLabel.text
    assert editor.mask().any(axis=(1, 2)).sum() == 1
    editor.apply()
    applied = editor.mask()
    assert applied.any(axis=(1, 2)).sum() > 5
    assert np.array_equal(applied[7], editor.truth[7])
    editor.widget.undo()
    assert editor.mask().any(axis=(1, 2)).sum() == 1
    editor.widget.redo()
    assert np.array_equal(editor.mask(), applied)


def test_a_preview_that_is_applied_over_several_turns_says_so_at_the_end(editor, monkeypatch):
    from SlicePropagationMRML.run import slice_run

    monkeypatch.setattr(slice_run, "TURN_SECONDS", 1e-9)
    editor.preview()
    editor.apply()
    assert editor.effect.statusLabel.text == "Applied. Undo takes it back in one step."
    assert editor.mask().any(axis=(1, 2)).sum() > 5
    assert editor.widget.activeEffect().name == "Propagate"


def test_what_was_applied_is_undone_in_the_text_too(editor):
    editor.preview()
    editor.apply()
    editor.widget.undo()
    person.wait_until(lambda: editor.effect.statusLabel.text.startswith("Undone: "), 5)
    assert "propagation of Segment_1" in editor.effect.statusLabel.text


def test_a_preview_stays_with_its_segment_when_another_one_is_selected(editor):
    editor.preview()
    first = editor.widget.currentSegmentID()
    assert "preview of Segment_1:" in editor.effect.statusLabel.text
    assert editor.effect.previewButton.text == "Update"
    second = editor.segmentation.GetSegmentation().AddEmptySegment("", "Spleen")
    editor.widget.setCurrentSegmentID(second)
    person.turns()
    assert "preview of Segment_1, which is not the segment selected" in (
        editor.effect.statusLabel.text
    )
    assert editor.effect.previewButton.text == "Preview"
    assert "into Segment_1" in editor.effect.applyButton.toolTip
    editor.apply()
    editor.widget.setCurrentSegmentID(first)
    assert editor.mask().any(axis=(1, 2)).sum() > 5


def test_a_preview_goes_with_its_segment(editor):
    editor.preview()
    editor.segmentation.GetSegmentation().RemoveSegment(editor.widget.currentSegmentID())
    person.wait_until(lambda: not editor.effect.applyButton.enabled, 5)
    assert editor.effect.statusLabel.text.startswith("Segment 'Segment_1' was deleted; its result")


def test_applying_takes_what_is_drawn_in_another_segment_only_after_a_yes(editor, monkeypatch):
    first = editor.widget.currentSegmentID()
    person.click(editor.widget._add)
    other = editor.widget.currentSegmentID()
    person.draw_slice(editor.widget, 0, 9, editor.truth[9])
    editor.widget.setCurrentSegmentID(first)
    editor.widget.setActiveEffectByName("Propagate")
    person.turns()
    editor.preview()
    assert "It meets what is drawn" in editor.effect.statusLabel.text
    monkeypatch.setattr(slicer.util, "confirmYesNoDisplay", lambda text, title: False)
    editor.apply()
    drawn = segmentMask(editor.segmentation, other, editor.volume)
    assert np.array_equal(drawn[9], editor.truth[9])


def test_a_cancelled_preview_leaves_nothing(editor):
    editor.preview()
    person.click(editor.effect.cancelButton)
    assert editor.mask().any(axis=(1, 2)).sum() == 1
    assert not editor.effect.cancelButton.enabled
    assert not [
        node
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
        if node.GetName().endswith("preview")
    ]


def test_leaving_the_effect_during_a_run_ends_it(editor):
    person.click(editor.effect.previewButton)
    editor.widget.setActiveEffectByName("Paint")
    person.turns(20)
    assert editor.mask().any(axis=(1, 2)).sum() == 1
    assert not [
        node
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
        if node.GetName().endswith("preview")
    ]


def test_without_a_seed_the_effect_says_so(editor):
    person.draw_slice(editor.widget, 0, 7, np.zeros_like(editor.truth[7]))
    editor.widget.setActiveEffectByName("Propagate")
    person.turns()
    person.click(editor.effect.previewButton)
    assert "Annotate at least one slice" in editor.effect.statusLabel.text


def test_the_directions_are_named_after_the_patient_along_the_axis_of_the_drawing(editor):
    box = editor.effect.directionComboBox
    assert [box.itemText(index) for index in range(3)] == [
        "Both directions",
        "Towards superior",
        "Towards inferior",
    ]
    person.click(editor.widget._add)  # nothing is stored with a new segment
    person.draw_slice(editor.widget, 1, 20, editor.truth[:, 20])
    editor.widget.setActiveEffectByName("Propagate")
    person.turns()
    assert {box.itemText(1), box.itemText(2)} == {"Towards anterior", "Towards posterior"}
    box.setCurrentIndex(1)
    editor.preview()
    editor.apply()
    slices = np.flatnonzero(editor.mask().any(axis=(0, 2)))
    assert slices[0] == 20
    assert len(slices) > 3


def test_without_a_segment_the_effect_says_so(editor):
    editor.segmentation.GetSegmentation().RemoveAllSegments()
    person.turns()
    editor.widget.mrmlSegmentEditorNode().SetSelectedSegmentID("")
    editor.effect.previewOrStop()
    assert "no segment chosen" in editor.effect.statusLabel.text


def test_what_the_effect_wrote_is_known_to_the_panel(editor):
    editor.preview()
    editor.apply()
    editor.widget.setActiveEffect(None)
    slicer.util.mainWindow().moduleSelector().selectModule("SlicePropagation")
    person.turns()
    panel = slicer.modules.SlicePropagationWidget.panel
    panel.ui.segmentationSelector.setCurrentNode(editor.segmentation)
    panel.ui.volumeSelector.setCurrentNode(editor.volume)
    person.turns()
    kinds = panel.review.review.kinds
    assert kinds[7] == 2
    assert kinds[8] == 1
    assert "Propagate" not in panel.ui.editor.effectNameOrder()
