"""Propagation along time: sequence nodes of volumes and of segmentations, matched by their index values."""

from collections.abc import Callable, Generator
from typing import TypeAlias

import numpy as np
import slicer

from SlicePropagationLib.arrays import Labels, label_type
from SlicePropagationLib.engines import make_engine, model_hash
from SlicePropagationLib.orientation import sliced
from SlicePropagationLib.patch import Patch
from SlicePropagationLib.pipelines.propagate_frames import TimeSession
from SlicePropagationLib.pipelines.slice_record import TAG, encode_states
from SlicePropagationLib.propagation import Engine, SlicePrediction
from SlicePropagationLib.session import Provenance, SliceState
from SlicePropagationLib.stack import SliceStack
from SlicePropagationMRML.nodes.dicom_tags import writeAlgorithm
from SlicePropagationMRML.nodes.fingerprint import fingerprint
from SlicePropagationMRML.nodes.geometry import arrayOf, emptyLabelmap, isLeftHanded, towardsOf
from SlicePropagationMRML.nodes.sequence_drawings import (
    PROPAGATED_TAG,
    Drawing,
    drawnNodes,
    readDrawing,
    segmentIDsOf,
    stateOf,
    volumesOf,
)
from SlicePropagationMRML.nodes.types import Labelmap, SegmentationNode, SequenceNode

# (slice position from 1 on, number of positions, prediction along time)
TimeStep: TypeAlias = tuple[int, int, SlicePrediction]
SliceStates: TypeAlias = dict[int, dict[int, SliceState]]  # {label: {slice: state}}


