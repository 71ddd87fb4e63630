"""The host's scene, widgets, editor, files and modules do what Slicer's do."""

import numpy as np
import pytest

pytest.importorskip(
    "PySide6.QtWidgets",
    reason="the test host needs PySide6-Essentials and the libraries of Qt's offscreen platform",
    exc_type=ImportError,
)
pytest.importorskip("slicer", reason="needs slicer-core, Slicer's MRML libraries")

from host import classes, mrml_widgets, person, slicerenv

slicerenv.bootstrap()

import ctk
import qt
import slicer

DISC = np.add.outer((np.arange(24) - 12) ** 2, (np.arange(20) - 9) ** 2) < 30


def make_volume(name="CT", shape=(8, 24, 20)):
    return slicer.util.addVolumeFromArray(np.zeros(shape, np.float32), name=name)


def volume_box():
    box = slicer.qMRMLNodeComboBox()
    box.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    box.setMRMLScene(slicer.mrmlScene)
    return box


@pytest.fixture
def editor(application):
    """A segment editor with a volume, a segmentation of two segments, and Paint ready."""
    volume = make_volume()
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for segment_id in ("liver", "kidney"):
        segmentation.GetSegmentation().AddEmptySegment(segment_id, segment_id)
    widget = slicer.qMRMLSegmentEditorWidget()
    widget.setMRMLScene(slicer.mrmlScene)
    widget.setMRMLSegmentEditorNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
    widget.setSegmentationNode(segmentation)
    widget.setSourceVolumeNode(volume)
    return widget


def mask(editor, segment_id="liver"):
    return person.mask_of(editor.segmentationNode(), segment_id, editor.sourceVolumeNode())


def test_with_paint_active_an_editor_is_as_high_as_the_real_one(editor):
    editor.segmentationNodeSelectorVisible = False
    editor.sourceVolumeNodeSelectorVisible = False
    editor.setActiveEffectByName("Paint")
    assert abs(editor.sizeHint.height() - 550) <= 6


def test_an_editor_that_lost_its_node_goes_on_watching_the_segmentation_as_in_slicer(
    editor, caplog
):
    segmentation = editor.segmentationNode()
    editor.setMRMLSegmentEditorNode(None)
    segmentation.GetSegmentation().GetSegment("liver").SetName("Liver")
    assert "Invalid segment editor parameter set node" in caplog.text
    caplog.clear()
    editor.setMRMLScene(None)
    segmentation.GetSegmentation().GetSegment("liver").SetName("liver")
    assert caplog.text == ""


# Selectors


def test_a_node_selector_follows_the_scene(application):
    box = volume_box()
    seen = []
    box.connect(
        "currentNodeChanged(vtkMRMLNode*)",
        lambda node: seen.append(node and node.GetName()),
    )
    first = make_volume("first")
    second = make_volume("second")
    assert box.currentNode() is first
    assert box.nodeCount() == 2
    slicer.mrmlScene.RemoveNode(first)
    assert box.currentNode() is second
    slicer.mrmlScene.Clear()
    assert box.currentNode() is None
    assert seen == ["first", "second", None]


def test_a_node_selector_offers_only_its_types(application):
    box = volume_box()
    box.hideChildNodeTypes = ["vtkMRMLLabelMapVolumeNode"]
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "segmentation")
    make_volume("hidden").SetHideFromEditors(True)
    box.setMRMLScene(slicer.mrmlScene)
    assert box.nodeCount() == 0


def test_a_node_selector_starts_with_none_where_none_is_allowed(application):
    box = slicer.qMRMLNodeComboBox()
    box.noneEnabled = True
    box.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    box.setMRMLScene(slicer.mrmlScene)
    volume = make_volume()
    assert box.currentNode() is None
    box.currentNodeID = volume.GetID()
    assert box.currentNode() is volume


