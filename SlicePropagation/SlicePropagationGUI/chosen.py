"""`Chosen`: what a person chose in the panel, and what can be done with it."""

import slicer
from SlicePropagationMRML.presenting.choices import axisOfSegments, suggestAxis
from SlicePropagationMRML.presenting.review import Kind
from SlicePropagationMRML.presenting.states import Situation

ANCHORS = (Kind.SEED, Kind.CORRECTION, Kind.CONFIRMED)


class Chosen:
    """Reads the sections and the logic; changes neither.

    Args:
        logic: a PropagationLogic.
        sections: the Sections.
    """

    def __init__(self, logic, sections):
        self._logic = logic
        self._sections = sections
        self._inputs = sections.inputs

    def reviewed(self):
        """ID of the segment that the strip shows.

        The one selected in the editor, when it is worked on.
        """
        document = self._logic.document
        if document is None:
            return ""
        known = list(document.segments.values())
        selected = self._inputs.selectedSegment()
        return selected if selected in known else known[0]

    def axis(self):
        """The axis to propagate along.

        The person's choice, else that of the annotation, else that of the view in use.
        """
        chosen = self._sections.run.chosenAxis()
        if chosen is not None:
            return chosen
        return suggestAxis(slicer.mrmlScene, *self._nodes())

    def axisOfSeed(self):
        """The axis that the first drawing shows, unless the person chose one."""
        chosen = self._sections.run.chosenAxis()
        return axisOfSegments(*self._nodes()) if chosen is None else chosen

    def situation(self, problem):
        """What `viewState` needs to know.

        Args:
            problem: why what is chosen cannot be worked on; empty when it can.
        """
        inputs = self._inputs
        segmentation = inputs.segmentation()
        frames = self._sections.frames
        return Situation(
            hasVolume=inputs.volume() is not None,
            hasSegmentation=segmentation is not None,
            numSegments=len(inputs.segmentIDs()),
            numListed=inputs.count(),
            isChecking=inputs.isChecking(),
            isRunning=self._logic.isRunning,
            hasResult=self._logic.hasPartialResult or self._logic.hasPartialFrames,
            missing=self._sections.run.missing(),
            problem=problem,
            isShown=self._sections.review.index is not None,
            numFrames=frames.count,
            isPlaying=frames.isPlaying,
            isFollowing=frames.isFollowing(segmentation),
            isCarried=self._logic.frames.canTakeBack(segmentation),
            isTakenBack=self._logic.frames.canDoAgain(segmentation),
            **self._known(),
        )

    def _known(self):
        """What is known of the segment that is reviewed, and of its slice that is shown."""
        document = self._logic.document
        review = self._sections.review.review
        index = self._sections.review.index
        if document is None or review is None:
            return {}
        session = document.session
        isAnchor = index is not None and review.kinds[index] in ANCHORS
        label = document.labelOf(self.reviewed())
        return {
            "hasSeed": any(session.anchors(label) for label in document.segments),
            "hasHint": any(session.hints(label) for label in document.segments),
            "hasPrediction": review.count(Kind.PROPAGATED, Kind.STALE) > 0,
            "isAnchor": isAnchor,
            "isEmptyAnchor": isAnchor and session.state(label, index).patch.is_empty,
        }

    def _nodes(self):
        inputs = self._inputs
        return inputs.volume(), inputs.segmentation(), inputs.segmentIDs()
