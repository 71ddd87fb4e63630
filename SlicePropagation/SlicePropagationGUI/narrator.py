"""What the logic tells the panel: steps, ends, edits, undo.

Each becomes a sentence and a fresh strip.
"""

import contextlib
import time

from SlicePropagationMRML.presenting.messages import (
    framesReturnedText,
    framesText,
    slicesText,
    takenText,
    travelText,
)
from slicer.i18n import tr as _

from SlicePropagationLib.errors import SlicePropagationError

FOLLOW_SECONDS = 0.15  # views and strip are brought up to date no more often


class Narrator:
    """Sits between logic and panel.

    Args:
        panel: the PropagationPanel; its logic calls this object from now on.
    """

    def __init__(self, panel):
        self._panel = panel
        self._logic = panel.logic
        self._shownAt = 0.0
        logic = self._logic
        self._saveStateForUndo = logic.saveStateForUndo
        logic.saveStateForUndo = panel.draw.saveStateForUndo
        logic.onStep = self.step
        logic.onDone = self.done
        logic.onEdit = self.edit
        logic.onTravel = self.travel
        logic.onTouch = self.touch
        logic.onClosed = self.closed
        logic.axisOfSeed = panel.axisOfSeed
        logic.onMove = self.moved
        logic.onFrame = self.frame
        logic.onFrameStep = self.frameStep
        logic.onFramesDone = self.framesDone
        logic.onFramesReturned = self.framesReturned

    def cleanup(self):
        """Let the logic go on without a panel."""
        logic = self._logic
        logic.saveStateForUndo = self._saveStateForUndo
        logic.onStep = logic.onDone = logic.onEdit = logic.onTravel = logic.onTouch = (
            logic.onClosed
        ) = logic.axisOfSeed = lambda *arguments: None
        logic.onMove = logic.onFrame = logic.onFrameStep = logic.onFramesDone = (
            logic.onFramesReturned
        ) = lambda *arguments: None

    @contextlib.contextmanager
    def errors(self):
        """Show what a person can do something about."""
        try:
            yield
        except SlicePropagationError as error:
            self._panel.say(str(error))

    def step(self, step):
        """A slice is predicted."""
        panel = self._panel
        panel.say(panel.run.showProgress(step.step, step.num_steps))
        if time.monotonic() - self._shownAt >= FOLLOW_SECONDS:
            self._shownAt = time.monotonic()
            panel.review.show(panel.reviewed())
            if panel.run.follows():
                panel.review.jump(step.index)

    def done(self, error):
        """A run has ended."""
        panel = self._panel
        if error is not None:
            panel.say(str(error))
        elif self._logic.hasPartialResult:
            taken = self._logic.takenVoxels()
            panel.say(
                _("The result would take {taken}. Keep it?").format(taken=takenText(taken))
                if taken
                else _("Stopped. Keep or discard what is there?")
            )
        else:
            panel.say(
                _("Done in {seconds:.1f} s. Undo takes the run back in one step.").format(
                    seconds=panel.run.seconds()
                )
            )
        panel.refresh()

    def moved(self, problem):
        """The volume was moved or replaced, and is open as it is now."""
        panel = self._panel
        panel.say(" ".join(filter(None, [str(problem or ""), panel.otherSlices()])))
        panel.refresh()

    def frame(self, problem):
        """Another frame is shown; the panel opens it in its next turn."""
        if problem is not None:
            self._panel.say(str(problem))

    def frameStep(self, position, numPositions, share):
        """Part of a slice is carried through all frames."""
        panel = self._panel
        panel.say(panel.run.showFrameProgress(position, numPositions, share))

    def framesDone(self, written, skipped, numMissing, error):
        """All frames have their segmentation, or none was touched."""
        panel = self._panel
        if error is not None:
            panel.say(str(error))
        elif self._logic.hasPartialFrames:
            panel.say(_("Stopped. Keep what is there in all frames, or discard it?"))
        elif not written and not skipped:
            panel.say(_("Stopped; no frame was changed."))
        else:
            panel.say(
                framesText(
                    len(written),
                    [frame + 1 for frame in skipped],
                    numMissing,
                    panel.run.seconds(),
                )
            )
        panel.inputs.follow()
        panel.refresh()

    def framesReturned(self, isUndo, written, skipped):
        """The frames have what they held before, or after, they were carried."""
        panel = self._panel
        panel.say(framesReturnedText(isUndo, len(written), [frame + 1 for frame in skipped]))
        panel.inputs.follow()
        panel.refresh()

    def edit(self, changed):
        """The person drew or corrected something."""
        panel = self._panel
        where = slicesText(sorted({index for _label, index in changed}))
        if self._logic.isRunning and not self._logic.isCarrying:
            panel.say(_("You changed {slices}: what it affects starts again.").format(slices=where))
            return
        session = self._logic.session
        if not any(session.anchors(label) for label in session.labels):
            panel.say(_("You erased the last annotated slice; draw on one before the next run."))
            return
        isCorrection = any(session.stale(label).any() for label, _index in changed)
        if isCorrection and panel.settings.isOn("autoUpdate") and not self._logic.hasPartialResult:
            panel.commands.propagate()
        elif isCorrection:
            panel.say(
                _("You changed {slices}; Propagate computes anew what it affects.").format(
                    slices=where
                )
            )
        else:
            panel.say(_("You drew on {slices}. Propagate fills the rest.").format(slices=where))

    def travel(self, travel):
        """The person undid or redid a step."""
        document = self._logic.document
        names = {label: document.segmentName(label) for label in document.segments}
        self._panel.say(travelText(travel, names))

    def touch(self):
        """Something in the segmentation changed."""
        self._panel.refresh()

    def closed(self, problem):
        """What was worked on is gone."""
        self._panel.say(str(problem))
        self._panel.refresh()
