"""Propagation along time: sequence nodes of volumes and of segmentations, matched by their index values."""

from dataclasses import dataclass

import numpy as np
import slicer

from SlicePropagationLib.engines import make_engine, model_hash
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.patch import Patch
from SlicePropagationLib.pipelines.propagate_frames import TimeSession
from SlicePropagationLib.pipelines.slice_record import TAG, encode_states, in_system
from SlicePropagationLib.session import Provenance, SliceState
from SlicePropagationLib.stack import SliceStack
from SlicePropagationMRML.nodes.fingerprint import fingerprint
from SlicePropagationMRML.nodes.geometry import arrayOf, emptyLabelmap, isLeftHanded, segmentMask
from SlicePropagationMRML.nodes.tags import readTags

PROPAGATED_TAG = (  # on every segment that this module wrote; its value says with what
    "SlicePropagation.PropagatedInTime"
)


def propagateSequence(
    volumeSequence,
    segmentationSequence,
    engineName=None,
    isCyclic=True,
    onStep=None,
    axis=0,
):
    """Fill the segmentations of all frames from the annotated ones.

    What is annotated is not touched.

    Nothing is written unless all of it worked.

    Args:
        volumeSequence: vtkMRMLSequenceNode of scalar volumes.
        segmentationSequence: vtkMRMLSequenceNode of segmentations, by the same index values.
        engineName: name of an engine or a model file; None for the default.
        isCyclic: the last frame is followed by the first.
        onStep: called with (slice position, number of positions, SlicePrediction).
        axis: which of the voxel axes K, J, I (0, 1, 2) the slices run along.

    Returns:
        Indices of the frames that were written.

    Raises:
        InputError: fewer than two frames, frames of unequal size, no annotated frame, or an
            annotation at a time that the volumes do not have.
    """
    walk = SequenceWalk(volumeSequence, segmentationSequence, isCyclic, axis)
    for step in walk.steps(make_engine(engineName)):
        if onStep:
            onStep(*step)
    return [frame for frame in walk.targets if walk.write(frame)]


@dataclass(frozen=True)
class Drawing:
    """What is annotated in a frame.

    Attributes:
        labels: (N, H, W) uint8, slices along the axis.
        states: {label: {slice: [provenance, confidence, written at, changed at]}} of a frame that
            was propagated in time and corrected since; None
            for a frame that a person segmented, where every slice counts.
    """

    labels: np.ndarray
    states: dict | None

    def isAnchor(self, index):
        """Whether a person vouches for this slice of the frame."""
        return self.states is None or any(
            states.get(index, (0,))[0] >= Provenance.SEED for states in self.states.values()
        )


