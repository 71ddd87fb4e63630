"""A session from what segments show and what their tags say of it."""

from typing import Any

from SlicePropagationLib.patch import Patch
from SlicePropagationLib.pipelines.slice_record import Grid, in_system, is_on_grid, restore_slices
from SlicePropagationLib.session import AnnotationSession, Provenance, SliceState
from SlicePropagationMRML.nodes.geometry import isLeftHanded
from SlicePropagationMRML.nodes.types import VolumeNode


def restoreFromTags(
    session: AnnotationSession,
    masks: dict[int, list[Patch]],
    tags: dict[int, dict[str, Any] | None],
    volumeNode: VolumeNode,
    grid: Grid,
) -> None:
    """Fill a new session.

    Args:
        session: of these labels, empty.
        masks: {label: N `Patch`es}, what its segment shows.
        tags: {label: what its tag says, None without one}.
        volumeNode: the image.
        grid: where its slices lie, as `gridOf` says.
    """
    for label, values in tags.items():
        isAboutThese = values is not None and values["axis"] == session.stack.axis
        if values is not None and isAboutThese and is_on_grid(values, grid):
            isMirrored = isLeftHanded(volumeNode)
            values = in_system(values, len(session.stack), is_left_handed=isMirrored)
            restore_slices(session, label, masks[label], values)
            _forgetErasedSeeds(session, label)


def _forgetErasedSeeds(session: AnnotationSession, label: int) -> None:
    """A drawing that was erased while nobody watched is no anchor."""
    for index in session.anchors(label):
        state = session.state(label, index)
        if state.provenance == Provenance.SEED and state.patch.is_empty:
            session.restore(label, index, SliceState())
