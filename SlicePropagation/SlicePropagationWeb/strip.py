"""What the slice strip shows: one cell per slice of one segment, and what a person reads when the mouse rests on it."""

import numpy as np

from SlicePropagationLib.session import Provenance

WORDS = {Provenance.EMPTY: "not predicted yet", Provenance.PROPAGATED: "propagated", Provenance.SEED: "seed", Provenance.CORRECTION: "correction", Provenance.CONFIRMED: "confirmed"}


def cells(session, label):
    """One dict a slice, ready for the page.

    Returns:
        [{"kind": name of the provenance, "stale": bool, "shown": whether the structure is on the slice,
        "height": confidence as 0..1, "text": what the cell says}]
    """
    stale, areas = session.stale(label), session.areas(label)
    return [_cell(index, session.state(label, index), bool(stale[index]), int(areas[index])) for index in range(len(session.stack))]


def _cell(index, state, is_stale, area):
    kind = Provenance(state.provenance)
    confidence = None if np.isnan(state.confidence) else float(state.confidence)
    text = f"Slice {index}: {WORDS[kind]}"
    if kind != Provenance.EMPTY and not area:
        text += ", nothing here"
    if kind == Provenance.PROPAGATED and confidence is not None:
        text += f", confidence {confidence:.2f}"
    if is_stale:
        text += ", out of date: a correction nearby changes it"
    return {"kind": kind.name.lower(), "stale": is_stale, "shown": area > 0, "height": 0.0 if confidence is None else round(confidence, 3), "text": text}


def summary(session, label):
    """One sentence about a segment: how much of it a person vouches for, and how much was propagated."""
    row = session.labels.index(label)
    kinds, areas = session.provenance[row], session.areas(label)
    anchors, propagated = int((kinds >= Provenance.SEED).sum()), int(((kinds == Provenance.PROPAGATED) & (areas > 0)).sum())
    if not anchors:
        return "Nothing is drawn yet: paint the structure on one slice."
    return f"{anchors} slice{'s' if anchors > 1 else ''} annotated, {propagated} propagated"
