"""On a laptop nothing has to be scrolled for, from the first click to the reviewed result.

The host's segment editor has the real one's height.
"""

import pytest
import slicer
from host import person
from phantoms import drifting_disc

# what a screen of 768 pixels leaves: Slicer's menu, tool bars, status bar, help section and
# module selector, and the task bar, take about 170
ROOM = 600
SCREEN = 768
EDITOR = 550  # with Paint active
BRUSH = 100  # of its options, what the size of the brush takes; below it are rarer ones


@pytest.fixture(params=[400, 600])
def laptop(annotator, request):
    """A person who sees as much of the panel as a laptop shows, in a docked panel's widths."""
    slicer.util.mainWindow().resize(request.param, SCREEN)
    person.turns()
    return annotator


def bottom(annotator, widget):
    """Where a widget that can be seen ends, in pixels from the top of the panel."""
    assert widget.isVisible(), widget.name
    corner = widget.mapTo(annotator.widget.root, widget.rect.bottomRight())
    return corner.y() + 1


def use(annotator, *widgets):
    """The person needs these widgets now: none is below what the laptop shows."""
    person.turns()
    low = {part.name or part.toolTip: bottom(annotator, part) for part in widgets}
    assert max(low.values()) <= ROOM, low


def test_from_the_first_click_to_the_reviewed_result_nothing_is_scrolled_for(laptop):
    ui = laptop.ui
    editor = ui.editor
    stack, truth = drifting_disc()
    use(laptop, ui.volumeSelector, ui.segmentationSelector, ui.statusLabel)
    laptop.load(stack)
    ui.segmentationSelector.addNode()
    use(laptop, ui.scopeComboBox, editor._add)
    laptop.add_segment()
    editor.setActiveEffectByName("Paint")
    person.turns()
    assert abs(editor.height - EDITOR) <= 6
    paint = editor._buttons["Paint"]
    use(laptop, editor._table, paint, editor._buttons["Erase"])
    brush = editor._options.mapTo(laptop.widget.root, editor._options.rect.topLeft()).y()
    assert brush + BRUSH <= ROOM
    laptop.draw(7, truth[7])
    laptop.choose(ui.engineComboBox, "Copy (baseline)")
    person.click(ui.optionsCollapsibleButton, 20, 8)
    use(laptop, ui.propagateButton, laptop.strip, ui.statusLabel)
    person.click(ui.propagateButton)
    use(laptop, ui.progressBar, ui.propagateButton)
    laptop.key("Esc")
    laptop.wait_for_end()
    use(laptop, ui.keepButton, ui.discardButton)
    laptop.key("K")
    laptop.wait_for_end()
    editor.setActiveEffectByName("Paint")
    use(laptop, laptop.strip, ui.nextButton, ui.confirmButton, ui.emptyButton, paint)
    assert bottom(laptop, editor) <= SCREEN


def test_the_panel_is_no_wider_than_a_docked_one(annotator):
    from PySide6 import QtWidgets

    root = annotator.widget.root
    annotator.load(drifting_disc()[0])
    annotator.add_segment()
    annotator.ui.editor.setActiveEffectByName("Paint")
    person.turns()
    assert QtWidgets.QWidget.minimumSizeHint(root).width() <= 400


def test_what_is_worked_on_folds_into_a_line_once_it_is_chosen(annotator):
    ui = annotator.ui
    assert not ui.inputToggleButton.isEnabled()
    annotator.load(drifting_disc()[0])
    annotator.add_segment()
    person.click(ui.inputToggleButton)
    assert not ui.volumeSelector.isVisible()
    assert ui.inputLabel.isVisible()
    assert ui.inputLabel.text.endswith("· Segmentation · Selected segment")
    slicer.mrmlScene.Clear(False)
    person.turns()
    assert ui.volumeSelector.isVisible()


def test_the_line_of_the_options_says_what_is_chosen(seeded):
    assert seeded.ui.optionsCollapsibleButton.text == "Options: Axial, Copy (baseline)"
    seeded.check(seeded.ui.toTheEndCheckBox, False)
    seeded.ui.rangeWidget.setValues(2, 9)
    seeded.panel.refresh()
    assert seeded.ui.optionsCollapsibleButton.text.endswith(", slices 2-9")


def test_an_error_has_a_sign_and_a_colour_and_the_next_sentence_has_neither(annotator):
    ui = annotator.ui
    plain = ui.statusLabel.palette.color(ui.statusLabel.foregroundRole()).name()
    annotator.panel.say("It went wrong.", isError=True)
    assert ui.statusIconLabel.isVisible()
    assert ui.statusLabel.palette.color(ui.statusLabel.foregroundRole()).name() != plain
    annotator.panel.say("All is well.")
    assert not ui.statusIconLabel.isVisible()
    assert ui.statusLabel.palette.color(ui.statusLabel.foregroundRole()).name() == plain
