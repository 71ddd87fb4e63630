"""What a session knows about one label's slices, as one line of text that travels with a segment."""

import json

import numpy as np

from SlicePropagationLib import __version__
from SlicePropagationLib.patch import Patch
from SlicePropagationLib.session import Provenance, SliceState

TAG = "SlicePropagation.Slices"
FORMAT = 1
PROVENANCES = {int(provenance) for provenance in Provenance}


def encode_slices(session, label, engine, model_hash=None, *, is_left_handed=False):
    """Provenance, confidence and age of every slice that is known, with engine, model and version, as JSON text.

    Args:
        is_left_handed: whether the voxel axes of the volume are a left-handed system; Slicer turns such a volume around when it reads it from a file.
    """
    states = {index: session.state(label, index) for index in range(len(session.stack))}
    return encode_states(states, session.stack.axis, engine, model_hash, is_left_handed=is_left_handed)


def encode_states(states, axis, engine, model_hash=None, *, is_left_handed=False):
    """The same text of `SliceState`s that no session holds: {slice index: state} along a voxel axis (0, 1, 2 for K, J, I)."""
    known = {}
    for index, state in states.items():
        if state.provenance != Provenance.EMPTY or state.changed_at:
            confidence = None if np.isnan(state.confidence) else round(float(state.confidence), 4)
            known[index] = [int(state.provenance), confidence, state.written_at, state.changed_at]
    values = {"format": FORMAT, "axis": axis, "engine": engine, "model_sha256": model_hash, "version": __version__, "slices": known}
    if is_left_handed:
        values["left_handed"] = True
    return json.dumps(values, separators=(",", ":"))


def decode_slices(text):
    """The values that `encode_slices` wrote, or None when the text is of another kind, or damaged."""
    try:
        values = json.loads(text)
        is_ours = values["format"] == FORMAT and values["axis"] in (0, 1, 2) and all(int(index) >= 0 and _is_state(*state) for index, state in values["slices"].items())
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return values if is_ours else None


def _is_state(provenance, confidence, written_at, changed_at):
    return provenance in PROVENANCES and (confidence is None or 0 <= confidence <= 1) and written_at >= 0 and changed_at >= 0


def in_system(values, count, *, is_left_handed):
    """Decoded values for a volume whose voxel axes are, or are not, a left-handed system.

    Slicer makes a volume right-handed by turning its last axis, K, around: slices along it are counted from the other end then.

    Args:
        values: what `decode_slices` returned.
        count: number of slices.
    """
    if bool(values.get("left_handed")) == is_left_handed or values["axis"] != 0:
        return values
    return {**values, "slices": {str(count - 1 - int(index)): state for index, state in values["slices"].items()}}


def restore_slices(session, label, masks, values):
    """Put decoded values into a session, with the masks that the label has now.

    Args:
        masks: (N, H, W) bool, or N patches.
        values: what `decode_slices` returned.
    """
    for text, (provenance, confidence, written_at, changed_at) in values["slices"].items():
        index = int(text)
        if index < len(session.stack):
            state = SliceState(Patch.of(masks[index]), Provenance(provenance), float("nan") if confidence is None else confidence, written_at, changed_at)
            session.restore(label, index, state)
