"""The section *Propagate*: slices, range, direction, engine and device; one button that starts and stops; progress; keep or discard."""

import time

from slicer.i18n import tr as _

from SlicePropagationGUI.shortcuts import keyed
from SlicePropagationGUI.words import endName, planeName, progressText
from SlicePropagationLib.engines import ENGINES, default_engine, offered_engines
from SlicePropagationMRML.geometry import PLANES, axisOfPlane, endsOfAxis, obliqueness

DIRECTIONS = ("both", "up", "down")
DEVICES = ("auto", "cpu", "cuda")
SHOWN_ENGINES = offered_engines()


def engineTitles():
    """{engine name: what people read}."""
    return {name: _(ENGINES[name].title) for name in SHOWN_ENGINES}


class RunSection:
    """How a run goes.

    Args:
        ui: the widgets of the panel by name.
        settings: a PanelSettings.
        changed: called after the person chose something else.
        actions: {"propagate", "keep", "discard", "install", "snap": function}; "snap" also when an axis is chosen.
    """

    def __init__(self, ui, settings, changed, actions):
        self._ui, self._settings, self._changed = ui, settings, changed
        self._volume, self._isFilling, self._began, self._shown = None, False, 0.0, ()
        for button, action in ((ui.propagateButton, "propagate"), (ui.keepButton, "keep"), (ui.discardButton, "discard"), (ui.installButton, "install"), (ui.snapButton, "snap")):
            button.connect("clicked()", actions[action])
        self._snap = actions["snap"]
        self._fillEngines()
        for combo, chosen in ((ui.axisComboBox, self._axisChosen), (ui.directionComboBox, self._directionChosen),
                              (ui.engineComboBox, self._engineChosen), (ui.deviceComboBox, self._deviceChosen)):
            combo.connect("currentIndexChanged(int)", chosen)
        ui.toTheEndCheckBox.connect("toggled(bool)", self._toTheEndChosen)
        ui.rangeWidget.connect("valuesChanged(double,double)", self._rangeChosen)
        ui.followCheckBox.connect("toggled(bool)", lambda isOn: settings.set("follow", bool(isOn)))
        self.restore()

    # What was chosen

    def span(self):
        """(first, last) slice, or None to the end of the structure."""
        return None if self._settings.isOn("toTheEnd") else (self._settings.number("first"), self._settings.number("last"))

    def direction(self):
        """"both", "up" or "down"."""
        return self._settings.get("direction")

    def engineName(self):
        """The engine chosen, or the best that can walk here."""
        return self._settings.get("engine") or default_engine()

    def device(self):
        """"auto", "cpu" or "cuda"."""
        return self._settings.get("device")

    def follows(self):
        """Whether the slice views follow the run."""
        return self._settings.isOn("follow")

    def chosenAxis(self):
        """The axis that the person chose, or None while it follows the seed and the view."""
        return int(self._settings.get("axis")) if self._settings.get("axis") else None

    def restore(self):
        """Show what the scene remembers."""
        self._isFilling, self._shown = True, ()
        self._ui.toTheEndCheckBox.checked = self._settings.isOn("toTheEnd")
        self._ui.followCheckBox.checked = self._settings.isOn("follow")
        self._ui.engineComboBox.setCurrentIndex(SHOWN_ENGINES.index(self.engineName()) if self.engineName() in SHOWN_ENGINES else 1)
        self._ui.deviceComboBox.setCurrentIndex(DEVICES.index(self.device()))
        self._isFilling = False

    # What is shown

    def showStack(self, volume, axis, count):
        """Name axis and directions after the patient, and limit the range to the stack's `count` slices."""
        ui = self._ui
        if (volume, axis, count) == self._shown:
            return
        self._shown = volume, axis, count
        self._isFilling, self._volume = True, volume
        ui.axisComboBox.clear()
        ui.directionComboBox.clear()
        if volume is not None:
            for plane in PLANES:
                ui.axisComboBox.addItem(planeName(plane, obliqueness(volume, axisOfPlane(volume, plane))))
            ui.axisComboBox.setCurrentIndex([axisOfPlane(volume, plane) for plane in PLANES].index(axis))
            start, end = endsOfAxis(volume, axis)
            for text in (_("Both directions"), _("Towards {end}").format(end=endName(end)), _("Towards {end}").format(end=endName(start))):
                ui.directionComboBox.addItem(text)
            ui.directionComboBox.setCurrentIndex(DIRECTIONS.index(self.direction()))
        self._showRange(count)
        self._isFilling = False

    def showState(self, state, situation):
        """Enable what can be done, and say why the rest cannot."""
        ui, running = self._ui, situation.isRunning
        ui.propagateButton.text = _("Stop") if running else _("Propagate")
        ui.propagateButton.enabled = state.propagate == ""
        hint = keyed(_("Stop within one slice; you choose whether to keep what is there"), "stop") if running else keyed(_("Fill the slices that are not annotated or out of date"), "propagate")
        ui.propagateButton.toolTip = state.propagate or hint
        for widget in (ui.axisComboBox, ui.toTheEndCheckBox, ui.directionComboBox, ui.engineComboBox):
            widget.enabled = state.choices == ""
        ui.axisComboBox.toolTip = state.choices or _("The slices that the walk goes through, named after the patient")
        ui.directionComboBox.toolTip = state.choices or _("Where the walk goes from the annotated slices")
        ui.toTheEndCheckBox.toolTip = state.choices or _("Walk until the structure ends; switch off to choose the first and the last slice")
        ui.snapButton.enabled = situation.hasVolume
        ui.snapButton.toolTip = _("Turn the slice views onto the slices of the volume") if situation.hasVolume else _("Choose a volume first")
        self._showRangeState(state)
        self._showEngineState(state, situation)
        for button, text, key in ((ui.keepButton, _("Write the result into the segments, as one undo step"), "keep"), (ui.discardButton, _("Forget the result; the segments stay as they were"), "discard")):
            button.visible = situation.hasResult
            button.toolTip = state.decide or keyed(text, key)
        ui.progressBar.visible = running

    def begin(self):
        """A run starts."""
        self._began = time.monotonic()
        self._ui.progressBar.maximum = 0            # busy, until the first slice says how many there are
        self._ui.progressBar.value = 0

    def showProgress(self, step, total):
        """A slice is done; returns what to say."""
        self._ui.progressBar.maximum = total
        self._ui.progressBar.value = step
        return progressText(step, total, self.seconds())

    def seconds(self):
        """Since the run began."""
        return time.monotonic() - self._began

    def missing(self):
        """Packages that the engine chosen needs and that are not installed."""
        return ENGINES[self.engineName()].missing

    # What the person chooses

    def _axisChosen(self, index):
        if not self._isFilling and self._volume is not None and index >= 0:
            self._settings.set("axis", axisOfPlane(self._volume, list(PLANES)[index]))
            self._settings.set("toTheEnd", True)        # a range of other slices means nothing here
            self._ui.toTheEndCheckBox.checked = True
            self._snap()
            self._changed()

    def _directionChosen(self, index):
        if not self._isFilling and index >= 0:
            self._settings.set("direction", DIRECTIONS[index])

    def _engineChosen(self, index):
        if not self._isFilling and index >= 0:
            self._settings.set("engine", SHOWN_ENGINES[index])
            self._changed()

    def _deviceChosen(self, index):
        if not self._isFilling and index >= 0:
            self._settings.set("device", DEVICES[index])

    def _toTheEndChosen(self, isOn):
        if not self._isFilling:
            self._settings.set("toTheEnd", bool(isOn))
            self._shown = ()
            self._changed()

    def _rangeChosen(self, first, last):
        if not self._isFilling:
            self._settings.set("first", round(first))
            self._settings.set("last", round(last))

    # Below

    def _fillEngines(self):
        self._isFilling = True
        for name in SHOWN_ENGINES:
            missing = ENGINES[name].missing
            title = engineTitles()[name]
            self._ui.engineComboBox.addItem(_("{engine} - needs PyTorch").format(engine=title) if missing else title)
        for text in (_("Automatic"), _("CPU"), _("GPU (CUDA)")):
            self._ui.deviceComboBox.addItem(text)
        self._isFilling = False

    def refreshEngines(self):
        """After an installation: name the engines anew."""
        self._isFilling = True
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
        self._ui.rangeWidget.setValues(min(self._settings.number("first"), last), min(self._settings.number("last"), last))

    def _showRangeState(self, state):
        reason = state.choices or (_("Switch off 'To the end of the structure' to choose a range") if self._settings.isOn("toTheEnd") else "")
        self._ui.rangeWidget.enabled = reason == ""
        self._ui.rangeWidget.toolTip = reason or _("First and last slice that may be filled")

    def _showEngineState(self, state, situation):
        info = ENGINES[self.engineName()]
        self._ui.engineComboBox.toolTip = state.choices or info.summary
        self._ui.deviceComboBox.visible = info.has_weights and not situation.missing
        self._ui.deviceComboBox.enabled = state.choices == ""
        self._ui.deviceComboBox.toolTip = state.choices or _("Where the network runs; automatic takes a GPU where there is one")
        self._ui.installButton.visible = "torch" in situation.missing
