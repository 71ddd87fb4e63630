"""What can be clicked, what tooltips say, keys, the strip.

And what happens to a run when nodes, scene or module go.
"""

import time

import numpy as np
import pytest
import shiboken6
import slicer
from host import person
from phantoms import disc, drifting_disc
from SlicePropagationMRML.nodes.slices_chart import tableOf
from SlicePropagationMRML.presenting.review import Kind, SliceReview

from SlicePropagationLib.pipelines.slices_table import COLUMNS


@pytest.fixture
def slow(seeded, monkeypatch):
    """The copying engine takes its time, so that things can happen during a run."""
    from SlicePropagationLib.engines.copy import CopyEngine

    walk = CopyEngine.walk

    def slowly(self, *arguments):
        for mask in walk(self, *arguments):
            time.sleep(0.05)
            yield mask

    monkeypatch.setattr(CopyEngine, "walk", slowly)
    return seeded


def preview_nodes():
    return [
        node
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
        if node.GetName().endswith("preview")
    ]


# What can be done, and why not


def test_every_step_towards_the_first_run_says_what_is_missing(annotator):
    button = annotator.ui.propagateButton
    assert not button.enabled
    assert button.toolTip == "Load or choose a volume"
    stack, truth = drifting_disc()
    annotator.load(stack)
    assert not button.enabled
    assert button.toolTip.startswith("Choose a segmentation")
    annotator.ui.segmentationSelector.addNode()
    person.turns()
    assert not button.enabled
    assert button.toolTip.startswith("Add a segment")
    annotator.add_segment()
    assert not button.enabled
    assert button.toolTip.startswith("Draw the structure")
    annotator.draw(7, truth[7])
    assert button.enabled
    assert "(P)" in button.toolTip


def test_every_disabled_control_says_why(seeded):
    from PySide6 import QtWidgets

    root = seeded.widget.root
    editor = set(root.findChild(QtWidgets.QWidget, "editor").findChildren(QtWidgets.QWidget))
    parts = set(root.findChild(QtWidgets.QWidget, "rangeWidget").findChildren(QtWidgets.QWidget))
    silent = [
        widget.objectName
        for widget in root.findChildren(QtWidgets.QWidget)
        if widget not in editor | parts
        and widget.isVisible()
        and not widget.isEnabled()
        and widget.isEnabledTo(widget.parentWidget()) is False
        and not widget.toolTip
    ]
    assert silent == []
    assert seeded.ui.nextButton.toolTip == "Nothing is propagated yet"


def test_an_engine_that_needs_torch_can_be_chosen_and_says_so(seeded, monkeypatch):
    from importlib import util

    find = util.find_spec
    monkeypatch.setattr(
        "SlicePropagationLib.engines.util.find_spec",
        lambda name: None if name == "torch" else find(name),
    )
    seeded.panel.run.refreshEngines()
    assert not seeded.ui.installButton.visible
    seeded.choose(seeded.ui.engineComboBox, "Trained network, needs PyTorch")
    assert seeded.ui.installButton.visible
    assert not seeded.ui.propagateButton.enabled
    assert "PyTorch" in seeded.ui.propagateButton.toolTip
    assert seeded.status == seeded.ui.propagateButton.toolTip
    person.click(seeded.ui.installButton)
    assert "Extensions Manager" in seeded.status


def test_a_volume_that_cannot_be_followed_is_named_in_the_status(annotator):
    from SlicePropagationLib.stack import SliceStack

    annotator.load(SliceStack(np.full((8, 20, 20), 5.0, np.float32)))
    annotator.add_segment()
    assert "constant" in annotator.status
    assert "constant" in annotator.ui.propagateButton.toolTip
    assert annotator.ui.reviewLabel.text == "Every slice of the segment will be shown here."


def test_those_who_have_no_volume_are_led_to_the_sample(annotator):
    assert "SlicePropagationAbdomen" in annotator.ui.reviewLabel.text


