"""Questions that need a plain yes or no, in a box of their own."""

import slicer
from SlicePropagationMRML.presenting.taking_texts import drawnQuestion
from slicer.i18n import tr as _


def mayTakeDrawn(takings):
    """Whether a result may also have the voxels on slices that are drawn in other segments.

    Asked, and named, only where it lies on any.

    Args:
        takings: what the result would take, `Taking`s.
    """
    question = drawnQuestion(takings)
    return bool(question) and slicer.util.confirmYesNoDisplay(question, _("Slice Propagation"))