def propagateSequence(
    volumeSequence: SequenceNode,
    segmentationSequence: SequenceNode,
    engineName: str | None = None,
    isCyclic: bool = True,
    onStep: Callable[[int, int, SlicePrediction], object] | None = None,
    axis: int = 0,
) -> list[int]:
    """Fill the segmentations of all frames from the annotated ones.

    What is annotated is not touched. Nothing is written unless all of it worked.

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


class SequenceWalk:
    """Reads two sequences, walks along time, and writes frame by frame.

    Only `steps` may be called off the main thread. A frame counts as annotated when its
    segmentation shows something that was not written here; of a frame that was written here and
    corrected since, the slices count that a person vouched for.

    Args:
        volumeSequence: as in `propagateSequence`.
        segmentationSequence: as in `propagateSequence`.
        isCyclic: as in `propagateSequence`.
        axis: as in `propagateSequence`.

    Attributes:
        targets: indices of the frames that are to be written.
        numPositions: how many slice positions are walked.

    Raises:
        InputError: as `propagateSequence`.
    """

    def __init__(
        self,
        volumeSequence: SequenceNode,
        segmentationSequence: SequenceNode,
        isCyclic: bool = True,
        axis: int = 0,
    ) -> None:
        self._segmentations = segmentationSequence
        self._volumes = volumesOf(volumeSequence)
        frames = range(len(self._volumes))
        self._values = [volumeSequence.GetNthIndexValue(frame) for frame in frames]
        self._isCyclic = isCyclic
        self._axis = axis
        nodes = drawnNodes(volumeSequence, segmentationSequence)
        self._template = nodes[min(nodes)]
        self._segmentIDs = segmentIDsOf(nodes)
        self._drawings = {frame: self._drawing(frame, node) for frame, node in nodes.items()}
        arrays = [slicer.util.arrayFromVolume(volume) for volume in self._volumes]
        self._images = [np.moveaxis(array, axis, 0) for array in arrays]
        self._spacing = _spacingWithin(self._volumes[0].GetSpacing(), axis)
        self._towards = sliced(towardsOf(self._volumes[0]), axis)
        self.targets = [frame for frame in frames if not self._isSegmented(frame)]
        numSlices = len(self._images[0])
        self._positions = [index for index in range(numSlices) if self._framesDrawnAt(index)]
        self.numPositions = len(self._positions)
        self._prints = {frame: fingerprint(self._nodeAt(frame)) for frame in self.targets}
        self._predictions: dict[int, dict[int, tuple[Patch, dict[int, float]]]] = {}
        self._engineName = ""
        self._modelHash: str | None = None

    def steps(self, engine: Engine) -> Generator[TimeStep, None, None]:
        """Predict.

        Args:
            engine: what walks along time.

        Yields:
            (slice position from 1 on, number of positions, SlicePrediction along time).
        """
        for number, index in enumerate(self._positions, 1):
            timed = self._timeSession(index)
            for prediction in timed.steps(engine):
                yield number, self.numPositions, prediction
            self._engineName = engine.name
            self._modelHash = model_hash(engine)
            self._keep(index, timed)

    def write(self, frame: int) -> bool:
        """Put one predicted frame into the segmentation sequence.

        False, and nothing is written, when a person changed that frame meanwhile. Of a walk that
        was ended early, the slice positions that it did not come to stay as they are.
        """
        if fingerprint(self._nodeAt(frame)) != self._prints[frame]:
            return False
        self._segmentations.SetDataNodeAtValue(self._node(frame), self._values[frame])
        return True

    @property
    def numDone(self) -> int:
        """How many slice positions were walked so far."""
        return len(self._predictions)

    # What is there

    def _nodeAt(self, frame: int) -> SegmentationNode | None:
        return self._segmentations.GetDataNodeAtValue(self._values[frame])

    def _isSegmented(self, frame: int) -> bool:
        """Whether a person segmented all of a frame."""
        return frame in self._drawings and self._drawings[frame].states is None

    def _framesDrawnAt(self, index: int) -> list[int]:
        """Frames that count as annotated at a slice position, where one of them shows something.

        Else none.
        """
        drawings = self._drawings
        frames = sorted(frame for frame in drawings if drawings[frame].isAnchor(index))
        isShown = any(drawings[frame].labels[index].any() for frame in frames)
        return frames if isShown else []

    def _drawing(
        self,
        frame: int,
        node: SegmentationNode,
    ) -> Drawing:
        return readDrawing(node, self._volumes[frame], self._segmentIDs, self._axis)

    def _timeSession(self, index: int) -> TimeSession:
        """One slice position along time, with what is annotated there."""
        slices = [np.nan_to_num(image[index].astype(np.float32)) for image in self._images]
        images = np.stack(slices)
        frames = self._framesDrawnAt(index)
        drawn = np.zeros(images.shape, np.uint8)
        for frame in frames:
            drawn[frame] = self._drawings[frame].labels[index]
        stack = SliceStack(
            images,
            self._spacing,
            is_cyclic=self._isCyclic,
            is_time=True,
            towards=self._towards,
        )
        return TimeSession(stack, drawn, frames)

    # What was predicted

    def _keep(
        self,
        index: int,
        timed: TimeSession,
    ) -> None:
        """Remember what a position got: {frame: (label patch, {label: confidence})}."""
        labels = timed.label_map()
        confidence = timed.in_time(timed.session.confidence.T)
        known = {}
        for frame in self.targets:
            patch = Patch.cut(labels[frame], labels[frame] > 0)
            values = confidence[frame].tolist()
            known[frame] = patch, dict(zip(timed.session.labels, values, strict=True))
        self._predictions[index] = known

    def _labelsOf(self, frame: int) -> tuple[Labels, SliceStates]:
        """Predictions of a frame, and what a person vouched for.

        Returns:
            ((N, H, W) labels, {label: {slice: SliceState}}).
        """
        labels = np.zeros(self._images[0].shape, label_type(len(self._segmentIDs)))
        states: SliceStates = {label: {} for label in range(1, len(self._segmentIDs) + 1)}
        before = self._before(frame)
        drawing = self._drawings.get(frame)
        for index in range(len(labels)):
            patch, confidence = self._predictions.get(index, {}).get(frame, (None, {}))
            for label in states:
                states[label][index] = _predicted(confidence.get(label, 1.0))
            if drawing is not None and drawing.isAnchor(index):
                labels[index] = drawing.labels[index]
                _takeOver(drawing, index, states, isComplete=False)
            elif patch is not None:
                labels[index][patch.window] = patch.crop
            elif index in self._positions:  # not reached
                labels[index] = before.labels[index]
                _takeOver(before, index, states, isComplete=True)
        return labels, states

    def _before(self, frame: int) -> Drawing:
        """What a frame showed before the walk; nothing where that is of no interest."""
        node = self._nodeAt(frame) if self.numDone < self.numPositions else None
        if node is not None:
            return self._drawing(frame, node)
        return Drawing(np.zeros(self._images[0].shape, np.uint8), None)

    def _node(self, frame: int) -> SegmentationNode:
        """A segmentation node like the template, with what is known about a frame.

        The segments share one labelmap.
        """
        labels, states = self._labelsOf(frame)
        node = slicer.vtkMRMLSegmentationNode()
        node.Copy(self._template)
        node.SetReferenceImageGeometryParameterFromVolumeNode(self._volumes[frame])
        node.GetSegmentation().RemoveAllSegments()
        labelmap = emptyLabelmap(self._volumes[frame], node)
        arrayOf(labelmap)[:] = np.moveaxis(labels, 0, self._axis)
        labelmap.Modified()
        isMirrored = isLeftHanded(self._volumes[frame])
        for label, segmentID in enumerate(self._segmentIDs, 1):
            segment = self._segment(segmentID, label, labelmap)
            tag = encode_states(
                states[label],
                self._axis,
                self._engineName,
                self._modelHash,
                is_left_handed=isMirrored,
            )
            segment.SetTag(TAG, tag)
            writeAlgorithm(segment, "", states[label].values(), self._engineName)
            node.GetSegmentation().AddSegment(segment, segmentID)
        return node

    def _segment(
        self,
        segmentID: str,
        label: int,
        labelmap: Labelmap,
    ):
        """A segment that shows a label of a labelmap, named and coloured as in the template."""
        segment = slicer.vtkSegment()
        source = self._template.GetSegmentation().GetSegment(segmentID)
        segment.SetName(source.GetName() if source else segmentID)
        if source:
            segment.SetColor(source.GetColor())
        segment.SetLabelValue(label)
        segment.AddRepresentation("Binary labelmap", labelmap)
        segment.SetTag(PROPAGATED_TAG, f"{self._engineName} {self._modelHash or ''}".strip())
        return segment


def _spacingWithin(spacing: tuple[float, float, float], axis: int) -> tuple[float, float, float]:
    """Spacing along (time, rows, columns) in mm of slices along an axis; 1 along time.

    Args:
        spacing: along I, J, K in mm.
        axis: the voxel axis (0, 1, 2 for K, J, I) that slices run along.
    """
    others = [2 - other for other in range(3) if other != axis]
    rows, columns = (spacing[other] for other in others)
    return 1.0, rows, columns


def _predicted(confidence: float) -> SliceState:
    return SliceState(
        provenance=Provenance.PROPAGATED,
        confidence=confidence,
        written_at=1,
    )


def _takeOver(
    drawing: Drawing,
    index: int,
    states: SliceStates,
    *,
    isComplete: bool,
) -> None:
    """Say of a slice what is known of it in a drawing.

    Args:
        drawing: of the frame.
        index: the slice.
        states: what is said of the frame; changed in place.
        isComplete: whether nothing is known of what the drawing does not speak of.
    """
    known = drawing.states or {}
    for label in states:
        if index in known.get(label, {}):
            states[label][index] = stateOf(known[label][index])
        elif isComplete:
            states[label][index] = SliceState()
