"""*Segment first*, below *Options*: which model that needs no seed, and the button that runs it."""

import qt
from SlicePropagationMRML.presenting.models import firstHint, modelText, modelTitle

from SlicePropagationLib.segmenters.catalogue import shipped_models


class FirstSection:
    """The models that came with this installation; hidden where there is none.

    Args:
        ui: the widgets of the panel by name.
    """

    def __init__(self, ui):
        self._ui = ui
        # their cards are read once: the panel says its state after every click
        self._models = list(shipped_models().values())
        for model in self._models:
            row = ui.modelComboBox.count
            ui.modelComboBox.addItem(modelTitle(model))
            ui.modelComboBox.setItemData(row, modelText(model), qt.Qt.ToolTipRole)

        # what a folded section hides cannot be hidden for good: it is shown when it is unfolded
        ui.optionsCollapsibleButton.connect("contentsCollapsed(bool)", self._folded)

    def connectTo(self, commands):
        """Let the button do something."""
        self._ui.segmentFirstButton.connect("clicked()", commands.segmentFirst)

    def model(self):
        """The `ShippedModel` chosen."""
        return self._models[self._ui.modelComboBox.currentIndex]

    def showState(self, state):
        """Enable what can be done, and say why the rest cannot."""
        ui = self._ui
        ui.modelComboBox.enabled = state.choices == ""
        ui.segmentFirstButton.enabled = state.first == ""
        ui.segmentFirstButton.toolTip = state.first or firstHint()
        if self._models:
            ui.modelComboBox.toolTip = state.choices or modelText(self.model())

    def _folded(self, isCollapsed):
        ui = self._ui
        if isCollapsed or self._models:
            return
        for widget in (ui.modelComboBoxLabel, ui.modelComboBox, ui.segmentFirstButton):
            widget.visible = False