def test_a_node_selector_may_choose_only_when_it_is_shown(application, monkeypatch):
    monkeypatch.setattr(mrml_widgets, "unseen_boxes_choose", False)
    volume = make_volume()
    box = slicer.qMRMLNodeComboBox()
    box.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    seen = []
    box.connect("currentNodeChanged(bool)", seen.append)
    box.setMRMLScene(slicer.mrmlScene)
    assert box.currentNode() is None
    box.show()
    person.turns()
    assert box.currentNode() is volume
    assert seen == [False, True]


def test_a_segment_selector_follows_the_segments(application, editor):
    selector = slicer.qMRMLSegmentSelectorWidget()
    seen = []
    selector.connect("currentSegmentChanged(QString)", seen.append)
    selector.setMRMLScene(slicer.mrmlScene)
    selector.setCurrentNode(editor.segmentationNode())
    selector.setCurrentSegmentID("kidney")
    editor.segmentationNode().GetSegmentation().RemoveSegment("kidney")
    assert seen == ["liver", "kidney", "liver"]
    assert selector.segmentIDs() == ("liver",)


def test_rows_of_the_segments_table_are_selected_together(application, editor):
    table = slicer.qMRMLSegmentsTableView()
    table.setSegmentationNode(editor.segmentationNode())
    table.setSelectedSegmentIDs(["liver", "kidney"])
    assert table.selectedSegmentIDs() == ("liver", "kidney")
    assert table.segmentCount == 2
    editor.segmentationNode().GetSegmentation().RemoveSegment("liver")
    assert table.selectedSegmentIDs() == ("kidney",)


# ctk


def test_a_range_keeps_its_values_in_order_and_inside_its_limits(application):
    for kind in (ctk.ctkRangeWidget, ctk.ctkDoubleRangeSlider):
        widget = kind()
        seen = []
        widget.connect(
            "valuesChanged(double,double)",
            lambda low, high, seen=seen: seen.append((low, high)),
        )
        widget.minimum = 0
        widget.maximum = 20
        widget.singleStep = 1
        widget.setValues(12, 4)
        widget.maximumValue = 50
        widget.minimumValue = 30
        assert (widget.minimumValue, widget.maximumValue) == (20, 20)
        assert seen[-3:] == [(4, 12), (4, 20), (20, 20)]


def test_a_handle_of_a_range_is_dragged_with_the_mouse(application):
    slider = ctk.ctkDoubleRangeSlider()
    slider.minimum = 0
    slider.maximum = 10
    slider.singleStep = 1
    slider.setValues(0, 10)
    slider.resize(214, 24)
    slider.show()
    person.turns()
    person.click(slider.children()[-1], 7 + 60)
    assert (slider.minimumValue, slider.maximumValue) == (3, 10)


def test_what_is_shown_or_hidden_in_a_collapsed_section_is_so_once_it_is_open(application):
    section = ctk.ctkCollapsibleButton()
    layout = qt.QVBoxLayout(section)
    shown, hidden = qt.QLabel("shown"), qt.QLabel("hidden")
    for label in (shown, hidden):
        layout.addWidget(label)
    section.show()
    hidden.hide()
    section.collapsed = True
    shown.show()
    assert not shown.isVisible()
    section.collapsed = False
    assert shown.isVisible()
    assert not hidden.isVisible()
    section.hide()


def test_a_collapsed_section_hides_what_is_in_it(application):
    section = ctk.ctkCollapsibleButton()
    seen = []
    layout = qt.QVBoxLayout(section)
    inside = qt.QLabel("inside")
    layout.addWidget(inside)
    section.connect("contentsCollapsed(bool)", seen.append)
    section.collapsed = True
    section.show()
    person.turns()
    assert not inside.isVisible()
    person.click(section, 30, 8)
    assert inside.isVisible()
    assert not section.collapsed
    assert seen == [True, False]


def test_slider_and_number_show_the_same_value(application):
    widget = ctk.ctkSliderWidget()
    seen = []
    widget.connect("valueChanged(double)", seen.append)
    widget.maximum = 5
    widget.value = 7
    assert widget.value == 5
    assert seen == [5]


def test_a_method_with_a_result_that_the_host_does_not_know_is_refused(application):
    with pytest.raises(classes.HostError, match="convertDeviceToXYZ"):
        application.layoutManager().sliceWidget("Red").sliceView().convertDeviceToXYZ([1, 2])


