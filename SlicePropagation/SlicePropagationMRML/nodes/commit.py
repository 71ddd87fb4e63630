"""Writing a finished run into the person's segmentation: once, as one block, through Slicer's own masking."""

import contextlib

import numpy as np
import slicer

from SlicePropagationMRML.nodes.geometry import labelmapBlock, segmentPatches

# of a block that is written at once; with an intensity range, Slicer looks at the whole volume for
# each (25 ms for 50 million)
BAND_VOXELS = 1_000_000


def changedPatches(session, label, slices, before, *, mayOverlap):
    """What a run wants to change: {slice: (add, remove)}, `Patch`es, of the slices that differ.

    Anchors never do.

    Args:
        slices: indices that the run predicted.
        before: what the segment shows now, a `Patch` a slice.
        mayOverlap: whether it may lie over the anchors of other labels; one may have been drawn
            after the slice was predicted.
    """
    changes = {}
    for index in sorted(slices):
        wanted = session.state(label, index).patch
        for other in session.labels:
            if not mayOverlap and other != label and session.is_anchor(other, index):
                wanted = wanted.without(session.state(other, index).patch)
        if not session.is_anchor(label, index) and not wanted.equals(before[index]):
            changes[index] = (wanted.without(before[index]), before[index].without(wanted))
    return changes


def countOverwritten(segmentationNode, segmentIDs, volumeNode, axis, added, editorNode):
    """How many voxels a commit would take from other segments: {segment name: voxels}, by the overwrite mode in force.

    Args:
        segmentIDs: segments that the run writes.
        axis: the voxel axis (0, 1, 2 for K, J, I) that slices run along.
        added: {slice: list of `Patch`es} that it adds to them.
    """
    mode = editorNode.GetOverwriteMode()
    if mode == editorNode.OverwriteNone or not added:
        return {}
    segmentation = segmentationNode.GetSegmentation()
    display = segmentationNode.GetDisplayNode()
    taken = {}
    for segmentID in segmentation.GetSegmentIDs():
        isHidden = display is not None and not display.GetSegmentVisibility(segmentID)
        if segmentID in segmentIDs or (mode == editorNode.OverwriteVisibleSegments and isHidden):
            continue
        theirs = segmentPatches(segmentationNode, segmentID, volumeNode, axis)
        count = 0
        for index, patches in added.items():
            left = theirs[index]
            for patch in patches:
                left = left.without(patch)
            count += theirs[index].area - left.area
        if count:
            taken[segmentation.GetSegment(segmentID).GetName()] = count
    return taken


def writeSegment(editorLogic, segmentationNode, segmentID, volumeNode, voxels, *, isRemoval):
    """Add voxels to a segment or remove them, honouring editable area, intensity range and overwrite mode.

    Args:
        voxels: (K, J, I) bool on the volume's grid.
    """
    if not voxels.any():
        return
    low, high = zip(*(_bounds(voxels, axis) for axis in range(3)))
    block = voxels[tuple(slice(first, last + 1) for first, last in zip(low, high))]
    _modify(
        editorLogic,
        segmentationNode,
        segmentID,
        labelmapBlock(volumeNode, segmentationNode, block, low),
        isRemoval,
    )


def prepareMasking(editorLogic, segmentID):
    """Let the logic make what masking needs, which it otherwise makes within the first write (50 ms for 50 million voxels); yields after each part."""
    editorLogic.GetSegmentEditorNode().SetSelectedSegmentID(segmentID)
    editorLogic.UpdateMaskLabelmap()
    if editorLogic.GetSegmentEditorNode().GetSourceVolumeIntensityMask():
        yield
        editorLogic.UpdateAlignedSourceVolume()
    yield


def writeBands(editorLogic, segmentationNode, segmentID, volumeNode, axis, patches, *, isRemoval):
    """Add slices to a segment or remove them, as `writeSegment`, a band of slices at a time.

    Yields after each.

    Args:
        axis: the voxel axis (0, 1, 2 for K, J, I) that slices run along.
        patches: {slice: `Patch`}.
    """
    patches = {index: patches[index] for index in sorted(patches) if not patches[index].is_empty}
    while patches:
        band = _firstBand(patches)
        top = min(patch.top for patch in band.values())
        left = min(patch.left for patch in band.values())
        bottom, right = (max(patch.window[side].stop for patch in band.values()) for side in (0, 1))
        first = min(band)
        last = max(band)
        block = np.zeros((last - first + 1, bottom - top, right - left), bool)
        for index, patch in band.items():
            patch = patch.moved(-top, -left)
            block[index - first][patch.window] = patch.crop
            del patches[index]
        low = [top, left]
        low.insert(axis, first)
        _modify(
            editorLogic,
            segmentationNode,
            segmentID,
            labelmapBlock(volumeNode, segmentationNode, np.moveaxis(block, 0, axis), low),
            isRemoval,
        )
        yield


def _firstBand(patches):
    """The first of some slices, as many as fit into a block of `BAND_VOXELS`."""
    band = {}
    top = np.inf
    left = np.inf
    bottom = 0
    right = 0
    for index, patch in patches.items():
        rows, columns = patch.window
        top = min(top, rows.start)
        left = min(left, columns.start)
        bottom = max(bottom, rows.stop)
        right = max(right, columns.stop)
        if band and (index - min(band) + 1) * (bottom - top) * (right - left) > BAND_VOXELS:
            break
        band[index] = patch
    return band


def _modify(editorLogic, segmentationNode, segmentID, labelmap, isRemoval):
    mode = editorLogic.ModificationModeRemove if isRemoval else editorLogic.ModificationModeAdd
    editorLogic.GetSegmentEditorNode().SetSelectedSegmentID(segmentID)
    editorLogic.UpdateMaskLabelmap()
    editorLogic.ModifySegmentByLabelmap(
        segmentationNode,
        segmentID,
        labelmap,
        mode,
        list(labelmap.GetExtent()),
        False,
        False,
    )


@contextlib.contextmanager
def selectionKept(editorLogic):
    """Writing selects segments.

    Afterwards the person's selection is as it was, and nobody was told of another one.
    """
    node = editorLogic.GetSegmentEditorNode()
    selected = node.GetSelectedSegmentID()
    wasModified = node.StartModify()
    try:
        yield
    finally:
        node.SetSelectedSegmentID(selected)
        node.EndModify(wasModified)


def makeEditorLogic(scene, applicationLogic=None):
    """A segment editor logic with a hidden node of its own, for use without a segment editor widget."""
    logic = slicer.vtkSlicerSegmentEditorLogic()
    if applicationLogic is not None:
        logic.SetMRMLApplicationLogic(applicationLogic)
    logic.SetMRMLScene(scene)
    ensureEditorNode(logic, scene)
    return logic


def ensureEditorNode(editorLogic, scene):
    """Give the logic a new hidden node where it has none, as after the scene was closed."""
    node = editorLogic.GetSegmentEditorNode()
    if node is not None and scene.IsNodePresent(node):
        return
    node = slicer.vtkMRMLSegmentEditorNode()
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    editorLogic.SetSegmentEditorNode(scene.AddNode(node))


def _bounds(voxels, axis):
    present = np.flatnonzero(voxels.any(axis=tuple(other for other in range(3) if other != axis)))
    return int(present[0]), int(present[-1])
