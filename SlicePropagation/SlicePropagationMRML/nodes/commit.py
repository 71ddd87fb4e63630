"""Writing a finished run into the person's segmentation: once, as one block, with Slicer's masking."""

import contextlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import slicer

from SlicePropagationLib.patch import Patch
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationMRML.nodes.geometry import labelmapBlock, presentSlices
from SlicePropagationMRML.nodes.protection import (
    drawsUnder,
    isLocked,
    lockedSegments,
    spareProtected,
)
from SlicePropagationMRML.nodes.types import (
    ApplicationLogic,
    EditorLogic,
    EditorNode,
    Labelmap,
    Scene,
    SegmentationNode,
    VolumeNode,
)

Patches: TypeAlias = dict[int, Patch]  # {slice: patch}

# of a block that is written at once; with an intensity range, Slicer looks at the whole volume for
# each (25 ms for 50 million)
BAND_VOXELS = 1_000_000


def changedPatches(
    session: AnnotationSession,
    label: int,
    slices: Iterable[int],
    before: Sequence[Patch],
    *,
    mayOverlap: bool,
) -> dict[int, tuple[Patch, Patch]]:
    """What a run wants to change: {slice: (add, remove)}, `Patch`es, of the slices that differ.

    Anchors never do.

    Args:
        session: what was predicted.
        label: of which label.
        slices: indices that the run predicted.
        before: what the segment shows now, a `Patch` a slice.
        mayOverlap: whether it may lie over the anchors of other labels; one may have been drawn
            after the slice was predicted.
    """
    changes = {}
    for index in sorted(slices):
        wanted = session.state(label, index).patch
        if not mayOverlap:
            wanted = _withoutAnchors(wanted, session, label, index)
        if not session.is_anchor(label, index) and not wanted.equals(before[index]):
            changes[index] = (wanted.without(before[index]), before[index].without(wanted))
    return changes


def _withoutAnchors(
    patch: Patch,
    session: AnnotationSession,
    label: int,
    index: int,
) -> Patch:
    """What is left of a label's patch beside what a person drew of others on that slice."""
    for other in session.labels:
        if other != label and session.is_anchor(other, index):
            patch = patch.without(session.state(other, index).patch)
    return patch


def exposedSegments(
    segmentationNode: SegmentationNode,
    segmentIDs: Collection[str],
    editorNode: EditorNode,
) -> list[str]:
    """IDs of the segments from which a commit may take voxels.

    As overwrite mode, visibility and locks let it.

    Args:
        segmentationNode: the segmentation.
        segmentIDs: segments that the run writes; they are none of these.
        editorNode: whose overwrite mode is in force.
    """
    mode = editorNode.GetOverwriteMode()
    if mode == editorNode.OverwriteNone or drawsUnder(segmentationNode):
        return []
    locked = lockedSegments(segmentationNode)
    display = segmentationNode.GetDisplayNode()
    exposed = []
    for segmentID in segmentationNode.GetSegmentation().GetSegmentIDs():
        isHidden = display is not None and not display.GetSegmentVisibility(segmentID)
        isSafe = isHidden and mode == editorNode.OverwriteVisibleSegments
        isSafe = isSafe or segmentID in locked
        if segmentID not in segmentIDs and not isSafe:
            exposed.append(segmentID)
    return exposed


def writeSegment(
    editorLogic: EditorLogic,
    segmentationNode: SegmentationNode,
    segmentID: str,
    volumeNode: VolumeNode,
    voxels: np.ndarray,
    *,
    isRemoval: bool,
) -> None:
    """Add voxels to a segment or remove them.

    Editable area, intensity range and overwrite mode are honoured.

    Args:
        editorLogic: what writes.
        segmentationNode: the segmentation.
        segmentID: which of its segments.
        volumeNode: the volume.
        isRemoval: whether to remove.
        voxels: (K, J, I) bool on the volume's grid.
    """
    if not voxels.any():
        return
    low = []
    block = voxels
    for axis in range(3):
        present = presentSlices(voxels, axis)
        low.append(int(present[0]))
        block = np.take(block, range(present[0], present[-1] + 1), axis)
    labelmap = labelmapBlock(volumeNode, segmentationNode, block, low)
    _modify(editorLogic, segmentationNode, segmentID, labelmap, isRemoval)


