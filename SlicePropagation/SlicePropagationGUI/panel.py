"""The panel: what a cycle of work needs first, choices that are made once below the editor.

Each section has its controller, and this file ties them to the logic.
"""

import contextlib

import qt
import slicer
from SlicePropagationMRML.nodes.panel_settings import PanelSettings
from SlicePropagationMRML.presenting.presenter import Presenter
from SlicePropagationMRML.presenting.problems import problemText
from SlicePropagationMRML.presenting.states import viewState
from slicer.i18n import tr as _

from SlicePropagationGUI.chosen import Chosen
from SlicePropagationGUI.commands import Commands
from SlicePropagationGUI.crash_recovery import CrashRecovery
from SlicePropagationGUI.details_section import DetailsSection
from SlicePropagationGUI.draw_section import DrawSection
from SlicePropagationGUI.first_section import FirstSection
from SlicePropagationGUI.frame_section import FrameSection
from SlicePropagationGUI.input_section import InputSection
from SlicePropagationGUI.panel_updates import PanelUpdates
from SlicePropagationGUI.review_section import ReviewSection
from SlicePropagationGUI.run_section import RunSection
from SlicePropagationGUI.sections import Sections
from SlicePropagationGUI.shortcuts import Shortcuts
from SlicePropagationGUI.status_line import StatusLine
from SlicePropagationLib.errors import SlicePropagationError


