"""What a person does at the panel, by button or key: each method is one of it."""

import slicer
from SlicePropagationMRML.nodes.slice_views import snapViews
from SlicePropagationMRML.presenting.exports import removeDownloadedFiles, writeTable
from SlicePropagationMRML.presenting.review import sliceTable
from SlicePropagationMRML.presenting.states import Situation, viewState
from slicer.i18n import tr as _


class Commands:
    """Acts on the logic, and says what came of it.

    Args:
        panel: the PropagationPanel.
    """

    def __init__(self, panel):
        self._panel = panel

    def propagateOrStop(self):
        """The one button."""
        if self._panel.logic.isRunning:
            self.stop()
        else:
            self.propagate()

    def propagate(self):
        """Start a run of the segments chosen."""
        if self._panel.logic.isRunning:
            return
        self._panel.refresh()
        if not self._isPossible("propagate"):
            return
        with self._panel.saying():
            isStarted = self._panel.logic.start(
                self._panel.run.engineName(),
                self._panel.run.span(),
                self._panel.run.direction(),
                self._panel.run.device(),
            )
            self._panel.say(
                _("Propagating…")
                if isStarted
                else _("Everything is up to date; draw on a slice or correct one first.")
            )
            if isStarted:
                self._panel.run.begin()
        self._panel.showState()

    def carry(self):
        """Carry what is segmented to all frames."""
        if self._isPossible("carry"):
            with self._panel.saying():
                self._panel.logic.carry(self._panel.settings.isOn("cyclic"))
                self._panel.say(_("Carrying to all frames…"))
                self._panel.run.begin()
            self._panel.showState()

    def returnFrames(self):
        """Take carrying back in all frames, or do it again."""
        if self._isPossible("takeBack"):
            with self._panel.saying():
                self._panel.logic.returnFrames()
            self._panel.showState()

    def stop(self):
        """End the run within one slice."""
        if self._panel.logic.isRunning:
            self._panel.logic.stop()
            self._panel.say(_("Stopping after this slice…"))

    def keep(self):
        """Write the result that waits."""
        if self._panel.logic.hasPartialFrames:
            self._panel.run.begin()
            self._panel.logic.keepFrames()
            self._panel.showState()
        elif self._panel.logic.hasPartialResult:
            with self._panel.saying():
                self._panel.logic.keepInTurns(self._kept)
            self._panel.showState()
        else:
            self._isPossible("decide")

    def _kept(self):
        self._panel.say(_("Kept. Undo takes it back in one step."))
        self._panel.refresh()

    def discard(self):
        """Forget the result that waits."""
        if self._panel.logic.hasPartialFrames:
            self._panel.logic.discardFrames()
            self._panel.say(_("Discarded; all frames are as they were."))
            self._panel.refresh()
        elif self._panel.logic.hasPartialResult:
            self._panel.logic.discard()
            self._panel.say(_("Discarded; the segments are as they were."))
            self._panel.refresh()
        else:
            self._isPossible("decide")

    def showNext(self):
        """Show the slice most worth correcting."""
        if self._isPossible("next"):
            index = self._panel.logic.nextSuspicious(self._panel.reviewed())
            if index is None:
                self._panel.say(_("No slice is worth correcting any more."))
                return
            self._panel.review.jump(index)
            self._panel.say(
                _(
                    "Slice {index}: a correction here is expected to gain most. Correct it, or"
                    " confirm it."
                ).format(index=index)
            )

    def confirm(self):
        """Vouch for the slice shown."""
        self._vouch(
            "confirm",
            self._panel.logic.confirm,
            _("Slice {index} is confirmed; runs start from it and keep it."),
        )

    def markEmpty(self):
        """Say that the structure is not on the slice shown."""
        self._vouch("empty", self._panel.logic.markEmpty, _("Slice {index} is empty and stays so."))

    def chosen(self):
        """Something about the run was chosen."""
        if self._panel.run.missing():
            self._panel.say(
                viewState(
                    Situation(True, True, 1, True, missing=self._panel.run.missing())
                ).propagate
            )
        self._panel.refresh()

    def snap(self):
        """Turn the slice views onto the slices of the volume."""
        if self._panel.inputs.volume() is not None:
            snapViews(slicer.mrmlScene, self._panel.inputs.volume(), self._panel.axis())
            self._panel.review.follow()

    def install(self):
        """Install PyTorch, after asking."""
        from SlicePropagationGUI.dependencies import installTorch

        with self._panel.saying():
            if installTorch():
                self._panel.run.refreshEngines()
                self._panel.say(_("PyTorch is installed."))
            else:
                self._panel.say(
                    _("PyTorch was not installed; choose another engine, or install it later.")
                )
        self._panel.refresh()

    def export(self):
        """Write the table of slices."""
        document = self._panel.logic.document
        path = self._panel.details.askPath(f"{document.segmentationNode.GetName()}.slices.csv")
        if path:
            rows = [
                row
                for label in document.segments
                for row in sliceTable(document.session, label, document.segmentName(label))
            ]
            try:
                writeTable(path, rows)
            except OSError as error:
                self._panel.say(_("The table was not written: {error}").format(error=error))
                return
            self._panel.say(_("Wrote {number} rows to {path}.").format(number=len(rows), path=path))

    def removeFiles(self):
        """Delete what the extension keeps on the disk."""
        self._panel.say(
            _("Removed {number} files.").format(number=removeDownloadedFiles(self._panel.folder))
        )
        self._panel.showState()

    def _isPossible(self, name):
        """Whether something can be done now.

        If not, the status line says why, as for a key whose button is disabled.
        """
        self._panel.settle()
        reason = getattr(viewState(self._panel.situation()), name)
        if reason:
            self._panel.say(reason)
        return reason == ""

    def _vouch(self, name, act, text):
        if self._isPossible(name):
            index = self._panel.review.index
            with self._panel.saying():
                act(self._panel.reviewed(), index)
                self._panel.say(text.format(index=index))
            self._panel.refresh()
