"""Giving slices of a segment other masks, as one act of a person."""

from collections.abc import Callable, Mapping

from SlicePropagationLib.arrays import Mask
from SlicePropagationLib.patch import Patch
from SlicePropagationMRML.nodes.commit import selectionKept, writeBands
from SlicePropagationMRML.nodes.geometry import segmentPatches
from SlicePropagationMRML.nodes.types import EditorLogic, SegmentationNode, VolumeNode


def editSlices(
    editorLogic: EditorLogic,
    segmentationNode: SegmentationNode,
    segmentID: str,
    volumeNode: VolumeNode,
    axis: int,
    wanted: Mapping[int, Mask],
    save: Callable[[], object],
) -> list[int]:
    """Write masks into slices of a segment, as far as masking, overwrite mode and locks let it.

    Args:
        editorLogic: what writes.
        segmentationNode: the segmentation.
        segmentID: which of its segments.
        volumeNode: the volume.
        axis: the voxel axis (0, 1, 2 for K, J, I) that slices run along.
        wanted: {slice: (H, W) bool}; all other slices stay as they are.
        save: makes the undo step; called before anything is written, if anything is.

    Returns:
        The slices that are others than before.
    """
    before = segmentPatches(segmentationNode, segmentID, volumeNode, axis)
    patches = {index: Patch.of(mask) for index, mask in wanted.items()}
    changed = {index: new for index, new in patches.items() if not new.equals(before[index])}
    if not changed:
        return []
    save()
    removed = {index: before[index].without(new) for index, new in changed.items()}
    added = {index: new.without(before[index]) for index, new in changed.items()}
    with selectionKept(editorLogic):
        for parts, isRemoval in ((removed, True), (added, False)):
            for _ in writeBands(
                editorLogic,
                segmentationNode,
                segmentID,
                volumeNode,
                axis,
                parts,
                isRemoval=isRemoval,
            ):
                pass
    after = segmentPatches(segmentationNode, segmentID, volumeNode, axis)
    return [index for index in sorted(changed) if not after[index].equals(before[index])]