class PropagationPanel:
    """Input, Propagate, Review, Draw, Options, Details.

    Args:
        root: the widget of SlicePropagation.ui.
        ui: its children by name.
        logic: a PropagationLogic.
        parameterNode: a function that returns the module's parameter node.
        folder: where sample data is kept.
    """

    def __init__(self, root, ui, logic, parameterNode, folder):
        self.ui = ui
        self.logic = logic
        self._isEntered = False
        self._isBusy = False
        self._isReady = False
        self._isDue = False
        self._problem = ""
        self._nextStep = ""
        self.status = StatusLine(ui)
        settings = PanelSettings(parameterNode)
        self.settings = settings
        self.draw = DrawSection(ui, self.refreshSoon)
        self.draw.attach()
        self.inputs = InputSection(ui, settings, self.refreshSoon, self.leadOn)
        self.run = RunSection(ui, settings)
        self.frames = FrameSection(ui, settings, self._frameMoved)
        self.review = ReviewSection(ui, settings, logic, self.showState)
        self.details = DetailsSection(ui, folder)
        self.first = FirstSection(ui)
        sections = Sections(
            self.draw,
            self.inputs,
            self.run,
            self.frames,
            self.review,
            self.details,
            self.first,
        )
        self.chosen = Chosen(logic, sections)
        self._presenter = Presenter(logic)
        self.commands = Commands(logic, self._presenter, sections, self.chosen, self)
        for section in (self.run, self.frames, self.review, self.details, self.first):
            section.connectTo(self.commands)
        self.shortcuts = Shortcuts(root, self.commands)
        self._updates = PanelUpdates(
            logic,
            self._presenter,
            sections,
            self.chosen,
            self.commands,
            self,
        )
        self.recovery = CrashRecovery(folder, logic, self.say)
        self._sceneTags = self._observeScene()
        self._isReady = True
        self.refresh()

    # The person comes and goes

    def enter(self):
        """The module is shown."""
        self._isEntered = True
        self.draw.enter()
        self.shortcuts.install()
        self.review.observe()
        self.refresh()
        self._offerRecovery()
        self.logic.look()

    def leave(self):
        """Another module is shown; a run goes on."""
        self._isEntered = False
        self.shortcuts.uninstall()
        self.review.stop()
        self.draw.exit()

    def restore(self):
        """The scene is another one now: closed, loaded or restored."""
        if slicer.mrmlScene.IsBatchProcessing() or not self._isReady:
            return
        self.draw.attach()
        self.run.restore()
        self.frames.restore()
        self.inputs.restore()
        if self._isEntered:
            self.review.observe()

    def cleanup(self):
        """Forget everything before the panel goes."""
        self._isReady = False  # its widgets live on for a moment, and tell of changes
        if self._isEntered:
            self.leave()
        self._updates.cleanup()
        self.recovery.cleanup()
        for tag in self._sceneTags:
            slicer.mrmlScene.RemoveObserver(tag)
        self._sceneTags = []
        self.frames.cleanup()
        self.inputs.cleanup()
        self.draw.cleanup()

    # What is shown

    def refreshSoon(self):
        """Refresh in the next turn of the event loop.

        One click, as on Add, makes many events, and a loader names the browser of a volume after it
        added it.
        """
        if not self._isDue and not self._isBusy:
            self._isDue = True
            qt.QTimer.singleShot(0, self.settle)

    def leadOn(self):
        """The person chose what the next run fills: whatever the status line says, name the next step."""
        self._nextStep = self.status.text
        self.refreshSoon()

    def settle(self):
        """Refresh now if that is due."""
        isDue = self._isDue
        self._isDue = False
        if isDue and self._isReady:
            if self.logic.hasPartialResult:
                self.logic.look()  # the segment whose result waits may be gone
            self.logic.watchFrames()
            self.refresh()
            self._offerRecovery()

    def refresh(self):
        """Bring everything in line with what is chosen and drawn."""
        if self._isBusy or not self._isReady or slicer.mrmlScene.IsBatchProcessing():
            return
        self._isDue = False
        self._isBusy = True  # setting nodes and names fires the events that call this
        try:
            volume = self.inputs.volume()
            self.draw.show(volume, self.inputs.segmentation())
            self.frames.show(volume)
            self.recovery.follow(volume, self.inputs.segmentation())
            isFree = self.logic.isCarrying or not self.logic.isRunning
            if isFree and not self.logic.hasPartialResult:
                self._open()
            self.review.show(self.reviewed(), hasVolume=volume is not None)
        finally:
            self._isBusy = False
        self.showState()

    def showState(self):
        """Enable what can be done; say in tooltips why the rest cannot."""
        if not self._isReady:
            return
        situation = self.situation()
        state = viewState(situation)
        self.inputs.setEnabled(state.choices)
        self.run.showState(state, situation)
        self.frames.showState(state, self.run.frameEngineName())
        self.review.showState(state)
        self.details.showState(state)
        self.first.showState(state)
        self.draw.setKeys(not situation.isRunning)
        self.shortcuts.setStopKey(situation.isRunning and self._isEntered)
        # where nothing happened that a person should read first
        if self.status.text in ("", self._nextStep):
            self._nextStep = state.propagate
            self.say(self._nextStep)

    def reviewed(self):
        """ID of the segment that the strip shows."""
        return self.chosen.reviewed()

    def situation(self):
        """What `viewState` needs to know."""
        return self.chosen.situation(self._problem)

    def say(self, text, isError=False):
        """Show a sentence in the status line."""
        self.status.say(text, isError)

    @contextlib.contextmanager
    def saying(self):
        """Errors that a person can do something about become text; bugs go on as they are."""
        try:
            yield
        except SlicePropagationError as error:
            self.say(problemText(error), isError=True)

    # Below

    def _offerRecovery(self):
        """After a crash, what was drawn becomes a segmentation again where the person wants it."""
        node = self.recovery.offer(self.inputs.volume()) if self._isEntered else None
        if node is not None:
            self.ui.segmentationSelector.setCurrentNode(node)
            self.say(
                _("What was drawn before the crash is in '{name}'.").format(name=node.GetName())
            )

    def _observeScene(self):
        scene = slicer.mrmlScene
        tags = [
            scene.AddObserver(event, lambda caller, name: self.restore())
            for event in (
                slicer.vtkMRMLScene.EndCloseEvent,
                slicer.vtkMRMLScene.EndBatchProcessEvent,
            )
        ]
        # before the logic says what ended
        priority = 1.0
        tags.append(
            scene.AddObserver(
                slicer.vtkMRMLScene.StartCloseEvent,
                lambda caller, name: self.say(""),
                priority,
            )
        )
        return tags

    def _open(self):
        """Let the logic work on what is chosen, unless it does already."""
        volume = self.inputs.volume()
        self._problem = ""
        axis = self._openAlong(volume, self.inputs.segmentation(), self.inputs.segmentIDs())
        self.run.showStack(volume, axis, _count(volume, axis))

    def _openAlong(self, volume, segmentation, segmentIDs):
        """Open nodes; returns the axis that slices run along then."""
        if volume is None or segmentation is None or not segmentIDs or self.frames.isPlaying:
            self.logic.close()
            return 0
        document = self.logic.document
        areSameNodes = document is not None and (
            (document.volumeNode, document.segmentationNode) == (volume, segmentation)
        )
        known = list(document.segments.values()) if document is not None else []
        isSame = areSameNodes and known == segmentIDs
        # looking at every voxel takes a while
        isKnown = isSame and self.run.chosenAxis() is None
        axis = document.stack.axis if isKnown else self.chosen.axis()
        if isSame and document.stack.axis == axis:
            return axis
        isRelated = areSameNodes and document.stack.axis == axis and set(known) & set(segmentIDs)
        if document is not None and not isRelated:
            self.say("")  # what was said was about something else
        self._openNow(volume, segmentation, segmentIDs, axis)
        return axis

    def _openNow(self, volume, segmentation, segmentIDs, axis):
        try:
            self.logic.shareEditorNode(self.draw.node)
            self.logic.open(volume, segmentation, segmentIDs, axis)
            presenter = self._presenter
            sentences = [
                presenter.converted(),
                presenter.volumeRemarks(),
                presenter.otherSlices(),
            ]
            if any(sentences):
                self.say(" ".join(filter(None, sentences)))
        except SlicePropagationError as error:
            self._problem = problemText(error)
            self.logic.close()
            self.say(self._problem, isError=True)

    def _frameMoved(self):
        """Another frame is shown, or the sequence plays or stops; the nodes may not know yet."""
        qt.QTimer.singleShot(0, self._showFrame)

    def _showFrame(self):
        if self._isReady:
            self.inputs.follow()
            self.refresh()


def _count(volume, axis):
    """How many slices a volume has along an axis."""
    image = volume.GetImageData() if volume is not None else None
    return image.GetDimensions()[2 - axis] if image is not None else 0
