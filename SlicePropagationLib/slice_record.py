"""What a session knows about one label's slices, as one line of text that travels with a segment."""

import json

import numpy as np

from SlicePropagationLib import __version__
from SlicePropagationLib.patch import Patch
from SlicePropagationLib.session import Provenance, SliceState

TAG = "SlicePropagation.Slices"
FORMAT = 1


def encode_slices(session, label, engine, model_hash=None):
    """Provenance, confidence and age of every slice that is known, with engine, model and version, as JSON text."""
    states = {}
    for index in range(len(session.stack)):
        state = session.state(label, index)
        if state.provenance != Provenance.EMPTY or state.changed_at:
            confidence = None if np.isnan(state.confidence) else round(float(state.confidence), 4)
            states[index] = [int(state.provenance), confidence, state.written_at, state.changed_at]
    values = {"format": FORMAT, "axis": session.stack.axis, "engine": engine, "model_sha256": model_hash, "version": __version__, "slices": states}
    return json.dumps(values, separators=(",", ":"))


def decode_slices(text):
    """The values that `encode_slices` wrote, or None when the text is of another kind."""
    try:
        values = json.loads(text)
        return values if values["format"] == FORMAT else None
    except (ValueError, KeyError, TypeError):
        return None


def restore_slices(session, label, masks, values):
    """Put decoded values into a session, with the masks that the label has now.

    Args:
        masks: (N, H, W) bool.
        values: what `decode_slices` returned.
    """
    for text, (provenance, confidence, written_at, changed_at) in values["slices"].items():
        index = int(text)
        if index < len(session.stack):
            state = SliceState(Patch.cut(masks[index]), Provenance(provenance), float("nan") if confidence is None else confidence, written_at, changed_at)
            session.restore(label, index, state)
