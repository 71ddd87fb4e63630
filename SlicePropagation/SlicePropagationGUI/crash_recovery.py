"""What is drawn is in a file of the temporary folder, and offered after a crash."""

import time
from pathlib import Path

import slicer
from SlicePropagationMRML.nodes.geometry import gridOf
from SlicePropagationMRML.nodes.strokes import newSegmentation
from SlicePropagationMRML.run.left_strokes import leftStrokes, ownJournal
from SlicePropagationMRML.run.stroke_journal import StrokeJournal
from slicer.i18n import tr as _


class CrashRecovery:
    """Keeps a journal of the segmentation that is chosen, as long as Slicer lives.

    Args:
        folder: where the journals of all Slicers are; theirs is not touched while they live.
        logic: a PropagationLogic, which tells of each stroke.
        say: called with a sentence for the status line.
    """

    def __init__(self, folder, logic, say):
        self._folder = Path(folder)
        self._say = say
        self._nodes = (None, None)
        self._asked = set()
        self.journal = StrokeJournal(ownJournal(self._folder))
        logic.onStroke(self.note)
        logic.events.connect(lambda event: self.note())
        saved = slicer.vtkMRMLScene.EndSaveEvent
        closed = slicer.vtkMRMLScene.EndCloseEvent
        self._tags = [
            slicer.mrmlScene.AddObserver(saved, lambda caller, event: self._begin(isSaved=True)),
            slicer.mrmlScene.AddObserver(closed, lambda caller, event: self.forget()),
        ]

    def follow(self, volume, segmentation):
        """Keep what is drawn in these nodes from now on.

        Args:
            volume: the image that is chosen, or None.
            segmentation: the segmentation that is chosen, or None.
        """
        if (volume, segmentation) == self._nodes:
            return
        self._nodes = (volume, segmentation)
        self._begin()

    def note(self):
        """Have what was drawn on the disk."""
        areThere = [
            node is not None and slicer.mrmlScene.IsNodePresent(node) for node in self._nodes
        ]
        if not all(areThere) or self._nodes[0].GetImageData() is None:
            return
        try:
            self.journal.note()
        except OSError as error:
            text = _("What you draw cannot be kept for a crash: {error}").format(error=error)
            self._say(text, isError=True)

    def offer(self, volume):
        """Ask once whether to go on with what a crash left of a volume.

        Args:
            volume: the image that is chosen, or None.

        Returns:
            The segmentation node with what was left, or None.
        """
        if volume is None or volume.GetImageData() is None or volume.GetID() in self._asked:
            return None
        self._asked.add(volume.GetID())
        for left in leftStrokes(self._folder, volume):
            node = self._answered(left, volume)
            left.path.unlink(missing_ok=True)
            if node is not None:
                return node
        return None

    def forget(self):
        """The work was closed or saved: nothing is to be offered."""
        self._nodes = (None, None)
        self._asked.clear()
        self.journal.end()
        self.journal.forget()

    def cleanup(self):
        """Slicer ends as it should, or the module goes."""
        for tag in self._tags:
            slicer.mrmlScene.RemoveObserver(tag)
        self._tags = []
        self.forget()

    def _answered(self, left, volume):
        """The strokes as a new segmentation where the person wants them."""
        question = _(
            "Slicer ended while '{name}' was not saved. What was drawn in it until {time} is kept."
            " Put it beside what is there now?"
        ).format(name=left.header["segmentation"], time=left.header["at"])
        if not slicer.util.confirmYesNoDisplay(question, _("Slice Propagation")):
            return None
        name = _("{name} (recovered)").format(name=left.header["segmentation"])
        return newSegmentation(slicer.mrmlScene, volume, name, left.strokes)

    def _begin(self, isSaved=False):
        """Begin anew; what is drawn already is written first, unless files hold all of it."""
        volume, segmentation = self._nodes
        self.journal.end()
        self.journal.forget()
        if volume is None or segmentation is None or volume.GetImageData() is None:
            return
        header = {
            "at": time.strftime("%Y-%m-%d %H:%M"),
            "volume": volume.GetName(),
            "segmentation": segmentation.GetName(),
            "grid": gridOf(volume, volume),
        }
        self.journal.begin(volume, segmentation, header, isWhole=True, waits=isSaved)
        self.note()
