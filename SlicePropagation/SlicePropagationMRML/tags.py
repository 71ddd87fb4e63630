"""Provenance and confidence in segment tags: drawn and propagated slices stay distinguishable wherever the segment goes."""

import json

import numpy as np

from SlicePropagationLib import __version__
from SlicePropagationLib.session import Provenance, SliceState

TAG = "SlicePropagation.Slices"
FORMAT = 1


def writeTags(segmentationNode, segmentID, session, label, engineName, modelHash=None):
    """Store what the session knows about a label's slices in one tag of its segment."""
    states = {}
    for index in range(len(session.stack)):
        state = session.state(label, index)
        if state.provenance != Provenance.EMPTY or state.changed_at:
            confidence = None if np.isnan(state.confidence) else round(float(state.confidence), 4)
            states[index] = [int(state.provenance), confidence, state.written_at, state.changed_at]
    values = {"format": FORMAT, "axis": session.stack.axis, "engine": engineName, "model_sha256": modelHash, "version": __version__, "slices": states}
    segmentationNode.GetSegmentation().GetSegment(segmentID).SetTag(TAG, json.dumps(values, separators=(",", ":")))


def readTags(segmentationNode, segmentID):
    """The values that `writeTags` stored, or None when the segment has none that can be read."""
    segment = segmentationNode.GetSegmentation().GetSegment(segmentID)
    if segment is None or not segment.HasTag(TAG):
        return None
    import vtk
    text = vtk.reference("")
    segment.GetTag(TAG, text)
    try:
        values = json.loads(str(text))
        return values if values["format"] == FORMAT else None
    except (ValueError, KeyError, TypeError):
        return None


def restoreStates(session, label, masks, values):
    """Put the stored states into a session, with the masks that the segment holds now; nothing is written to the scene.

    Args:
        masks: (N, H, W) bool of the segment.
        values: what `readTags` returned.
    """
    from SlicePropagationLib.patch import Patch
    for text, (provenance, confidence, writtenAt, changedAt) in values["slices"].items():
        index = int(text)
        if index < len(session.stack):
            state = SliceState(Patch.cut(masks[index]), Provenance(provenance), float("nan") if confidence is None else confidence, writtenAt, changedAt)
            session.restore(label, index, state)