class SequenceWalk:
    """Reads two sequences, walks along time, and writes frame by frame.

    Only `steps` may be called off the main thread.

    A frame counts as annotated when its segmentation shows something that was not written here; of
    a frame that was written here and corrected since,
    the slices count that a person vouched for.

    Args:
        volumeSequence, segmentationSequence, isCyclic, axis: as in `propagateSequence`.

    Attributes:
        targets: indices of the frames that are to be written.
        numPositions: how many slice positions are walked.

    Raises:
        InputError: as `propagateSequence`.
    """

    def __init__(self, volumeSequence, segmentationSequence, isCyclic=True, axis=0):
        self._segmentations = segmentationSequence
        self._volumes = _volumes(volumeSequence)
        self._values = [
            volumeSequence.GetNthIndexValue(frame) for frame in range(len(self._volumes))
        ]
        self._isCyclic = isCyclic
        self._axis = axis
        nodes = _drawnNodes(volumeSequence, segmentationSequence)
        self._template = nodes[min(nodes)]
        self._segmentIDs = _segmentIDs(nodes)
        self._drawings = {frame: self._drawing(frame, node) for frame, node in nodes.items()}
        self._images = [
            np.moveaxis(slicer.util.arrayFromVolume(volume), axis, 0) for volume in self._volumes
        ]
        spacing = tuple(reversed(self._volumes[0].GetSpacing()))
        self._spacing = (1.0, *(spacing[other] for other in range(3) if other != axis))
        self.targets = [
            frame
            for frame in range(len(self._volumes))
            if frame not in self._drawings or self._drawings[frame].states is not None
        ]
        self._positions = [
            index for index in range(len(self._images[0])) if self._framesDrawnAt(index)
        ]
        self.numPositions = len(self._positions)
        self._prints = {frame: fingerprint(self._nodeAt(frame)) for frame in self.targets}
        self._predictions = {}
        self._said = ""
        self._engineName = ""
        self._modelHash = None

    def steps(self, engine):
        """Predict.

        Yields (slice position from 1 on, number of positions, SlicePrediction along time).
        """
        for number, index in enumerate(self._positions, 1):
            frames = self._framesDrawnAt(index)
            images = np.stack(
                [np.nan_to_num(image[index].astype(np.float32)) for image in self._images]
            )
            drawn = np.zeros(images.shape, np.uint8)
            for frame in frames:
                drawn[frame] = self._drawings[frame].labels[index]
            timed = TimeSession(
                SliceStack(images, self._spacing, is_cyclic=self._isCyclic, is_time=True),
                drawn,
                frames,
            )
            for prediction in timed.steps(engine):
                yield number, self.numPositions, prediction
            self._engineName = engine.name
            self._modelHash = model_hash(engine)
            self._said = f"{engine.name} {self._modelHash or ''}".strip()
            self._keep(index, timed)

    def write(self, frame):
        """Put one predicted frame into the segmentation sequence.

        False, and nothing is written, when a person changed that frame meanwhile.

        Of a walk that was ended early, the slice positions that it did not come to stay as they
        are.
        """
        if fingerprint(self._nodeAt(frame)) != self._prints[frame]:
            return False
        self._segmentations.SetDataNodeAtValue(self._node(frame), self._values[frame])
        return True

    @property
    def numDone(self):
        """How many slice positions were walked so far."""
        return len(self._predictions)

    # What is there

    def _nodeAt(self, frame):
        return self._segmentations.GetDataNodeAtValue(self._values[frame])

    def _framesDrawnAt(self, index):
        """Frames that count as annotated at a slice position, where one of them shows something.

        Else none.
        """
        frames = sorted(
            frame for frame, drawing in self._drawings.items() if drawing.isAnchor(index)
        )
        return frames if any(self._drawings[frame].labels[index].any() for frame in frames) else []

    def _drawing(self, frame, node):
        volume = self._volumes[frame]
        isOurs = _isPropagated(node)
        states = {}
        labels = np.zeros(slicer.util.arrayFromVolume(volume).shape, np.uint8)
        for label, segmentID in enumerate(self._segmentIDs, 1):
            if node.GetSegmentation().GetSegment(segmentID) is None:
                continue
            labels[segmentMask(node, segmentID, volume)] = label
            states[label] = self._states(node, segmentID, volume) if isOurs else {}
        return Drawing(np.moveaxis(labels, self._axis, 0), states if isOurs else None)

    def _states(self, node, segmentID, volume):
        """{slice: [provenance, confidence, written at, changed at]} as a segment's tag says.

        Empty where it speaks of another axis.
        """
        values = readTags(node, segmentID)
        if values is None or values["axis"] != self._axis:
            return {}
        count = volume.GetImageData().GetDimensions()[2 - self._axis]
        return {
            int(index): state
            for index, state in in_system(values, count, is_left_handed=isLeftHanded(volume))[
                "slices"
            ].items()
        }

    # What was predicted

    def _keep(self, index, timed):
        """Remember what a position got: {frame: (label patch, {label: confidence})}."""
        labels = timed.label_map()
        confidence = timed.in_time(timed.session.confidence.T)
        rows = {label: row for row, label in enumerate(timed.session.labels)}
        self._predictions[index] = {
            frame: (
                Patch.cut(labels[frame], labels[frame] > 0),
                {label: float(confidence[frame][row]) for label, row in rows.items()},
            )
            for frame in self.targets
        }

    def _labelsOf(self, frame):
        """((N, H, W) uint8, {label: {slice: SliceState}}) of a frame: predictions, and what a person vouched for."""
        labels = np.zeros(self._images[0].shape, np.uint8)
        drawing = self._drawings.get(frame)
        before = (
            self._drawing(frame, self._nodeAt(frame))
            if self.numDone < self.numPositions and self._nodeAt(frame) is not None
            else None
        )
        states = {label: {} for label in range(1, len(self._segmentIDs) + 1)}
        for index in range(len(labels)):
            patch, confidence = self._predictions.get(index, {}).get(frame, (None, {}))
            for label in states:
                states[label][index] = SliceState(
                    provenance=Provenance.PROPAGATED,
                    confidence=confidence.get(label, 1.0),
                    written_at=1,
                )
            if drawing is not None and drawing.isAnchor(index):
                labels[index] = drawing.labels[index]
                for label, known in drawing.states.items():
                    states[label][index] = (
                        _stateOf(known[index]) if index in known else states[label][index]
                    )
            elif patch is not None:
                labels[index][patch.window] = patch.crop
            elif index in self._positions:  # not reached
                labels[index] = before.labels[index] if before is not None else 0
                for label in states:
                    known = (before.states or {}).get(label, {}) if before is not None else {}
                    states[label][index] = (
                        _stateOf(known[index]) if index in known else SliceState()
                    )
        return labels, states

    def _node(self, frame):
        """A segmentation node like the template, with what is known about a frame.

        The segments share one labelmap.
        """
        labels, states = self._labelsOf(frame)
        node = slicer.vtkMRMLSegmentationNode()
        node.Copy(self._template)
        node.SetReferenceImageGeometryParameterFromVolumeNode(self._volumes[frame])
        segmentation = node.GetSegmentation()
        segmentation.RemoveAllSegments()
        labelmap = emptyLabelmap(self._volumes[frame], node)
        arrayOf(labelmap)[:] = np.moveaxis(labels, 0, self._axis)
        labelmap.Modified()
        for label, segmentID in enumerate(self._segmentIDs, 1):
            segment = slicer.vtkSegment()
            source = self._template.GetSegmentation().GetSegment(segmentID)
            segment.SetName(source.GetName() if source else segmentID)
            if source:
                segment.SetColor(source.GetColor())
            segment.SetLabelValue(label)
            segment.AddRepresentation("Binary labelmap", labelmap)
            segment.SetTag(PROPAGATED_TAG, self._said)
            segment.SetTag(
                TAG,
                encode_states(
                    states[label],
                    self._axis,
                    self._engineName,
                    self._modelHash,
                    is_left_handed=isLeftHanded(self._volumes[frame]),
                ),
            )
            segmentation.AddSegment(segment, segmentID)
        return node