def test_directions_are_named_after_the_patient(seeded):
    assert [seeded.ui.directionComboBox.itemText(row) for row in range(3)] == [
        "Both directions",
        "Towards superior",
        "Towards inferior",
    ]
    seeded.choose(seeded.ui.directionComboBox, "Towards superior")
    seeded.propagate()
    assert set(seeded.kinds()[:7]) == {"unknown"}
    assert set(seeded.kinds()[8:]) == {"propagated"}


def test_in_an_oblique_volume_the_views_turn_onto_its_slices(annotator):
    stack, truth = drifting_disc()
    annotator.load(stack, directions=[[0.8, 0.0, 0.6], [0.0, 1.0, 0.0], [-0.6, 0.0, 0.8]])
    annotator.add_segment()
    assert annotator.ui.axisComboBox.currentText == "Axial, oblique by 37°"
    assert annotator.panel.review.index is None
    annotator.draw(7, truth[7])
    assert "Align views" in annotator.ui.confirmButton.toolTip
    annotator.click_slice(5)
    assert annotator.panel.review.index == 5
    annotator.choose(annotator.ui.axisComboBox, "Sagittal, oblique by 37°")
    assert "counts as drawn by you" in annotator.status
    assert annotator.logic.document.stack.axis == 2
    assert annotator.panel.review.index is not None
    assert len(annotator.kinds()) == 48


# A run


def test_the_button_becomes_stop_and_progress_counts_slices(slow):
    person.click(slow.ui.propagateButton)
    assert slow.ui.propagateButton.text == "Stop"
    assert slow.ui.progressBar.isVisible()
    person.wait_until(lambda: slow.ui.progressBar.value >= 4)
    assert slow.status.startswith("Slice ")
    assert " of 15" in slow.status
    assert slow.status.endswith("s left")
    assert preview_nodes()
    assert not slow.mask()[6].any()
    slow.wait_for_end()
    assert slow.ui.propagateButton.text == "Propagate"
    assert not slow.ui.progressBar.isVisible()
    assert slow.mask()[6].any()
    assert not preview_nodes()


@pytest.mark.parametrize("how", ["button", "Esc"])
def test_a_run_stops_within_one_slice_and_its_result_can_be_discarded(slow, how):
    person.click(slow.ui.propagateButton)
    person.wait_until(lambda: slow.ui.progressBar.value >= 3)
    steps = slow.ui.progressBar.value
    if how == "button":
        person.click(slow.ui.propagateButton)
    else:
        slow.key("Esc")
    slow.wait_for_end()
    assert slow.ui.progressBar.value <= steps + 2
    assert slow.ui.discardButton.isVisible()
    person.click(slow.ui.discardButton)
    assert slow.mask().any(axis=(1, 2)).sum() == 1
    assert not preview_nodes()
    assert not slow.ui.discardButton.isVisible()


def test_the_editor_s_keys_are_off_during_a_run_only(slow):
    editor = slow.ui.editor
    assert editor._shortcuts
    person.click(slow.ui.propagateButton)
    assert not editor._shortcuts
    slow.key("Esc")
    slow.wait_for_end()
    assert editor._shortcuts
    slow.key("D")
    assert not slow.logic.hasPartialResult


@pytest.mark.parametrize("isYes", [True, False])
def test_what_would_be_taken_from_a_neighbour_is_counted_first_and_drawn_slices_need_a_second_yes(
    seeded, monkeypatch, isYes
):
    other = seeded.add_segment()
    drawn = disc((48, 48), (24, 25), 3)
    seeded.draw(9, drawn)
    seeded.ui.editor.setCurrentSegmentID(seeded.segment)
    seeded.propagate()
    assert f"stays: {drawn.sum()} voxels of Segment_2, slice 9" in seeded.status
    assert seeded.ui.keepButton.isVisible()
    questions = []
    monkeypatch.setattr(
        slicer.util,
        "confirmYesNoDisplay",
        lambda text, title: questions.append(text) or isYes,
    )
    seeded.key("K")
    seeded.wait_for_end()
    assert len(questions) == 1
    assert f"{drawn.sum()} voxels of Segment_2, slice 9" in questions[0]
    assert seeded.mask(other).any() != isYes


