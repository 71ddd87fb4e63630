"""Whatever the panel shows was looked up in the translation: with marks around each text, none lacks them.

Texts of .ui files are Qt's to translate, those of Slicer's own widgets Slicer's; names and numbers
are nobody's.
"""

import os
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip(
    "PySide6.QtWidgets",
    reason="the test host needs PySide6-Essentials and the libraries of Qt's offscreen platform",
    exc_type=ImportError,
)
pytest.importorskip("slicer", reason="needs slicer-core, Slicer's MRML libraries")

from annotator import Annotator
from host import person, slicerenv
from phantoms import drifting_disc

slicerenv.bootstrap()

import slicer
import slicer.i18n
from PySide6 import QtWidgets
from PySide6.QtCore import Qt

CHECKOUT = Path(__file__).resolve().parents[2]
MODULE = CHECKOUT / "SlicePropagation" / "SlicePropagation.py"
UI_FILE = CHECKOUT / "Resources" / "UI" / "SlicePropagation.ui"
OWN_PACKAGES = ("SlicePropagationMRML", "SlicePropagationGUI")
CONTAINERS = {"qMRMLWidget", "ctkCollapsibleButton", "ctkCollapsibleGroupBox"}
SHOWN = ("text", "title", "toolTip", "placeholderText", "prefix", "suffix", "format")
NAMES = {"CT", "Segmentation", "Segment_1", "PyTorch", "%p%"}


def marked(text):
    """A text as a translator would give it, to be told from one that nobody looked up."""
    return f"⟦{text}⟧" if text else text


@pytest.fixture
def annotator(application, monkeypatch):
    """A person in front of the panel in a language of marks."""
    monkeypatch.setattr(slicer.i18n, "tr", marked)
    monkeypatch.setattr(slicer.i18n, "translate", lambda context, text: marked(text))
    for name in [name for name in sys.modules if name.split(".")[0] in OWN_PACKAGES]:
        monkeypatch.delitem(sys.modules, name)
    slicer.util.mainWindow().resize(420, 1500)
    slicer.util.mainWindow().show()
    someone = Annotator(slicerenv.load_module(MODULE)[2])
    yield someone
    slicer.mrmlScene.Clear(False)
    slicerenv.unload_module(MODULE.stem)
    slicer.util.mainWindow().hide()


def texts_of_ui_file():
    """The texts that Qt translates when it reads the .ui file."""
    strings = ElementTree.parse(UI_FILE).getroot().iter("string")
    return {one.text.strip() for one in strings if one.text and one.get("notr") != "true"}


def own_widgets(widget):
    """A widget and those below it, but what Slicer's and CTK's widgets are made of."""
    yield widget
    kind = getattr(type(widget), "_slicer_class", None)
    if kind is None or kind in CONTAINERS:
        for child in widget.children():
            if isinstance(child, QtWidgets.QWidget):
                yield from own_widgets(child)


def texts_of(widget):
    """All that a widget shows or tells."""
    yield from (widget.property(name) for name in SHOWN)
    if isinstance(widget, QtWidgets.QComboBox):
        yield from (widget.itemText(row) for row in range(widget.count))
        yield from (widget.itemData(row, Qt.ToolTipRole) for row in range(widget.count))


def is_for_people(text):
    """Whether a text has words that are no name and no path."""
    if not isinstance(text, str) or text in NAMES or not re.search(r"[^\W\d_]{2}", text):
        return False
    # of a text too long for a name, Path raises
    return not all(os.path.isfile(line) for line in text.splitlines())


def untranslated(annotator):
    """Texts with no marks that neither Qt nor Slicer translates."""
    by_qt = texts_of_ui_file()
    assert annotator.ui.stripFrame in own_widgets(annotator.widget.root)
    texts = {text for part in own_widgets(annotator.widget.root) for text in texts_of(part)}
    return {text for text in texts if is_for_people(text) and "⟦" not in text} - by_qt


def hovered(annotator):
    """What hovering over the strip's cells tells."""
    review = annotator.panel.review
    return [review._describe(index) for index in range(len(review.review))]


def test_an_empty_panel_shows_nothing_untranslated(annotator):
    assert "⟦" in annotator.status
    assert untranslated(annotator) == set()


def test_a_panel_through_its_workflow_shows_nothing_untranslated(annotator):
    stack, truth = drifting_disc()
    annotator.load(stack)
    annotator.add_segment()
    annotator.draw(7, truth[7])
    assert untranslated(annotator) == set()
    annotator.ui.engineComboBox.setCurrentIndex(0)
    annotator.propagate()
    assert "⟦" in annotator.status
    assert untranslated(annotator) == set()
    assert [text for text in hovered(annotator) if not text.startswith("⟦")] == []
    annotator.ui.detailsCollapsibleButton.collapsed = False
    person.click(annotator.ui.nextButton)
    person.turns()
    assert untranslated(annotator) == set()
    annotator.undo()
    assert untranslated(annotator) == set()


def test_an_error_is_shown_translated(annotator):
    slicer.util.addVolumeFromArray(drifting_disc()[0].images * 0, name="CT")
    annotator.add_segment()
    person.turns()
    annotator.ui.volumeSelector.setCurrentNode(slicer.util.getNode("CT"))
    annotator.wait_for_panel()
    assert "⟦The volume is constant" in annotator.status
