"""Writing a finished run into the person's segmentation: once, as one block, through Slicer's own masking."""

import contextlib

import numpy as np
import slicer

from SlicePropagationMRML.geometry import arrayOf, emptyLabelmap, segmentMask


def changedVoxels(session, label, slices, before):
    """What a run wants to change: (add, remove), each (N, H, W) bool; anchors never differ.

    Args:
        slices: indices that the run predicted.
        before: (N, H, W) bool, the segment now.
    """
    wanted = before.copy()
    for index in slices:
        if not session.is_anchor(label, index):
            wanted[index] = session.mask(label, index)
    return wanted & ~before, before & ~wanted


def countTaken(segmentationNode, segmentIDs, volumeNode, added, editorNode):
    """How many voxels a commit would take from other segments: {segment name: voxels}, by the overwrite mode in force.

    Args:
        segmentIDs: segments that the run writes.
        added: (K, J, I) bool, voxels it adds to any of them.
    """
    mode = editorNode.GetOverwriteMode()
    if mode == editorNode.OverwriteNone or not added.any():
        return {}
    segmentation, display = segmentationNode.GetSegmentation(), segmentationNode.GetDisplayNode()
    taken = {}
    for segmentID in segmentation.GetSegmentIDs():
        isHidden = display is not None and not display.GetSegmentVisibility(segmentID)
        if segmentID in segmentIDs or (mode == editorNode.OverwriteVisibleSegments and isHidden):
            continue
        count = int(np.count_nonzero(segmentMask(segmentationNode, segmentID, volumeNode) & added))
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
    labelmap = emptyLabelmap(volumeNode, segmentationNode)
    arrayOf(labelmap)[:] = voxels
    labelmap.Modified()
    corners = [bound for axis in (2, 1, 0) for bound in _bounds(voxels, axis)]      # I, J, K extents of the block
    mode = editorLogic.ModificationModeRemove if isRemoval else editorLogic.ModificationModeAdd
    editorLogic.GetSegmentEditorNode().SetSelectedSegmentID(segmentID)
    editorLogic.UpdateMaskLabelmap()
    editorLogic.UpdateSelectedSegmentLabelmap()
    editorLogic.ModifySegmentByLabelmap(segmentationNode, segmentID, labelmap, mode, corners, False, False)


@contextlib.contextmanager
def selectionKept(editorLogic):
    """Writing selects segments; afterwards the person's selection is as it was, and nobody was told of another one."""
    node = editorLogic.GetSegmentEditorNode()
    selected, wasModified = node.GetSelectedSegmentID(), node.StartModify()
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