def test_the_undo_of_the_only_seed_ends_a_run_and_a_result_that_waits(slow):
    person.click(slow.ui.propagateButton)
    person.wait_until(lambda: slow.ui.progressBar.value >= 2)
    slow.undo()
    slow.wait_for_end()
    assert slow.status.endswith(
        "drawn on no slice any more; the run ended and nothing was written."
    )
    assert not slow.mask(slow.segment).any()
    slow.redo()
    slow.stop_after(3)
    slow.undo()
    assert slow.status.endswith("its result is dropped and nothing was written.")
    assert slow.ui.statusIconLabel.isVisible()
    assert not slow.ui.keepButton.isVisible()
    assert not slow.mask(slow.segment).any()


# Review


def test_a_click_on_the_strip_shows_the_slice_and_scrolling_moves_the_mark(seeded):
    seeded.click_slice(3)
    red = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
    assert seeded.panel.review.index == 3
    assert red.GetSliceOffset() == pytest.approx(9.0)
    red.SetSliceOffset(15.0)
    assert seeded.panel.review.index == 5


def test_hovering_says_what_a_slice_is_and_why(seeded):
    seeded.propagate()
    cell = seeded.strip.width / 16
    person.hover(seeded.strip, int(7.5 * cell), 30)
    assert "Slice 7 of 16: seed: drawn by you" in seeded.strip.toolTip
    person.hover(seeded.strip, int(12.5 * cell), 30)
    assert "propagated" in seeded.strip.toolTip
    assert "Confidence" in seeded.strip.toolTip
    assert "5 slices from the annotated slice 7" in seeded.strip.toolTip


def test_confirm_and_nothing_here_make_anchors_and_can_be_undone(seeded):
    seeded.propagate()
    seeded.click_slice(9)
    seeded.key("C")
    assert seeded.kinds()[9] == "confirmed"
    assert seeded.status.startswith("Slice 9 is confirmed")
    seeded.click_slice(14)
    person.click(seeded.ui.emptyButton)
    assert seeded.kinds()[14] == "confirmed"
    assert not seeded.mask()[14].any()
    seeded.propagate()
    assert not seeded.mask()[14].any()
    assert seeded.kinds()[14] == "confirmed"
    seeded.undo()
    seeded.undo()
    assert seeded.status == "Undone: 'Nothing here' for Segment_1, slice 14."
    assert seeded.kinds()[14] == "propagated"
    assert seeded.mask()[14].any()


def test_a_correction_updates_its_gaps_at_once_when_asked_to(seeded):
    seeded.propagate()
    seeded.check(seeded.ui.autoUpdateCheckBox, True)
    seeded.draw(11, disc((48, 48), (10, 10), 4))
    seeded.wait_for_end()
    assert seeded.kinds()[11] == "correction"
    assert "stale" not in seeded.kinds()
    assert (seeded.mask()[13] == seeded.mask()[11]).all()


def test_the_trained_network_adapts_to_annotated_slices_when_asked_to(seeded):
    pytest.importorskip("torch")
    box = seeded.ui.adaptCheckBox
    assert not box.checked
    seeded.choose(seeded.ui.engineComboBox, "Trained network")
    seeded.check(box, True)
    assert "3 annotated slices" in box.toolTip
    for index in (5, 11):
        seeded.draw(index, disc((48, 48), (20, 20), 5))
    seeded.propagate()
    run = next(event for event in seeded.logic.session.history[::-1] if event["event"] == "run")
    assert len(run["adapt"]["annotated"][0]["slices"]) == 3
    seeded.choose(seeded.ui.engineComboBox, "Copy (baseline)")
    assert not box.enabled
    assert "nothing to tune" in box.toolTip
    assert not seeded.panel.run.adapts()
    seeded.choose(seeded.ui.engineComboBox, "Trained network")
    assert box.enabled
    assert seeded.panel.run.adapts()


