"""The panel: one screen from top to bottom.

Each section has its controller, and this file ties them to the logic.
"""

import qt
import slicer
from SlicePropagationMRML.nodes.panel_settings import PanelSettings
from SlicePropagationMRML.presenting.choices import axisOfSegments, otherSlicesText, suggestAxis
from SlicePropagationMRML.presenting.review import Kind
from SlicePropagationMRML.presenting.states import Situation, viewState

from SlicePropagationGUI.commands import Commands
from SlicePropagationGUI.details_section import DetailsSection
from SlicePropagationGUI.draw_section import DrawSection
from SlicePropagationGUI.frame_section import FrameSection
from SlicePropagationGUI.input_section import InputSection
from SlicePropagationGUI.narrator import Narrator
from SlicePropagationGUI.review_section import ReviewSection
from SlicePropagationGUI.run_section import RunSection
from SlicePropagationGUI.shortcuts import Shortcuts
from SlicePropagationLib.errors import SlicePropagationError


class PropagationPanel:
    """Input, Draw, Propagate, Review, Details.

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
        self.folder = folder
        self.settings = PanelSettings(parameterNode)
        self._isEntered = self._isBusy = self._isReady = self._isDue = False
        self._problem = self._nextStep = ""
        do = self.commands = Commands(self)
        self.draw = DrawSection(ui, self.refreshSoon)
        self.draw.attach()
        self.inputs = InputSection(ui, self.settings, self.refreshSoon)
        self.run = RunSection(
            ui,
            self.settings,
            do.chosen,
            {
                "propagate": do.propagateOrStop,
                "keep": do.keep,
                "discard": do.discard,
                "install": do.install,
                "snap": do.snap,
            },
        )
        self.frames = FrameSection(ui, self.settings, do.carry, do.returnFrames, self._frameMoved)
        self.review = ReviewSection(
            ui,
            self.settings,
            logic,
            {"next": do.showNext, "confirm": do.confirm, "empty": do.markEmpty},
            self.showState,
        )
        self.details = DetailsSection(ui, folder, {"export": do.export, "remove": do.removeFiles})
        self.shortcuts = Shortcuts(
            root,
            {
                "propagate": do.propagate,
                "next": do.showNext,
                "confirm": do.confirm,
                "empty": do.markEmpty,
                "keep": do.keep,
                "discard": do.discard,
            },
            do.stop,
        )
        self.narrator = Narrator(self)
        self._sceneTags = [
            slicer.mrmlScene.AddObserver(event, lambda caller, name: self.restore())
            for event in (
                slicer.vtkMRMLScene.EndCloseEvent,
                slicer.vtkMRMLScene.EndBatchProcessEvent,
            )
        ]
        self._sceneTags.append(
            slicer.mrmlScene.AddObserver(
                slicer.vtkMRMLScene.StartCloseEvent,
                lambda caller, name: self.say(""),
                1.0,
            )
        )  # before the logic says what ended
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
        self.narrator.cleanup()
        for tag in self._sceneTags:
            slicer.mrmlScene.RemoveObserver(tag)
        self._sceneTags = []
        self.frames.cleanup()
        self.inputs.cleanup()
        self.draw.cleanup()

    # What is shown

    def reviewed(self):
        """ID of the segment that the strip shows: the one selected in the editor, when it is worked on."""
        document = self.logic.document
        if document is None:
            return ""
        known = list(document.segments.values())
        return self.inputs.selectedSegment() if self.inputs.selectedSegment() in known else known[0]

    def refreshSoon(self):
        """Refresh in the next turn of the event loop: one click, as on Add, makes many events, and a loader names the browser of a volume after it added it."""
        if not self._isDue and not self._isBusy:
            self._isDue = True
            qt.QTimer.singleShot(0, self.settle)

    def settle(self):
        """Refresh now if that is due."""
        isDue = self._isDue
        self._isDue = False
        if isDue and self._isReady:
            if self.logic.hasPartialResult:
                self.logic.look()  # the segment whose result waits may be gone
            self.logic.watchFrames()
            self.refresh()

    def refresh(self):
        """Bring everything in line with what is chosen and drawn."""
        if self._isBusy or not self._isReady or slicer.mrmlScene.IsBatchProcessing():
            return
        self._isDue = False
        self._isBusy = True  # setting nodes and names fires the events that call this
        try:
            self.draw.show(self.inputs.volume(), self.inputs.segmentation())
            self.frames.show(self.inputs.volume())
            if (
                self.logic.isCarrying or not self.logic.isRunning
            ) and not self.logic.hasPartialResult:
                self._open()
            self.review.show(self.reviewed(), hasVolume=self.inputs.volume() is not None)
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
        step = self.logic.frameStep(self.inputs.segmentation())
        self.frames.showState(state, isTakenBack=step is not None and step.isTakenBack)
        self.review.showState(state)
        self.details.showState(state)
        self.draw.setKeys(not situation.isRunning)
        self.shortcuts.setStopKey(situation.isRunning and self._isEntered)
        if self.ui.statusLabel.text in (
            "",
            self._nextStep,
        ):  # nothing happened that a person should read first
            self._nextStep = state.propagate
            self.say(self._nextStep)

    def situation(self):
        """What `viewState` needs to know."""
        document = self.logic.document
        index = self.review.index
        known = dict(
            hasVolume=self.inputs.volume() is not None,
            hasSegmentation=self.inputs.segmentation() is not None,
            numSegments=len(self.inputs.segmentIDs()),
            numListed=self.inputs.count(),
            isChecking=self.inputs.isChecking(),
            isRunning=self.logic.isRunning,
            hasResult=self.logic.hasPartialResult or self.logic.hasPartialFrames,
            missing=self.run.missing(),
            problem=self._problem,
            isShown=index is not None,
            numFrames=self.frames.count,
            isPlaying=self.frames.isPlaying,
            isFollowing=self.frames.isFollowing(self.inputs.segmentation()),
            isCarried=self.logic.frameStep(self.inputs.segmentation()) is not None,
        )
        if document is None or self.review.review is None:
            return Situation(**known)
        kinds = self.review.review.kinds
        session = document.session
        label = document.labelOf(self.reviewed())
        isAnchor = index is not None and kinds[index] in (
            Kind.SEED,
            Kind.CORRECTION,
            Kind.CONFIRMED,
        )
        return Situation(
            **known,
            hasSeed=any(session.anchors(label) for label in document.segments),
            hasPrediction=self.review.review.count(Kind.PROPAGATED, Kind.STALE) > 0,
            isAnchor=isAnchor,
            isEmptyAnchor=isAnchor and session.state(label, index).patch.is_empty,
        )

    def say(self, text):
        """Show a sentence in the status line."""
        self.ui.statusLabel.text = text

    def saying(self):
        """Errors that a person can do something about become text; bugs go on as they are."""
        return self.narrator.errors()

    def axis(self):
        """The axis to propagate along: the person's choice, else that of the annotation, else that of the view in use."""
        chosen = self.run.chosenAxis()
        if chosen is not None:
            return chosen
        return suggestAxis(
            slicer.mrmlScene,
            self.inputs.volume(),
            self.inputs.segmentation(),
            self.inputs.segmentIDs(),
        )

    def otherSlices(self):
        """Why what is stored with the segments that are open does not count on the slices of the volume; empty where it does."""
        document = self.logic.document
        return otherSlicesText(
            document.volumeNode,
            document.segmentationNode,
            document.segments.values(),
            document.stack.axis,
        )

    # Below

    def _open(self):
        """Let the logic work on what is chosen, unless it does already."""
        volume = self.inputs.volume()
        segmentation = self.inputs.segmentation()
        segmentIDs = self.inputs.segmentIDs()
        document = self.logic.document
        self._problem = ""
        if volume is None or segmentation is None or not segmentIDs or self.frames.isPlaying:
            self.logic.close()
            self.run.showStack(volume, 0, _count(volume, 0))
            return
        isSame = (
            document is not None
            and (document.volumeNode, document.segmentationNode) == (volume, segmentation)
            and list(document.segments.values()) == segmentIDs
        )
        axis = (
            document.stack.axis if isSame and self.run.chosenAxis() is None else self.axis()
        )  # looking at every voxel takes a while
        if isSame and document.stack.axis == axis:
            self.run.showStack(volume, axis, _count(volume, axis))
            return
        if document is not None and (
            (document.volumeNode, document.segmentationNode) != (volume, segmentation)
            or document.stack.axis != axis
            or not set(document.segments.values()) & set(segmentIDs)
        ):
            self.say("")  # what was said was about something else
        try:
            self.logic.shareEditorNode(self.draw.node)
            self.logic.open(volume, segmentation, segmentIDs, axis)
            if self.otherSlices():
                self.say(self.otherSlices())
        except SlicePropagationError as error:
            self._problem = str(error)
            self.logic.close()
            self.say(self._problem)
        self.run.showStack(volume, axis, _count(volume, axis))

    def _frameMoved(self):
        """Another frame is shown, or the sequence plays or stops; the nodes may not know yet."""
        qt.QTimer.singleShot(0, self._showFrame)

    def _showFrame(self):
        if self._isReady:
            self.inputs.follow()
            self.refresh()

    def axisOfSeed(self):
        """The axis that the first drawing shows, unless the person chose one."""
        if self.run.chosenAxis() is not None:
            return self.run.chosenAxis()
        return axisOfSegments(
            self.inputs.volume(),
            self.inputs.segmentation(),
            self.inputs.segmentIDs(),
        )


def _count(volume, axis):
    """How many slices a volume has along an axis."""
    image = volume.GetImageData() if volume is not None else None
    return image.GetDimensions()[2 - axis] if image is not None else 0