def test_a_slot_that_the_host_does_not_act_out_is_noted(application):
    slicer.qMRMLSegmentEditorWidget().hideLabelLayer()
    assert ("qMRMLSegmentEditorWidget", "hideLabelLayer", 0) in classes.stub_calls


# Segment editor


def test_a_stroke_is_one_undo_step(editor):
    person.draw_slice(editor, 0, 4, DISC)
    assert np.array_equal(mask(editor)[4], DISC)
    assert mask(editor).sum() == DISC.sum()
    editor.undo()
    assert not mask(editor).any()
    editor.redo()
    assert mask(editor).sum() == DISC.sum()


def test_redrawing_a_slice_erases_what_is_too_much(editor):
    sagittal = DISC[:, 4:12].T
    person.draw_slice(editor, 2, 9, sagittal)
    person.draw_slice(editor, 2, 9, sagittal[::-1])
    assert np.array_equal(mask(editor)[:, :, 9], sagittal[::-1])


def test_the_editor_keeps_as_many_undo_steps_as_it_is_told(editor):
    editor.maximumNumberOfUndoStates = 2
    for index in range(4):
        person.draw_slice(editor, 0, index, DISC)
    for _ in range(4):
        editor.undo()
    assert mask(editor)[0].any()
    assert not mask(editor)[3].any()


def test_nobody_draws_without_an_effect(editor):
    with pytest.raises(RuntimeError, match="no effect is active"):
        person.stroke(editor, np.ones((8, 24, 20), bool))


def test_drawing_takes_voxels_from_a_neighbour_only_where_overwriting_is_allowed(editor):
    person.draw_slice(editor, 0, 4, DISC)
    node = editor.mrmlSegmentEditorNode()
    editor.setCurrentSegmentID("kidney")
    for mode, num_left in ((node.OverwriteNone, DISC.sum()), (node.OverwriteAllSegments, 0)):
        node.SetOverwriteMode(mode)
        person.draw_slice(editor, 0, 4, DISC)
        assert mask(editor, "liver").sum() == num_left
        editor.undo()


def test_two_editors_on_one_node_show_the_same_selection(application, editor):
    other = slicer.qMRMLSegmentEditorWidget()
    seen = []
    other.setMRMLScene(slicer.mrmlScene)
    other.connect("currentSegmentIDChanged(QString)", seen.append)
    other.setMRMLSegmentEditorNode(editor.mrmlSegmentEditorNode())
    editor.setCurrentSegmentID("kidney")
    editor.setActiveEffectByName("Erase")
    assert other.currentSegmentID() == "kidney"
    assert other.activeEffect().name == "Erase"
    assert seen == ["liver", "kidney"]
    assert other.segmentationNode() is editor.segmentationNode()
    assert other.sourceVolumeNode() is editor.sourceVolumeNode()


def test_shortcuts_of_the_editor_act_only_while_they_are_installed(application, editor):
    editor.show()
    person.turns()
    person.draw_slice(editor, 0, 4, DISC)
    editor.installKeyboardShortcuts(editor)
    person.press_key(editor, "Z")
    assert not mask(editor).any()
    editor.uninstallKeyboardShortcuts()
    person.press_key(editor, "Y")
    assert not mask(editor).any()


def test_the_undo_button_follows_the_history(editor):
    editor.show()
    undo = next(button for button in editor.findChildren("QToolButton") if button.text == "Undo")
    assert not undo.isEnabled()
    person.draw_slice(editor, 0, 4, DISC)
    person.click(undo)
    assert not mask(editor).any()
    assert not undo.isEnabled()