def test_the_table_of_slices_is_what_the_strip_shows(seeded, monkeypatch, tmp_path):
    seeded.propagate()
    monkeypatch.setattr(seeded.panel.details, "askPath", lambda name: str(tmp_path / name))
    person.click(seeded.ui.detailsCollapsibleButton, 20, 8)
    assert "Image registration" in seeded.ui.enginesLabel.text
    assert "licence" in seeded.ui.enginesLabel.text
    person.click(seeded.ui.exportButton)
    rows = (tmp_path / "Segmentation.slices.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == ",".join(COLUMNS)
    assert rows[8].startswith("7,Segment_1,seed,1.000,")
    assert dict(zip(COLUMNS, rows[8].split(","), strict=True))["label"] == "1"
    assert len(rows) == 17


def test_the_chart_shows_area_and_confidence_of_the_slices_and_is_kept_up_to_date(seeded):
    seeded.propagate()
    person.click(seeded.ui.detailsCollapsibleButton, 20, 8)
    person.click(seeded.ui.chartButton)
    [chart] = slicer.util.getNodesByClass("vtkMRMLPlotChartNode")
    shown = slicer.app.applicationLogic().GetSelectionNode().GetActivePlotChartID()
    assert shown == chart.GetID()
    table = tableOf(chart)
    area = slicer.util.arrayFromTableColumn(table, "area_mm2")
    drawn = seeded.mask().sum(axis=(1, 2)) * 1.0 * 1.5
    assert area == pytest.approx(drawn)
    confidence = slicer.util.arrayFromTableColumn(table, "confidence")
    assert confidence[7] == 1
    assert 0 < confidence[12] < 1
    words = table.GetTable().GetColumnByName("provenance")
    assert [words.GetValue(index) for index in (7, 12)] == ["seed", "propagated"]
    seeded.click_slice(12)
    person.click(seeded.ui.confirmButton)
    person.click(seeded.ui.chartButton)
    assert slicer.util.getNodesByClass("vtkMRMLPlotChartNode") == [chart]
    words = table.GetTable().GetColumnByName("provenance")
    assert words.GetValue(12) == "confirmed"


def test_a_thousand_slices_fit_into_the_strip_and_no_anchor_is_lost(application):
    from SlicePropagationGUI.slice_strip import SliceStrip, columnsOf
    from SlicePropagationMRML.presenting.controls import DOUBTFUL

    kinds = np.full(1000, Kind.PROPAGATED, np.uint8)
    kinds[[123, 456]] = Kind.SEED, Kind.CORRECTION
    confidence = np.full(1000, 0.9, np.float32)
    confidence[777] = 0.1
    review = SliceReview(kinds, confidence, np.zeros(1000, bool), np.zeros(1000, bool))
    shown = columnsOf(review, 350)
    assert len(shown) == 350
    assert {123, 456, 777} <= set(shown.tolist())
    assert (np.diff(shown) > 0).all()
    strip = SliceStrip(str, lambda index: None)
    strip.resize(350, 56)
    strip.setReview(review)
    strip.setCurrent(5)
    column = shown.tolist().index(777)
    picture = strip.grab().toImage()
    assert picture.pixelColor(column, 54).name() == DOUBTFUL
    assert strip.indexAt(column) == 777


# Nothing that happens during a run does harm


def test_closing_the_scene_during_a_run_ends_it(slow):
    person.click(slow.ui.propagateButton)
    person.wait_until(lambda: slow.ui.progressBar.value >= 2)
    slicer.mrmlScene.Clear(False)
    person.turns(50)
    assert not slow.logic.isRunning
    assert "closed" in slow.status
    assert slow.panel.review.review is None
    slow.load(slow.stack)
    slow.add_segment()
    slow.draw(7, slow.truth[7])
    slow.propagate()
    assert slow.mask()[8].any()


@pytest.mark.parametrize("victim", ["volume", "segmentation", "segment"])
def test_what_is_deleted_during_a_run_ends_it_with_a_sentence(slow, victim):
    person.click(slow.ui.propagateButton)
    person.wait_until(lambda: slow.ui.progressBar.value >= 2)
    if victim == "segment":
        slow.segmentation.GetSegmentation().RemoveSegment(slow.segment)
    else:
        slicer.mrmlScene.RemoveNode(getattr(slow, victim))
    slow.wait_for_end()
    slow.wait_for_panel()
    assert not slow.logic.isRunning
    assert not preview_nodes()
    assert slow.ui.propagateButton.text == "Propagate"
    assert not slow.ui.propagateButton.enabled
    assert "nothing was written" in slow.status


def test_another_module_may_be_shown_during_a_run(slow):
    selector = slow.window.moduleSelector()
    person.click(slow.ui.propagateButton)
    selector.selectModule("Data")
    assert not slow.ui.editor._shortcuts
    assert not slow.panel.shortcuts._shortcuts
    assert slow.panel.shortcuts._escape is None
    slow.wait_for_end()
    selector.selectModule("SlicePropagation")
    person.turns()
    assert slow.mask()[9].any()
    assert slow.kinds()[9] == "propagated"
    assert slow.ui.editor._shortcuts


def test_a_reload_during_a_run_ends_it_and_the_new_panel_works(slow):
    person.click(slow.ui.propagateButton)
    person.wait_until(lambda: slow.ui.progressBar.value >= 2)
    slow.widget.onReload()
    person.turns(20)
    assert not preview_nodes()
    slow.widget = slicer.modules.SlicePropagationWidget
    assert slow.kinds()[7] == "seed"
    assert set(slow.kinds()[8:]) == {"unknown"}
    slow.propagate()
    assert slow.kinds()[9] == "propagated"
    assert slow.mask()[9].any()


def test_after_a_reload_no_editor_of_the_panel_before_listens_to_strokes(seeded, caplog):
    from PySide6 import QtCore

    before = seeded.ui.editor
    seeded.widget.onReload()
    person.turns(20)
    seeded.widget = slicer.modules.SlicePropagationWidget
    deleted = QtCore.QEvent.DeferredDelete.value
    QtCore.QCoreApplication.sendPostedEvents(None, deleted)  # as an event loop does
    caplog.clear()
    seeded.draw(9, seeded.truth[9])
    assert seeded.kinds()[9] == "seed"
    assert "updateMaskingSection" not in caplog.text
    assert not shiboken6.isValid(before)


def test_an_edit_during_a_run_stands(slow):
    person.click(slow.ui.propagateButton)
    person.wait_until(lambda: slow.ui.progressBar.value >= 2)
    drawn = disc((48, 48), (12, 12), 4)
    person.draw_slice(slow.ui.editor, 0, 13, drawn)
    slow.wait_for_end()
    slow.wait_for_panel()
    assert (slow.mask()[13] == drawn).all()
    assert (slow.mask()[14] == drawn).all()


# First contact


def test_the_sample_is_offered_generated_once_and_can_be_removed(annotator):
    source = slicer.modules.sampleDataSources["Slice Propagation"][-1]
    nodes = [source.customDownloader(source) for _ in range(2)]
    first, second = (slicer.util.arrayFromVolume(node) for (node,) in nodes)
    assert first.shape == (60, 256, 256)
    assert np.array_equal(first, second)
    assert nodes[0][0].GetName() == "SlicePropagationAbdomen"
    assert all(node.GetSpacing() == pytest.approx((1.4, 1.4, 3.0)) for (node,) in nodes)
    person.turns()
    annotator.panel.refresh()
    person.click(annotator.ui.detailsCollapsibleButton, 20, 8)
    assert "SlicePropagationAbdomen.nrrd" in annotator.ui.removeFilesButton.toolTip
    person.click(annotator.ui.removeFilesButton)
    assert annotator.status == "Removed 1 files."
    assert not annotator.ui.removeFilesButton.enabled


def test_what_is_drawn_in_another_view_is_shown_as_hints_and_stays(seeded):
    section = seeded.mask()[:, :, 24]
    section[4:11, 10:20] = True
    seeded.draw(24, section, axis=2)
    assert seeded.kinds()[4:11] == ["hint"] * 3 + ["seed"] + ["hint"] * 3
    assert seeded.status.endswith(
        "That is a hint for slices 4-6, 8-10 (Axial): Propagate fills them and keeps it."
    )
    assert "hints on 6" in seeded.ui.reviewLabel.text
    seeded.propagate()
    assert "hint" not in seeded.kinds()
    assert seeded.mask()[4:11, 10:20, 24].all()
    assert seeded.kinds().count("seed") == 1
    assert "in another plane stays" in seeded.panel.review._describe(5)
