"""The section *Details*: what the engines are, where their weights come from, the table of slices, downloaded files."""

import qt
from SlicePropagationMRML.presenting.controls import engineNames, engineNotes
from SlicePropagationMRML.presenting.exports import (
    downloadedFiles,
    modelCard,
    removeDownloadedFiles,
)
from slicer.i18n import tr as _

from SlicePropagationLib.engines import ENGINES


class DetailsSection:
    """For the curious.

    Args:
        ui: the widgets of the panel by name.
        folder: where sample data is kept.
    """

    def __init__(self, ui, folder):
        self._ui = ui
        self._folder = folder
        ui.detailsCollapsibleButton.connect("contentsCollapsed(bool)", self._opened)

    def connectTo(self, commands):
        """Let the buttons do something."""
        self._ui.exportButton.connect("clicked()", commands.export)
        self._ui.chartButton.connect("clicked()", commands.chart)
        self._ui.fineButton.connect("clicked()", commands.makeFine)
        self._ui.removeFilesButton.connect("clicked()", commands.removeFiles)

    def removeFiles(self):
        """Delete what the extension keeps on the disk; returns how many files went."""
        return removeDownloadedFiles(self._folder)

    def showState(self, state):
        """Enable what can be done, and say why the rest cannot."""
        self._ui.exportButton.enabled = state.export == ""
        self._ui.exportButton.toolTip = state.export or _(
            "Write slice, segment, provenance, confidence and area of every slice into a CSV file"
        )
        self._ui.chartButton.enabled = state.export == ""
        self._ui.chartButton.toolTip = state.export or _(
            "Show area and confidence of every slice of the segment in a chart, with a table"
        )
        self._ui.fineButton.enabled = state.export == "" and state.choices == ""
        self._ui.fineButton.toolTip = (
            state.export
            or state.choices
            or _(
                "Make a segmentation on slices as thin as pixels are wide, without stair steps;"
                " this one stays as it is"
            )
        )
        files = downloadedFiles(self._folder)
        self._ui.removeFilesButton.enabled = bool(files)
        hint = _("Nothing has been downloaded or generated")
        if files:
            hint = "\n".join([_("Delete these files:"), *files])
        self._ui.removeFilesButton.toolTip = hint

    def askPath(self, name):
        """Where to write a table; empty when the person changed their mind."""
        return qt.QFileDialog.getSaveFileName(
            self._ui.exportButton,
            _("Export table of slices"),
            name,
            "CSV (*.csv)",
        )

    def _opened(self, isCollapsed):
        if not isCollapsed:
            self._ui.enginesLabel.text = enginesText()
            self._ui.enginesLabel.toolTip = weightsText()


def enginesText():
    """Each engine in a sentence, with its weights, as rich text."""
    notes = [f"<b>{title}</b>: {text}" for title, text in engineNotes()]
    return "<p>" + "</p><p>".join(notes) + "</p>"


def weightsText():
    """Where the weights are on this machine."""
    engines = [ENGINES[name] for name in engineNames()]
    names = dict.fromkeys(engine.weights_name for engine in engines if engine.has_weights)
    return "\n".join(card["path"] for card in map(modelCard, names) if card)
