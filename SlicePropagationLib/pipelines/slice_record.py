"""What a session knows about one label's slices, as one line of text that travels with a segment."""

import json
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from SlicePropagationLib import __version__
from SlicePropagationLib.patch import EMPTY_MASK, Patch, decode_patch, encode_patch
from SlicePropagationLib.session import AnnotationSession, Provenance, SliceState

TAG = "SlicePropagation.Slices"
FORMAT = 1
PROVENANCES = {int(provenance) for provenance in Provenance}
# In voxels; below one half, the nearest voxel of a grid that was moved is still the same one.
MAX_SHIFT = 0.4
MOST_PIXELS = 1 << 26  # of a hint; no slice has as many
Grid = dict[str, Any]  # {"size": (I, J, K), "matrix": (3, 4)}, from `grid_values`


def encode_slices(
    session: AnnotationSession,
    label: int,
    engine: str,
    model_hash: str | None = None,
    *,
    is_left_handed: bool = False,
    grid: Grid | None = None,
) -> str:
    """Provenance, confidence and age of every slice that is known, as JSON text.

    With engine, model and version.

    Args:
        session: the session that knows.
        label: the label whose slices are told of.
        engine: name of what walked.
        model_hash: hash of its weights, or None.
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


def encode_states(
    states: Mapping[int, SliceState],
    axis: int,
    engine: str,
    model_hash: str | None = None,
    *,
    is_left_handed: bool = False,
    grid: Grid | None = None,
) -> str:
    """The same text of `SliceState`s that no session holds.

    Args:
        states: {slice index: state}.
        axis: the voxel axis that the slices run along (0, 1, 2 for K, J, I).
        engine: as in `encode_slices`.
        model_hash: as in `encode_slices`.
        is_left_handed: as in `encode_slices`.
        grid: as in `encode_slices`.
    """
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
    hints = {
        index: encode_patch(state.hint)
        for index, state in states.items()
        if not state.hint.is_empty
    }
    if hints:  # a key of their own, which earlier versions do not look at
        values["hints"] = hints
    finders = {index: state.found_by for index, state in states.items() if state.found_by}
    if finders:  # as the hints
        values["found_by"] = finders
    return json.dumps(values, separators=(",", ":"))


def decode_slices(text: str) -> dict[str, Any] | None:
    """The values that `encode_slices` wrote.

    None when the text is of another kind, or damaged.
    """
    try:
        values = json.loads(text)
        is_ours = (
            values["format"] == FORMAT
            and values["axis"] in (0, 1, 2)
            and all(_is_slice(index, state) for index, state in values["slices"].items())
            and all(_is_hint(index, patch) for index, patch in values.get("hints", {}).items())
            and all(isinstance(name, str) for name in values.get("found_by", {}).values())
            and _is_grid(values.get("grid"))
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return values if is_ours else None


def _is_slice(index: str, state: Sequence[Any]) -> bool:
    return int(index) >= 0 and _is_state(*state)


def _is_hint(index: str, patch: Any) -> bool:
    return (
        int(index) >= 0 and patch["height"] * patch["width"] <= MOST_PIXELS and _can_be_read(patch)
    )


def _can_be_read(patch: Any) -> bool:
    decode_patch(patch)
    return True


def _is_state(
    provenance: int,
    confidence: float | None,
    written_at: int,
    changed_at: int,
) -> bool:
    return (
        provenance in PROVENANCES
        and (confidence is None or 0 <= confidence <= 1)
        and written_at >= 0
        and changed_at >= 0
    )


def _is_grid(grid: Grid | None) -> bool:
    return grid is None or (
        len(grid["size"]) == 3
        and min(grid["size"]) >= 1
        and np.shape(grid["matrix"]) == (3, 4)
        and bool(np.isfinite(grid["matrix"]).all())
    )


def grid_values(
    size: Sequence[int],
    matrix: np.ndarray,
    *,
    is_left_handed: bool = False,
) -> Grid:
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


def is_on_grid(values: dict[str, Any], grid: Grid) -> bool:
    """Whether decoded values belong to the voxels of a grid, from `grid_values`.

    A record that states none belongs to any, as those of earlier versions.
    """
    stated = values.get("grid")
    return stated is None or (
        stated["size"] == grid["size"]
        and _shift(stated["matrix"], grid["matrix"], grid["size"]) <= MAX_SHIFT
    )


def _shift(
    before: Sequence[Sequence[float]], now: Sequence[Sequence[float]], size: Sequence[int]
) -> float:
    """How far, in voxels along an axis, a corner of a grid is from where it was."""
    matrix = np.array(before)
    matrix_now = np.array(now)
    ends = [(0, number - 1) for number in size]
    corners = np.array(list(product(*ends)), float)
    points = corners @ matrix[:, :3].T + matrix[:, 3]
    moved = np.linalg.solve(matrix_now[:, :3], (points - matrix_now[:, 3]).T).T
    return float(np.abs(moved - corners).max())


def in_system(
    values: dict[str, Any],
    count: int,
    *,
    is_left_handed: bool,
) -> dict[str, Any]:
    """Decoded values for a volume whose voxel axes are, or are not, a left-handed system.

    Slicer makes a volume right-handed by turning its last axis, K, around: slices along it are
    counted from the other end then.

    Args:
        values: what `decode_slices` returned.
        count: number of slices.
        is_left_handed: whether the axes of the volume are.
    """
    if bool(values.get("left_handed")) == is_left_handed or values["axis"] != 0:
        return values
    turned = {
        name: {str(count - 1 - int(index)): value for index, value in values[name].items()}
        for name in ("slices", "hints", "found_by")
        if name in values
    }
    return {**values, **turned}


def restore_slices(
    session: AnnotationSession,
    label: int,
    masks: np.ndarray | Sequence[Patch],
    values: dict[str, Any],
) -> None:
    """Put decoded values into a session, with the masks that the label has now.

    Args:
        session: where they are put.
        label: the label that they are of.
        masks: (N, H, W) bool, or N patches.
        values: what `decode_slices` returned.
    """
    for text, (provenance, confidence, written_at, changed_at) in values["slices"].items():
        index = int(text)
        if index < len(session.stack):
            patch = Patch.of(masks[index])
            hint = values.get("hints", {}).get(text)
            state = SliceState(
                patch,
                Provenance(provenance),
                float("nan") if confidence is None else confidence,
                written_at,
                changed_at,
                EMPTY_MASK if hint is None else decode_patch(hint).within(patch),
                values.get("found_by", {}).get(text, ""),
            )
            session.restore(label, index, state)
