"""What a person annotated in the frames of a sequence, as far as this module did not write it itself."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import slicer

from SlicePropagationLib.arrays import Labels
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.pipelines.slice_record import in_system
from SlicePropagationLib.session import Provenance, SliceState
from SlicePropagationMRML.nodes.geometry import arrayOf, isLeftHanded, segmentMask
from SlicePropagationMRML.nodes.tags import readTags
from SlicePropagationMRML.nodes.types import SegmentationNode, SequenceNode, VolumeNode

# on every segment that this module wrote; its value says with what
PROPAGATED_TAG = "SlicePropagation.PropagatedInTime"

# {label: {slice: [provenance, confidence, written at, changed at]}}
States: TypeAlias = dict[int, dict[int, list]]


@dataclass(frozen=True)
class Drawing:
    """What is annotated in a frame.

    Attributes:
        labels: (N, H, W) uint8, slices along the axis.
        states: of a frame that was propagated in time and corrected since; None for a frame that a
            person segmented, where every slice counts.
    """

    labels: Labels
    states: States | None

    def isAnchor(self, index: int) -> bool:
        """Whether a person vouches for this slice of the frame."""
        return self.states is None or any(
            states.get(index, (0,))[0] >= Provenance.SEED for states in self.states.values()
        )


def readDrawing(
    node: SegmentationNode, volume: VolumeNode, segmentIDs: list[str], axis: int
) -> Drawing:
    """The `Drawing` of a frame.

    Args:
        node: the frame's segmentation.
        volume: its image.
        segmentIDs: label n is the n-th of these.
        axis: the voxel axis (0, 1, 2 for K, J, I) that slices run along.
    """
    isOurs = isPropagated(node)
    states: States = {}
    labels = np.zeros(slicer.util.arrayFromVolume(volume).shape, np.uint8)
    for label, segmentID in enumerate(segmentIDs, 1):
        if node.GetSegmentation().GetSegment(segmentID) is not None:
            labels[segmentMask(node, segmentID, volume)] = label
            states[label] = _statesOf(node, segmentID, volume, axis) if isOurs else {}
    return Drawing(np.moveaxis(labels, axis, 0), states if isOurs else None)


def stateOf(values: list) -> SliceState:
    """What a tag says of a slice, as the session holds it."""
    provenance, confidence, writtenAt, changedAt = values
    return SliceState(
        provenance=Provenance(provenance),
        confidence=float("nan") if confidence is None else confidence,
        written_at=writtenAt,
        changed_at=changedAt,
    )


def volumesOf(sequence: SequenceNode) -> list[VolumeNode]:
    """The volumes of a sequence's frames.

    Raises:
        InputError: there are fewer than two, or they are of unequal size.
    """
    volumes = [sequence.GetNthDataNode(number) for number in range(sequence.GetNumberOfDataNodes())]
    if len(volumes) < 2:
        raise InputError(
            "The sequence '{sequence}' has {num_volumes} frame, at least 2 are needed;"
            " segment it as a volume.",
            sequence=sequence.GetName(),
            num_volumes=len(volumes),
        )
    sizes = {_sizeOf(volume) for volume in volumes}
    if len(sizes) > 1:
        first = "x".join(map(str, min(sizes)))
        last = "x".join(map(str, max(sizes)))
        raise InputError(
            "The frames of '{sequence}' are of unequal size, {first} and {last};"
            " resample them onto one grid.",
            sequence=sequence.GetName(),
            first=first,
            last=last,
        )
    return volumes


def drawnNodes(
    volumeSequence: SequenceNode, segmentationSequence: SequenceNode
) -> dict[int, SegmentationNode]:
    """{frame: segmentation node} of the frames in which a person vouches for something.

    Raises:
        InputError: there is none, or one at a time that the volumes do not have.
    """
    drawn = {}
    for number in range(segmentationSequence.GetNumberOfDataNodes()):
        node = segmentationSequence.GetNthDataNode(number)
        value = segmentationSequence.GetNthIndexValue(number)
        if not isDrawn(node):
            continue
        frame = volumeSequence.GetItemNumberFromIndexValue(value, True)
        if frame < 0:
            raise InputError(
                "'{segmentation_sequence}' is annotated at {value}, where"
                " '{volume_sequence}' has no frame; annotate frames of the sequence.",
                segmentation_sequence=segmentationSequence.GetName(),
                value=value,
                volume_sequence=volumeSequence.GetName(),
            )
        drawn[frame] = node
    if not drawn:
        raise InputError(
            "'{segmentation_sequence}' has no annotated frame; outline the structure"
            " on at least one.",
            segmentation_sequence=segmentationSequence.GetName(),
        )
    return drawn


def segmentIDsOf(nodes: dict[int, SegmentationNode]) -> list[str]:
    """IDs of all segments, in the order in which the frames bring them."""
    known: dict[str, None] = {}
    for frame in sorted(nodes):
        known.update(dict.fromkeys(nodes[frame].GetSegmentation().GetSegmentIDs()))
    return list(known)


def isPropagated(node: SegmentationNode) -> bool:
    """Whether this module wrote the frame."""
    segmentation = node.GetSegmentation()
    return any(
        segmentation.GetSegment(segmentID).HasTag(PROPAGATED_TAG)
        for segmentID in segmentation.GetSegmentIDs()
    )


def isDrawn(node: SegmentationNode) -> bool:
    """Whether a person vouches for something in this frame."""
    segmentIDs = node.GetSegmentation().GetSegmentIDs()
    if isPropagated(node):
        return any(_isVouchedFor(node, segmentID) for segmentID in segmentIDs)
    return any(_hasVoxels(node, segmentID) for segmentID in segmentIDs)


def _isVouchedFor(node: SegmentationNode, segmentID: str) -> bool:
    """Whether the tag of a segment names a slice that a person vouches for."""
    values = readTags(node, segmentID)
    states = values["slices"].values() if values else ()
    return any(state[0] >= Provenance.SEED for state in states)


def _hasVoxels(node: SegmentationNode, segmentID: str) -> bool:
    labelmap = slicer.vtkOrientedImageData()
    if not node.GetBinaryLabelmapRepresentation(segmentID, labelmap) or labelmap.IsEmpty():
        return False
    return bool(arrayOf(labelmap).any())


def _statesOf(
    node: SegmentationNode, segmentID: str, volume: VolumeNode, axis: int
) -> dict[int, list]:
    """{slice: [provenance, confidence, written at, changed at]} as a segment's tag says.

    Empty where it speaks of another axis.
    """
    values = readTags(node, segmentID)
    if values is None or values["axis"] != axis:
        return {}
    count = volume.GetImageData().GetDimensions()[2 - axis]
    values = in_system(values, count, is_left_handed=isLeftHanded(volume))
    return {int(index): state for index, state in values["slices"].items()}


def _sizeOf(volume: VolumeNode) -> tuple[int, ...]:
    image = volume.GetImageData()
    return image.GetDimensions() if image else (0, 0, 0)
