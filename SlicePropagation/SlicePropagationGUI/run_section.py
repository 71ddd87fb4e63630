"""How a run goes: one button that starts and stops, with progress; keep or discard.

Below *Options*: slices, range, direction, engine and device.
"""

import qt
from SlicePropagationMRML.nodes.geometry import PLANES, axisOfPlane, endsOfAxis, obliqueness
from SlicePropagationMRML.presenting.controls import (
    DEVICES,
    DIRECTIONS,
    adaptHint,
    adaptReason,
    deviceTitles,
    directionTitles,
    engineNames,
    engineSummary,
    hints,
    keyed,
)
from SlicePropagationMRML.presenting.messages import planeName
from SlicePropagationMRML.run.frames import FRAME_ENGINE
from slicer.i18n import tr as _

from SlicePropagationGUI.engine_list import engineRow, fillEngines
from SlicePropagationGUI.filling import Filling
from SlicePropagationLib.engines import ENGINES, default_engine

DARKER = 150  # percent; Qt's style paints a button lighter than its colour


class RunSection:
    """How a run goes.

    Args:
        ui: the widgets of the panel by name.
        settings: a PanelSettings.
    """

    def __init__(self, ui, settings):
        self._ui = ui
        self._settings = settings
        self._commands = None
        self._volume = None
        self._filling = Filling()
        self._shown = ()
        _emphasize(ui.propagateButton)
        _emphasize(ui.keepButton)
        self._fillEngines()
        self.restore()

    def connectTo(self, commands):
        """Let the controls do something."""
        ui = self._ui
        self._commands = commands
        for button, command in (
            (ui.propagateButton, commands.propagateOrStop),
            (ui.keepButton, commands.keep),
            (ui.discardButton, commands.discard),
            (ui.installButton, commands.install),
            (ui.snapButton, commands.snap),
        ):
            button.connect("clicked()", command)
        for combo, chosen in (
            (ui.axisComboBox, self._axisChosen),
            (ui.directionComboBox, self._directionChosen),
            (ui.engineComboBox, self._engineChosen),
            (ui.deviceComboBox, self._deviceChosen),
        ):
            combo.connect("currentIndexChanged(int)", chosen)
        ui.toTheEndCheckBox.connect("toggled(bool)", self._toTheEndChosen)
        ui.rangeWidget.connect("valuesChanged(double,double)", self._rangeChosen)
        ui.followCheckBox.connect("toggled(bool)", self._followChosen)
        ui.adaptCheckBox.connect("toggled(bool)", self._adaptChosen)

    # What was chosen

    def span(self):
        """(first, last) slice, or None to the end of the structure."""
        if self._settings.isOn("toTheEnd"):
            return None
        return self._settings.number("first"), self._settings.number("last")

    def direction(self):
        """Where the walk goes: "both", "up" or "down"."""
        return self._settings.get("direction")

    def engineName(self):
        """The engine chosen, or the best that can walk here."""
        return engineNames()[engineRow(self._settings.get("engine") or default_engine())]

    def frameEngineName(self):
        """The engine chosen; without a choice the one that is best along time."""
        return self.engineName() if self._settings.get("engine") else FRAME_ENGINE

    def device(self):
        """Where the network runs: "auto", "cpu" or "cuda"."""
        return self._settings.get("device")

    def adapts(self):
        """Whether the engine learns from annotated slices before it walks."""
        return self._settings.isOn("adapt") and adaptReason(self.engineName()) == ""

    def follows(self):
        """Whether the slice views follow the run."""
        return self._settings.isOn("follow")

    def chosenAxis(self):
        """The axis that the person chose, or None while it follows the seed and the view."""
        axis = self._settings.get("axis")
        return int(axis) if axis else None

    def choosePlane(self, plane):
        """Walk through the slices of an anatomical plane."""
        self._settings.set("axis", axisOfPlane(self._volume, plane))
        self._shown = ()

    def restore(self):
        """Show what the scene remembers."""
        self._shown = ()
        with self._filling:
            self._ui.toTheEndCheckBox.checked = self._settings.isOn("toTheEnd")
            self._ui.followCheckBox.checked = self._settings.isOn("follow")
            self._ui.adaptCheckBox.checked = self._settings.isOn("adapt")
            self._ui.engineComboBox.setCurrentIndex(engineRow(self.engineName()))
            self._ui.deviceComboBox.setCurrentIndex(DEVICES.index(self.device()))

    # What is shown

    def showStack(self, volume, axis, count):
        """Name axis and directions after the patient, and limit the range to `count` slices."""
        ui = self._ui
        if (volume, axis, count) == self._shown:
            return
        self._shown = volume, axis, count
        self._volume = volume
        with self._filling:
            ui.axisComboBox.clear()
            ui.directionComboBox.clear()
            if volume is not None:
                self._nameAfterPatient(volume, axis)
            self._showRange(count)

    def _nameAfterPatient(self, volume, axis):
        ui = self._ui
        axes = [axisOfPlane(volume, plane) for plane in PLANES]
        for plane, own in zip(PLANES, axes, strict=True):
            ui.axisComboBox.addItem(planeName(plane, obliqueness(volume, own)))
        ui.axisComboBox.setCurrentIndex(axes.index(axis))
        for text in directionTitles(*endsOfAxis(volume, axis)):
            ui.directionComboBox.addItem(text)
        ui.directionComboBox.setCurrentIndex(DIRECTIONS.index(self.direction()))

    def showState(self, state, situation):
        """Enable what can be done, and say why the rest cannot."""
        ui = self._ui
        self._showButton(state, situation.isRunning)
        needsVolume = "" if situation.hasVolume else _("Choose a volume first")
        self._showChoices(state, state.choices or needsVolume)
        ui.snapButton.enabled = situation.hasVolume
        ui.snapButton.toolTip = needsVolume or _(
            "Turn the slice views onto the slices of the volume"
        )
        self._showRangeState(state.choices or needsVolume)
        self._showEngineState(state, situation)
        for button, command in ((ui.keepButton, "keep"), (ui.discardButton, "discard")):
            button.visible = situation.hasResult
            button.toolTip = state.decide or keyed(hints()[command], command)
        ui.progressBar.visible = situation.isRunning
        ui.propagateButton.visible = situation.isRunning or not situation.hasResult
        ui.optionsCollapsibleButton.text = self._title()

    def _showButton(self, state, isRunning):
        """The one button starts or stops."""
        button = self._ui.propagateButton
        command = "stop" if isRunning else "propagate"
        button.text = _("Stop") if isRunning else _("Propagate")
        button.enabled = state.propagate == ""
        button.toolTip = state.propagate or keyed(hints()[command], command)

    def _showChoices(self, state, noVolume):
        """What can be chosen about a run; `noVolume` says why most of it cannot."""
        ui = self._ui
        for widget, reason in (
            (ui.axisComboBox, noVolume),
            (ui.toTheEndCheckBox, noVolume),
            (ui.directionComboBox, noVolume),
            (ui.engineComboBox, state.choices),
        ):
            widget.enabled = reason == ""
        ui.axisComboBox.toolTip = noVolume or _(
            "The slices that the walk goes through, named after the patient"
        )
        ui.directionComboBox.toolTip = noVolume or _(
            "Where the walk goes from the annotated slices"
        )
        ui.toTheEndCheckBox.toolTip = noVolume or _(
            "Walk until the structure ends; switch off to choose the first and the last slice"
        )

    def begin(self):
        """A run starts."""
        self._ui.progressBar.maximum = 0  # busy, until the first slice says how many there are
        self._ui.progressBar.value = 0

    def showProgress(self, value, maximum):
        """Part of the run is done."""
        self._ui.progressBar.maximum = maximum
        self._ui.progressBar.value = value

    def missing(self):
        """Packages that the engine chosen needs and that are not installed."""
        return ENGINES[self.engineName()].missing

    # What the person chooses

    def _axisChosen(self, index):
        if not self._filling and self._volume is not None and index >= 0:
            self._settings.set("axis", axisOfPlane(self._volume, list(PLANES)[index]))
            self._settings.set("toTheEnd", True)  # a range of other slices means nothing here
            self._ui.toTheEndCheckBox.checked = True
            self._commands.snap()
            self._commands.runChosen()

    def _followChosen(self, isOn):
        self._settings.set("follow", bool(isOn))

    def _adaptChosen(self, isOn):
        self._settings.set("adapt", bool(isOn))

    def _directionChosen(self, index):
        if not self._filling and index >= 0:
            self._settings.set("direction", DIRECTIONS[index])

    def _engineChosen(self, index):
        if not self._filling and index >= 0:
            self._settings.set("engine", engineNames()[index])
            self._commands.runChosen()

    def _deviceChosen(self, index):
        if not self._filling and index >= 0:
            self._settings.set("device", DEVICES[index])

    def _toTheEndChosen(self, isOn):
        if not self._filling:
            self._settings.set("toTheEnd", bool(isOn))
            self._shown = ()
            self._commands.runChosen()

    def _rangeChosen(self, first, last):
        if not self._filling:
            self._settings.set("first", round(first))
            self._settings.set("last", round(last))

    # Below

    def _title(self):
        """What is chosen, on the line that the options are folded into."""
        slices = self._ui.axisComboBox.currentText
        if not slices:
            return _("Options")
        text = _("Options: {slices}, {engine}").format(
            slices=slices, engine=self._ui.engineComboBox.currentText
        )
        if self.span() is not None:
            first, last = self.span()
            text += _(", slices {first}-{last}").format(first=first, last=last)
        return text

    def _fillEngines(self):
        with self._filling:
            fillEngines(self._ui.engineComboBox)
            for text in deviceTitles():
                self._ui.deviceComboBox.addItem(text)

    def refreshEngines(self):
        """After an installation: name the engines anew."""
        with self._filling:
            self._ui.engineComboBox.clear()
            self._ui.deviceComboBox.clear()
            self._fillEngines()
        self.restore()

    def _showRange(self, count):
        last = max(count - 1, 0)
        if self._settings.isOn("toTheEnd"):
            self._settings.set("first", 0)
            self._settings.set("last", last)
        self._ui.rangeWidget.setRange(0, last)
        self._ui.rangeWidget.setValues(
            min(self._settings.number("first"), last),
            min(self._settings.number("last"), last),
        )

    def _showRangeState(self, reason):
        if not reason and self._settings.isOn("toTheEnd"):
            reason = _("Switch off 'To the end of the structure' to choose a range")
        self._ui.rangeWidget.enabled = reason == ""
        self._ui.rangeWidget.toolTip = reason or _("First and last slice that may be filled")

    def _showEngineState(self, state, situation):
        info = ENGINES[self.engineName()]
        hasDevice = info.has_weights and not situation.missing
        self._ui.engineComboBox.toolTip = state.choices or engineSummary(self.engineName())
        self._ui.deviceComboBox.visible = hasDevice
        self._ui.deviceComboBoxLabel.visible = hasDevice
        self._ui.deviceComboBox.enabled = state.choices == ""
        self._ui.deviceComboBox.toolTip = state.choices or _(
            "Where the network runs; automatic takes a GPU where there is one"
        )
        reason = state.choices or adaptReason(self.engineName())
        self._ui.adaptCheckBox.enabled = reason == ""
        self._ui.adaptCheckBox.toolTip = reason or adaptHint()
        self._ui.installButton.visible = "torch" in situation.missing


def _emphasize(button):
    """Give a button that goes on the theme's colour of what is chosen, dark enough for its text."""
    palette = button.palette
    ground = palette.color(qt.QPalette.Active, qt.QPalette.Highlight).darker(DARKER)
    text = palette.color(qt.QPalette.Active, qt.QPalette.HighlightedText)
    for group in (qt.QPalette.Active, qt.QPalette.Inactive):
        palette.setColor(group, qt.QPalette.Button, ground)
        palette.setColor(group, qt.QPalette.ButtonText, text)
    button.setPalette(palette)