EFFECT = """
import qt
from SegmentEditorEffects import *

class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    def __init__(self, scriptedEffect):
        scriptedEffect.name = scriptedEffect.title = "Fill all"
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
    def clone(self):
        import qSlicerSegmentationsEditorEffectsPythonQt as effects
        copy = effects.qSlicerSegmentEditorScriptedEffect(None)
        copy.setPythonSource(__file__)
        return copy
    def setupOptionsFrame(self):
        self.button = qt.QPushButton("Fill")
        self.scriptedEffect.addOptionsWidget(self.button)
        self.button.connect("clicked()", self.fill)
    def setMRMLDefaults(self):
        self.scriptedEffect.setParameterDefault("Level", 1)
    def fill(self):
        self.scriptedEffect.saveStateForUndo()
        labelmap = self.scriptedEffect.defaultModifierLabelmap()
        labelmap.GetPointData().GetScalars().Fill(self.scriptedEffect.integerParameter("Level"))
        self.scriptedEffect.modifySelectedSegmentByLabelmap(labelmap, self.scriptedEffect.ModificationModeAdd)
"""


def button_named(editor, name):
    """The button of an effect, whether it shows the name or tells it."""
    buttons = editor.findChildren("QToolButton")
    return next(button for button in buttons if name in (button.text, button.toolTip))


def test_a_scripted_effect_is_registered_and_acts_in_an_editor(application, editor, tmp_path):
    source = tmp_path / "SegmentEditorEffect.py"
    source.write_text(EFFECT, encoding="utf-8")
    effect = slicer.qSlicerSegmentEditorScriptedEffect(None)
    effect.setPythonSource(str(source))
    effect.self().register()
    editor.show()
    person.click(button_named(editor, "Fill all"))
    person.click(editor.activeEffect().self().button)
    assert mask(editor).all()
    editor.undo()
    assert not mask(editor).any()
    slicer.qSlicerSegmentEditorEffectFactory.instance()._registered.clear()


# Application


def test_slice_views_have_real_slice_nodes(application):
    layout = application.layoutManager()
    assert layout.sliceViewNames() == ("Red", "Yellow", "Green")
    node = layout.sliceWidget("Yellow").mrmlSliceNode()
    assert node.GetOrientation() == "Sagittal"
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, 12.0, 0.0, 0.0)
    assert node.GetSliceToRAS().GetElement(0, 3) == 12.0


def test_slice_views_come_back_when_the_scene_is_closed(application):
    slicer.mrmlScene.Clear()
    node = application.layoutManager().sliceWidget("Green").mrmlSliceNode()
    assert slicer.mrmlScene.IsNodePresent(node)
    assert node.GetOrientation() == "Coronal"


def test_a_scene_is_saved_and_loaded(application, editor, tmp_path):
    person.draw_slice(editor, 0, 4, DISC)
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"), {})
    slicer.mrmlScene.Clear()
    slicer.util.loadScene(str(tmp_path / "scene.mrb"), {})
    segmentation = slicer.util.getNode("Segmentation")
    volume = slicer.util.getNode("CT")
    assert np.array_equal(person.mask_of(segmentation, "liver", volume)[4], DISC)


def test_a_volume_and_a_segmentation_are_written_and_read(application, editor, tmp_path):
    person.draw_slice(editor, 0, 4, DISC)
    for node, name in (
        (editor.sourceVolumeNode(), "image.nrrd"),
        (editor.segmentationNode(), "labels.seg.nrrd"),
    ):
        assert slicer.util.saveNode(node, str(tmp_path / name), {})
    slicer.mrmlScene.Clear()
    volume = slicer.util.loadVolume(str(tmp_path / "image.nrrd"), {})
    segmentation = slicer.util.loadSegmentation(str(tmp_path / "labels.seg.nrrd"), {})
    assert slicer.util.arrayFromVolume(volume).shape == (8, 24, 20)
    assert np.array_equal(person.mask_of(segmentation, "liver", volume)[4], DISC)


def test_settings_come_back_as_they_went_in(application):
    application.settings().setValue("SlicePropagation/AutoUpdate", True)
    assert (
        slicer.util.settingsValue(
            "SlicePropagation/AutoUpdate",
            False,
            converter=slicer.util.toBool,
        )
        is True
    )


def test_message_boxes_do_not_stop_a_test(application, caplog):
    caplog.set_level("INFO")
    slicer.util.errorDisplay("The disk is full.")
    assert "skipping message box" in caplog.text