def prepareMasking(editorLogic: EditorLogic, segmentID: str) -> Iterator[None]:
    """Let the logic make what masking needs, otherwise made within the first write.

    That takes 50 ms for 50 million voxels; yields after each part. Nothing is made where nothing
    is masked: it has a byte for each voxel of the volume.
    """
    node = editorLogic.GetSegmentEditorNode()
    node.SetSelectedSegmentID(segmentID)
    _updateMask(editorLogic)
    if node.GetSourceVolumeIntensityMask():
        yield
        editorLogic.UpdateAlignedSourceVolume()
    yield


def writeBands(
    editorLogic: EditorLogic,
    segmentationNode: SegmentationNode,
    segmentID: str,
    volumeNode: VolumeNode,
    axis: int,
    patches: Patches,
    *,
    isRemoval: bool,
) -> Iterator[None]:
    """Add slices to a segment or remove them, as `writeSegment`, a band of slices at a time.

    Yields after each.

    Args:
        editorLogic: what writes.
        segmentationNode: the segmentation.
        segmentID: which of its segments.
        volumeNode: the volume.
        axis: the voxel axis (0, 1, 2 for K, J, I) that slices run along.
        patches: what to add or to remove.
        isRemoval: whether to remove.
    """
    left = {index: patches[index] for index in sorted(patches) if not patches[index].is_empty}
    while left:
        band = _firstBand(left)
        block, low = blockOf(band, axis)
        labelmap = labelmapBlock(volumeNode, segmentationNode, block, low)
        _modify(editorLogic, segmentationNode, segmentID, labelmap, isRemoval)
        for index in band:
            del left[index]
        yield


def blockOf(band: Patches, axis: int) -> tuple[np.ndarray, list[int]]:
    """Some slices as one block.

    Args:
        band: the slices; at least one, and none is empty.
        axis: the voxel axis (0, 1, 2 for K, J, I) that they run along.

    Returns:
        (K, J, I) bool voxels, and the grid's indices (K, J, I) of the first one.
    """
    first = min(band)
    count = max(band) - first + 1
    top = min(patch.top for patch in band.values())
    left = min(patch.left for patch in band.values())
    bottom = max(patch.window[0].stop for patch in band.values())
    right = max(patch.window[1].stop for patch in band.values())
    block = np.zeros((count, bottom - top, right - left), bool)
    for index, patch in band.items():
        moved = patch.moved(-top, -left)
        block[index - first][moved.window] = moved.crop
    low = [top, left]
    low.insert(axis, first)
    return np.moveaxis(block, 0, axis), low


def _firstBand(patches: Patches) -> Patches:
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


def _modify(
    editorLogic: EditorLogic,
    segmentationNode: SegmentationNode,
    segmentID: str,
    labelmap: Labelmap,
    isRemoval: bool,
) -> None:
    if isLocked(segmentationNode, segmentID):
        return
    if not isRemoval:
        spareProtected(segmentationNode, segmentID, labelmap)
    mode = editorLogic.ModificationModeRemove if isRemoval else editorLogic.ModificationModeAdd
    editorLogic.GetSegmentEditorNode().SetSelectedSegmentID(segmentID)
    _updateMask(editorLogic)
    editorLogic.ModifySegmentByLabelmap(
        segmentationNode,
        segmentID,
        labelmap,
        mode,
        list(labelmap.GetExtent()),
        False,
        False,
    )


def _updateMask(editorLogic: EditorLogic) -> None:
    """Bring Slicer's mask up to date where it looks at one."""
    node = editorLogic.GetSegmentEditorNode()
    everywhere = slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere
    if node.GetMaskMode() != everywhere or node.GetSourceVolumeIntensityMask():
        editorLogic.UpdateMaskLabelmap()


@contextlib.contextmanager
def selectionKept(editorLogic: EditorLogic) -> Iterator[None]:
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


def makeEditorLogic(scene: Scene, applicationLogic: ApplicationLogic | None = None) -> EditorLogic:
    """A segment editor logic with a hidden node of its own, for use without an editor widget."""
    logic = slicer.vtkSlicerSegmentEditorLogic()
    if applicationLogic is not None:
        logic.SetMRMLApplicationLogic(applicationLogic)
    logic.SetMRMLScene(scene)
    ensureEditorNode(logic, scene)
    return logic


def ensureEditorNode(editorLogic: EditorLogic, scene: Scene) -> None:
    """Give the logic a new hidden node where it has none, as after the scene was closed."""
    node = editorLogic.GetSegmentEditorNode()
    if node is not None and scene.IsNodePresent(node):
        return
    node = slicer.vtkMRMLSegmentEditorNode()
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    editorLogic.SetSegmentEditorNode(scene.AddNode(node))