def _volumes(sequence):
    volumes = [sequence.GetNthDataNode(number) for number in range(sequence.GetNumberOfDataNodes())]
    if len(volumes) < 2:
        raise InputError(
            f"The sequence '{sequence.GetName()}' has {len(volumes)} frame, at least 2 are needed;"
            " segment it as a volume."
        )
    sizes = {
        volume.GetImageData().GetDimensions() if volume.GetImageData() else (0, 0, 0)
        for volume in volumes
    }
    if len(sizes) > 1:
        first, last = ("x".join(map(str, size)) for size in (min(sizes), max(sizes)))
        raise InputError(
            f"The frames of '{sequence.GetName()}' are of unequal size, {first} and {last};"
            " resample them onto one grid."
        )
    return volumes


def _drawnNodes(volumeSequence, segmentationSequence):
    """{frame: segmentation node} of the frames in which a person vouches for something."""
    drawn = {}
    for number in range(segmentationSequence.GetNumberOfDataNodes()):
        node = segmentationSequence.GetNthDataNode(number)
        value = segmentationSequence.GetNthIndexValue(number)
        if not _isDrawn(node):
            continue
        frame = volumeSequence.GetItemNumberFromIndexValue(value, True)
        if frame < 0:
            raise InputError(
                f"'{segmentationSequence.GetName()}' is annotated at {value}, where"
                f" '{volumeSequence.GetName()}' has no frame; annotate frames of the sequence."
            )
        drawn[frame] = node
    if not drawn:
        raise InputError(
            f"'{segmentationSequence.GetName()}' has no annotated frame; outline the structure on"
            " at least one."
        )
    return drawn


def _segmentIDs(nodes):
    """IDs of all segments, in the order in which the frames bring them."""
    return list(
        dict.fromkeys(
            segmentID
            for frame in sorted(nodes)
            for segmentID in nodes[frame].GetSegmentation().GetSegmentIDs()
        )
    )


def _isPropagated(node):
    """Whether this module wrote the frame."""
    segmentation = node.GetSegmentation()
    return any(
        segmentation.GetSegment(segmentID).HasTag(PROPAGATED_TAG)
        for segmentID in segmentation.GetSegmentIDs()
    )


def _isDrawn(node):
    """Whether a person vouches for something in this frame."""
    segmentIDs = node.GetSegmentation().GetSegmentIDs()
    if _isPropagated(node):
        tags = [readTags(node, segmentID) for segmentID in segmentIDs]
        return any(
            state[0] >= Provenance.SEED
            for values in tags
            if values
            for state in values["slices"].values()
        )
    for segmentID in segmentIDs:
        labelmap = slicer.vtkOrientedImageData()
        if (
            node.GetBinaryLabelmapRepresentation(segmentID, labelmap)
            and not labelmap.IsEmpty()
            and arrayOf(labelmap).any()
        ):
            return True
    return False


def _stateOf(values):
    provenance, confidence, writtenAt, changedAt = values
    return SliceState(
        provenance=Provenance(provenance),
        confidence=float("nan") if confidence is None else confidence,
        written_at=writtenAt,
        changed_at=changedAt,
    )
