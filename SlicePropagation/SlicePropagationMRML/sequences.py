"""Propagation along time: sequence nodes of volumes and of segmentations, matched by their index values."""

import numpy as np
import slicer

from SlicePropagationLib.engines import make_engine, model_hash
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.time_case import TimeSession
from SlicePropagationMRML.geometry import arrayOf, emptyLabelmap, segmentMask

PROPAGATED_TAG = "SlicePropagation.PropagatedInTime"      # on every segment that this module wrote; its value says with what


def propagateSequence(volumeSequence, segmentationSequence, engineName=None, isCyclic=True, onStep=None):
    """Fill the segmentations of all frames from the annotated ones; annotated frames are not touched.

    A frame counts as annotated when the segmentation sequence has a segmentation for it that shows something and was not written here. Nothing
    is written unless all of it worked.

    Args:
        volumeSequence: vtkMRMLSequenceNode of scalar volumes.
        segmentationSequence: vtkMRMLSequenceNode of segmentations, by the same index values.
        engineName: name of an engine or a model file; None for the default.
        isCyclic: the last frame is followed by the first.
        onStep: called with (slice position, number of positions, SlicePrediction).

    Returns:
        Indices of the frames that were written.

    Raises:
        InputError: fewer than two frames, frames of unequal size, no annotated frame, or an annotation at a time that the volumes do not have.
    """
    volumes = _volumes(volumeSequence)
    annotated, segmentIDs = _annotated(volumeSequence, segmentationSequence)
    drawn = np.zeros((len(volumes), *slicer.util.arrayFromVolume(volumes[0]).shape), np.uint8)
    for frame, segmentation in annotated.items():
        for label, segmentID in enumerate(segmentIDs, 1):
            if segmentation.GetSegmentation().GetSegment(segmentID) is not None:
                drawn[frame][segmentMask(segmentation, segmentID, volumes[frame])] = label
    engine = make_engine(engineName)
    labels = _propagated(volumes, drawn, sorted(annotated), engine, isCyclic, onStep)
    template = annotated[min(annotated)]
    said = f"{engine.name} {model_hash(engine) or ''}".strip()
    written = [frame for frame in range(len(volumes)) if frame not in annotated]
    for frame in written:
        node = _segmentationOf(labels[frame], template, segmentIDs, volumes[frame], said)
        segmentationSequence.SetDataNodeAtValue(node, volumeSequence.GetNthIndexValue(frame))
    return written


def _volumes(sequence):
    volumes = [sequence.GetNthDataNode(number) for number in range(sequence.GetNumberOfDataNodes())]
    if len(volumes) < 2:
        raise InputError(f"The sequence '{sequence.GetName()}' has {len(volumes)} frame, at least 2 are needed; segment it as a volume.")
    sizes = {volume.GetImageData().GetDimensions() if volume.GetImageData() else (0, 0, 0) for volume in volumes}
    if len(sizes) > 1:
        first, last = ("x".join(map(str, size)) for size in (min(sizes), max(sizes)))
        raise InputError(f"The frames of '{sequence.GetName()}' are of unequal size, {first} and {last}; resample them onto one grid.")
    return volumes


def _annotated(volumeSequence, segmentationSequence):
    """({frame: segmentation node}, segment IDs in order)."""
    annotated, segmentIDs = {}, []
    for number in range(segmentationSequence.GetNumberOfDataNodes()):
        node, value = segmentationSequence.GetNthDataNode(number), segmentationSequence.GetNthIndexValue(number)
        if not _isDrawn(node):
            continue
        frame = volumeSequence.GetItemNumberFromIndexValue(value, True)
        if frame < 0:
            raise InputError(f"'{segmentationSequence.GetName()}' is annotated at {value}, where '{volumeSequence.GetName()}' has no frame; annotate frames of the sequence.")
        annotated[frame] = node
        segmentIDs += [segmentID for segmentID in node.GetSegmentation().GetSegmentIDs() if segmentID not in segmentIDs]
    if not annotated:
        raise InputError(f"'{segmentationSequence.GetName()}' has no annotated frame; outline the structure on at least one.")
    return annotated, segmentIDs


def _isDrawn(node):
    """Whether a person segmented this frame: something is shown, and it was not propagated there."""
    isShown = False
    for segmentID in node.GetSegmentation().GetSegmentIDs():
        if node.GetSegmentation().GetSegment(segmentID).HasTag(PROPAGATED_TAG):
            return False
        labelmap = slicer.vtkOrientedImageData()
        isShown |= bool(node.GetBinaryLabelmapRepresentation(segmentID, labelmap)) and not labelmap.IsEmpty() and bool(arrayOf(labelmap).any())
    return isShown


def _propagated(volumes, drawn, annotated, engine, isCyclic, onStep):
    """(T, K, J, I) labels: every slice position along time, slices along K."""
    images = np.stack([np.nan_to_num(slicer.util.arrayFromVolume(volume).astype(np.float32)) for volume in volumes])
    spacing = (1.0, *tuple(reversed(volumes[0].GetSpacing()))[1:])
    labels = np.zeros_like(drawn)
    positions = [k for k in range(drawn.shape[1]) if drawn[:, k].any()]
    for number, k in enumerate(positions, 1):
        timed = TimeSession(SliceStack(images[:, k], spacing, is_cyclic=isCyclic), drawn[:, k], annotated)
        for prediction in timed.steps(engine):
            if onStep:
                onStep(number, len(positions), prediction)
        labels[:, k] = timed.label_map()
    return labels


def _segmentationOf(labels, template, segmentIDs, volume, said):
    """A segmentation node like the template, with these labels (K, J, I)."""
    node = slicer.vtkMRMLSegmentationNode()
    node.Copy(template)
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    segmentation = node.GetSegmentation()
    segmentation.RemoveAllSegments()
    for label, segmentID in enumerate(segmentIDs, 1):
        source = template.GetSegmentation().GetSegment(segmentID)
        segment = slicer.vtkSegment()
        segment.SetName(source.GetName() if source else segmentID)
        if source:
            segment.SetColor(source.GetColor())
        labelmap = emptyLabelmap(volume, node)
        arrayOf(labelmap)[:] = labels == label
        labelmap.Modified()
        segment.AddRepresentation("Binary labelmap", labelmap)
        segment.SetTag(PROPAGATED_TAG, said)
        segmentation.AddSegment(segment, segmentID)
    return node
