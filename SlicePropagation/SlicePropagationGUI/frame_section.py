"""The row of frames: which one of a sequence is shown, and carrying its result to all frames.

There only where the scene has a sequence browser.
"""

import slicer
from SlicePropagationMRML.nodes.sequence_frames import (
    FrameWatch,
    browserOf,
    frameCount,
    hasBrowsers,
)
from SlicePropagationMRML.presenting.controls import engineTitle
from slicer.i18n import tr as _


class FrameSection:
    """Follows the sequence browser of the volume.

    Args:
        ui: the widgets of the panel by name.
        settings: a PanelSettings.
        moved: called when another frame is shown, or the sequence starts or stops playing.
    """

    def __init__(self, ui, settings, moved):
        self._ui = ui
        self._settings = settings
        self._moved = moved
        self._watch = None
        ui.cyclicCheckBox.connect("toggled(bool)", lambda isOn: settings.set("cyclic", bool(isOn)))
        self.restore()

    def connectTo(self, commands):
        """Let the buttons do something."""
        self._ui.carryButton.connect("clicked()", commands.carry)
        self._ui.takeBackButton.connect("clicked()", commands.takeBack)
        self._ui.doAgainButton.connect("clicked()", commands.doAgain)

    def isCyclic(self):
        """Whether the last frame is followed by the first."""
        return self._settings.isOn("cyclic")

    def restore(self):
        """Show what the scene remembers."""
        self._ui.cyclicCheckBox.checked = self._settings.isOn("cyclic")

    def show(self, volume):
        """Follow the browser of another volume."""
        browser = browserOf(slicer.mrmlScene, volume)
        if browser is self.browser:
            return
        self.cleanup()
        if browser is not None:
            self._watch = FrameWatch(browser, self._moved)

    @property
    def browser(self):
        """The browser that drives the volume, or None."""
        return self._watch.browser if self._watch is not None else None

    @property
    def isPlaying(self):
        """Whether the sequence is playing."""
        return self.browser is not None and bool(self.browser.GetPlaybackActive())

    @property
    def count(self):
        """How many frames the volume has; 0 when no browser drives it."""
        return frameCount(self.browser) if self.browser is not None else 0

    def isFollowing(self, segmentation):
        """Whether a segmentation shows another content in each frame."""
        return (
            self.browser is not None
            and segmentation is not None
            and self.browser.GetSequenceNode(segmentation) is not None
        )

    def showState(self, state, engineName):
        """Enable what can be done, and say why the rest cannot.

        Args:
            state: a ViewState.
            engineName: the engine that walks along time.
        """
        ui = self._ui
        isThere = hasBrowsers(slicer.mrmlScene)
        for widget in (
            ui.frameLabel,
            ui.cyclicCheckBox,
            ui.carryButton,
            ui.takeBackButton,
            ui.doAgainButton,
        ):
            widget.visible = isThere
        ui.frameLabel.text = self._frameText()
        self._showCarry(state, engineName)
        self._showReturns(state)

    def _frameText(self):
        """Which frame is shown."""
        if not self.count:
            return _("No frames")
        number = self.browser.GetSelectedItemNumber() + 1
        return _("Frame {number} of {count}").format(number=number, count=self.count)

    def _showCarry(self, state, engineName):
        ui = self._ui
        ui.carryButton.enabled = state.carry == ""
        ui.cyclicCheckBox.enabled = state.carry == ""
        ui.carryButton.toolTip = state.carry or _(
            "Follow the structure from this frame, and others that you segmented, through all"
            " frames. Frames that you segmented and slices that you corrected stay as they are."
            " Engine: {engine}; along time it is image registration unless you choose another one"
            " in Options."
        ).format(engine=engineTitle(engineName))
        ui.cyclicCheckBox.toolTip = state.carry or _(
            "The last frame leads to the first, as in a heartbeat"
        )

    def _showReturns(self, state):
        ui = self._ui
        ui.takeBackButton.enabled = state.takeBack == ""
        ui.takeBackButton.toolTip = state.takeBack or _(
            "Give all frames back what they held before they were carried the last time; frames"
            " that you changed since stay as you left them"
        )
        ui.doAgainButton.enabled = state.doAgain == ""
        ui.doAgainButton.toolTip = state.doAgain or _(
            "Carry to all frames again what you undid, with the same result"
        )

    def cleanup(self):
        """Stop following."""
        if self._watch is not None:
            self._watch.remove()
        self._watch = None
