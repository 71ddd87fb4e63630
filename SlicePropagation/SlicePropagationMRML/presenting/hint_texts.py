"""What was drawn in a second plane, in words: which plane, what it is for the slices, what comes of it."""

from collections.abc import Mapping, Sequence

from SlicePropagationLib.patch import Patch
from SlicePropagationMRML.nodes.geometry import planeOfAxis
from SlicePropagationMRML.nodes.types import VolumeNode
from SlicePropagationMRML.presenting.messages import planeName, slicesText
from SlicePropagationMRML.run.second_plane import hintPlanes
from SlicePropagationMRML.translation import tr as _


def hintText(
    volumeNode: VolumeNode,
    axis: int,
    hints: Mapping[int, Patch],
    *,
    hasSeed: bool,
    isRunning: bool,
    first: int = 0,
) -> str:
    """What became of strokes in another plane: it names both planes, and says what to do.

    Args:
        volumeNode: the volume.
        axis: the voxel axis (0, 1, 2 for K, J, I) that slices run along.
        hints: {slice as it is called: pixels} that were drawn.
        hasSeed: whether anything is drawn on a slice itself.
        isRunning: whether a run takes them in at once.
        first: what the first slice of a plane is called.
    """
    planes = [(other, index + first) for other, index in hintPlanes(hints, axis)]
    text = _("You drew on {planes}. That is a hint for {slices} ({own}): {consequence}")
    return text.format(
        planes=_planesText(volumeNode, planes),
        slices=slicesText(hints),
        own=planeName(planeOfAxis(volumeNode, axis), 0),
        consequence=_consequence(hasSeed=hasSeed, isRunning=isRunning),
    )


def _consequence(*, hasSeed: bool, isRunning: bool) -> str:
    if isRunning:
        return _("the run starts there again, and keeps it.")
    if hasSeed:
        return _("Propagate fills them and keeps it.")
    return _("draw on one of these slices, too, where Propagate begins.")


def _planesText(volumeNode: VolumeNode, planes: Sequence[tuple[int, int]]) -> str:
    """Planes in words: "Sagittal slice 20 and Coronal slices 3-4"."""
    axes = sorted({axis for axis, _index in planes})
    text = _("{plane} {slices}")
    named = [
        text.format(
            plane=planeName(planeOfAxis(volumeNode, axis), 0),
            slices=slicesText(index for own, index in planes if own == axis),
        )
        for axis in axes
    ]
    return _(" and ").join(named)
