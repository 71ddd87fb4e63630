"""What a session knows about one label's slices, as one line of text that travels with a segment."""

import json
from itertools import product

import numpy as np

from SlicePropagationLib import __version__
from SlicePropagationLib.patch import Patch
from SlicePropagationLib.session import Provenance, SliceState

TAG = "SlicePropagation.Slices"
FORMAT = 1
PROVENANCES = {int(provenance) for provenance in Provenance}
# in voxels; below one half, the nearest voxel of a grid that was moved is still the same one
MAX_SHIFT = 0.4


def encode_slices(session, label, engine, model_hash=None, *, is_left_handed=False, grid=None):
    """Provenance, confidence and age of every slice that is known, with engine, model and version, as JSON text.

    Args:
        is_left_handed: whether the voxel axes of the volume are a left-handed system; Slicer turns
            such a volume around when it reads it from a file.
        grid: what the slices are slices of, from `grid_values`; None leaves it open.
    """
    states = {index: session.state(label, index) for index in range(len(session.stack))}
    return encode_states(
        states,
        session.stack.axis,
        engine,
        model_hash,
        is_left_handed=is_left_handed,
        grid=grid,
    )


def encode_states(states, axis, engine, model_hash=None, *, is_left_handed=False, grid=None):
    """The same text of `SliceState`s that no session holds: {slice index: state} along a voxel axis (0, 1, 2 for K, J, I)."""
    known = {}
    for index, state in states.items():
        if state.provenance != Provenance.EMPTY or state.changed_at:
            confidence = None if np.isnan(state.confidence) else round(float(state.confidence), 4)
            known[index] = [int(state.provenance), confidence, state.written_at, state.changed_at]
    values = {
        "format": FORMAT,
        "axis": axis,
        "engine": engine,
        "model_sha256": model_hash,
        "version": __version__,
        "slices": known,
    }
    if is_left_handed:
        values["left_handed"] = True
    if grid is not None:
        values["grid"] = grid
    return json.dumps(values, separators=(",", ":"))


def decode_slices(text):
    """The values that `encode_slices` wrote, or None when the text is of another kind, or damaged."""
    try:
        values = json.loads(text)
        is_ours = (
            values["format"] == FORMAT
            and values["axis"] in (0, 1, 2)
            and all(
                int(index) >= 0 and _is_state(*state) for index, state in values["slices"].items()
            )
            and _is_grid(values.get("grid"))
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return values if is_ours else None


def _is_state(provenance, confidence, written_at, changed_at):
    return (
        provenance in PROVENANCES
        and (confidence is None or 0 <= confidence <= 1)
        and written_at >= 0
        and changed_at >= 0
    )


def _is_grid(grid):
    return grid is None or (
        len(grid["size"]) == 3
        and min(grid["size"]) >= 1
        and np.shape(grid["matrix"]) == (3, 4)
        and bool(np.isfinite(grid["matrix"]).all())
    )


def grid_values(size, matrix, *, is_left_handed=False):
    """What a record says of the volume that its slices belong to, as JSON-ready values.

    A volume that Slicer turned around when it read it from a file has the same values as before.

    Args:
        size: numbers of voxels (I, J, K).
        matrix: (3, 4) from voxel indices I, J, K to the coordinates, in mm, of what the record
            belongs to.
        is_left_handed: as in `encode_slices`.
    """
    matrix = np.array(matrix, float)
    if is_left_handed:
        matrix[:, 3] += matrix[:, 2] * (size[2] - 1)
        matrix[:, 2] *= -1
    return {"size": [int(number) for number in size], "matrix": matrix.round(6).tolist()}


def is_on_grid(values, grid):
    """Whether decoded values belong to the voxels of a grid, from `grid_values`.

    A record that states none belongs to any, as those of earlier versions.
    """
    stated = values.get("grid")
    return stated is None or (
        stated["size"] == grid["size"]
        and _shift(stated["matrix"], grid["matrix"], grid["size"]) <= MAX_SHIFT
    )


def _shift(before, now, size):
    """How far, in voxels along an axis, a corner of a grid is from where it was."""
    before = np.array(before)
    now = np.array(now)
    corners = np.array(list(product(*((0, number - 1) for number in size))), float)
    points = corners @ before[:, :3].T + before[:, 3]
    return np.abs(np.linalg.solve(now[:, :3], (points - now[:, 3]).T).T - corners).max()


def in_system(values, count, *, is_left_handed):
    """Decoded values for a volume whose voxel axes are, or are not, a left-handed system.

    Slicer makes a volume right-handed by turning its last axis, K, around: slices along it are
    counted from the other end then.

    Args:
        values: what `decode_slices` returned.
        count: number of slices.
    """
    if bool(values.get("left_handed")) == is_left_handed or values["axis"] != 0:
        return values
    return {
        **values,
        "slices": {str(count - 1 - int(index)): state for index, state in values["slices"].items()},
    }


def restore_slices(session, label, masks, values):
    """Put decoded values into a session, with the masks that the label has now.

    Args:
        masks: (N, H, W) bool, or N patches.
        values: what `decode_slices` returned.
    """
    for text, (provenance, confidence, written_at, changed_at) in values["slices"].items():
        index = int(text)
        if index < len(session.stack):
            state = SliceState(
                Patch.of(masks[index]),
                Provenance(provenance),
                float("nan") if confidence is None else confidence,
                written_at,
                changed_at,
            )
            session.restore(label, index, state)
