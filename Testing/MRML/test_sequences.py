"""Propagation along time through real sequence nodes."""

import numpy as np
import pytest

pytest.importorskip("slicer", reason="needs slicer-core, Slicer's MRML libraries")

import slicer
from mrml_scene import makeScene, makeSegmentation, makeVolume
from phantoms import disc
from SlicePropagationMRML.nodes.geometry import arrayOf, emptyLabelmap, segmentMask
from SlicePropagationMRML.nodes.sequences import PROPAGATED_TAG, propagateSequence

from SlicePropagationLib.errors import InputError

SIZES = [9, 8, 7, 6, 7, 8]
OBLIQUE = [[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, -1.0]]


def truthOf(frame):
    return np.stack([disc((40, 40), (20, 18 + k), SIZES[frame]) for k in range(2)])


class Beat:
    """A scene with a volume sequence of a beating disc on an oblique grid.

    And a segmentation sequence, drawn on some frames.
    """

    def __init__(self, drawnFrames=(0, 3), numFrames=6):
        self.scene, _ = makeScene()
        self.volumes = self.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Cine")
        self.segmentations = self.scene.AddNewNodeByClass(
            "vtkMRMLSequenceNode",
            "Segmentation sequence",
        )
        for frame in range(numFrames):
            image = 100.0 * truthOf(frame) + np.random.default_rng(frame).normal(0, 3, (2, 40, 40))
            volume = makeVolume(
                self.scene,
                image.astype(np.float32),
                (1.0, 1.2, 8.0),
                (5, -7, 11),
                OBLIQUE,
            )
            if frame in drawnFrames:
                self.draw(volume, frame, str(40 * frame))
            self.volumes.SetDataNodeAtValue(volume, str(40 * frame))

    def draw(self, volume, frame, value):
        node = makeSegmentation(self.scene, volume, ("LV",))
        labelmap = emptyLabelmap(volume, node)
        arrayOf(labelmap)[:] = truthOf(frame)
        labelmap.Modified()
        node.GetSegmentation().GetSegment("LV").AddRepresentation("Binary labelmap", labelmap)
        self.segmentations.SetDataNodeAtValue(node, value)

    def mask(self, frame):
        value = self.volumes.GetNthIndexValue(frame)
        return segmentMask(
            self.segmentations.GetDataNodeAtValue(value),
            "LV",
            self.volumes.GetNthDataNode(frame),
        )


def overlap(found, truth):
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


def test_every_frame_gets_a_segmentation_and_drawn_frames_stay_as_they_are():
    beat = Beat()
    steps = []
    assert propagateSequence(
        beat.volumes,
        beat.segmentations,
        "registration",
        onStep=lambda *step: steps.append(step),
    ) == [1, 2, 4, 5]
    assert beat.segmentations.GetNumberOfDataNodes() == 6
    assert steps[-1][:2] == (2, 2)
    for frame in range(6):
        assert overlap(beat.mask(frame), truthOf(frame)) > (0.9 if frame in (1, 2, 4, 5) else 0.999)


def test_propagated_frames_say_so_and_are_not_taken_for_drawn_ones_later():
    beat = Beat()
    propagateSequence(beat.volumes, beat.segmentations, "copy")
    segments = [
        beat.segmentations.GetNthDataNode(frame).GetSegmentation().GetSegment("LV")
        for frame in range(6)
    ]
    assert [segment.HasTag(PROPAGATED_TAG) for segment in segments] == [
        False,
        True,
        True,
        False,
        True,
        True,
    ]
    assert propagateSequence(beat.volumes, beat.segmentations, "registration") == [1, 2, 4, 5]


def test_the_result_lies_where_the_volume_lies_in_the_world():
    beat = Beat()
    propagateSequence(beat.volumes, beat.segmentations, "registration")
    bounds = [np.zeros(6), np.zeros(6)]
    for number, found in enumerate(bounds):
        beat.segmentations.GetNthDataNode(number).GetSegmentation().GetBounds(found)
    assert (
        np.abs(bounds[0] - bounds[1]).max() < 4
    )  # the disc is a pixel smaller; a lost direction would move it by tens of millimetres


def test_unusable_sequences_are_refused_and_nothing_is_written():
    beat = Beat(drawnFrames=(0,), numFrames=1)
    with pytest.raises(InputError, match="1 frame"):
        propagateSequence(beat.volumes, beat.segmentations, "copy")
    beat = Beat(drawnFrames=())
    with pytest.raises(InputError, match="no annotated frame"):
        propagateSequence(beat.volumes, beat.segmentations, "copy")
    beat = Beat()
    beat.draw(beat.volumes.GetNthDataNode(1), 1, "77")
    with pytest.raises(InputError, match="annotated at 77"):
        propagateSequence(beat.volumes, beat.segmentations, "copy")
    assert beat.segmentations.GetNumberOfDataNodes() == 3


def test_frames_of_unequal_size_are_refused():
    beat = Beat()
    other = makeVolume(
        beat.scene,
        np.random.default_rng(0).normal(size=(2, 30, 40)).astype(np.float32),
        (1.0, 1.2, 8.0),
    )
    beat.volumes.SetDataNodeAtValue(other, "200")
    with pytest.raises(InputError, match="unequal size, 40x30x2 and 40x40x2"):
        propagateSequence(beat.volumes, beat.segmentations, "copy")


def test_a_sequence_that_the_library_writes_is_read_by_slicers_own_storage_node(tmp_path):
    from test_pseudo_labels import beat as beatingDisc
    from test_pseudo_labels import write_4d

    from SlicePropagationLib.files.sequence import read_sequence, write_sequence

    image, _ = beatingDisc()
    like = read_sequence(write_4d(tmp_path / "cine.nii.gz", image))
    write_sequence(tmp_path / "cine.seq.nrrd", like.array, like)
    scene, _ = makeScene()
    storage = slicer.vtkMRMLVolumeSequenceStorageNode()
    storage.SetFileName(str(tmp_path / "cine.seq.nrrd"))
    node = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Read")
    scene.AddNode(storage)
    assert storage.ReadData(node) == 1
    assert node.GetNumberOfDataNodes() == len(image)
    assert np.array_equal(slicer.util.arrayFromVolume(node.GetNthDataNode(3)), image[3])


def test_slices_may_run_along_any_axis():
    along_k = Beat()
    along_j = Beat()
    propagateSequence(along_k.volumes, along_k.segmentations, "copy")
    propagateSequence(along_j.volumes, along_j.segmentations, "copy", axis=1)
    assert all(np.array_equal(along_k.mask(frame), along_j.mask(frame)) for frame in range(6))


def test_a_propagated_frame_knows_its_slices_and_a_corrected_one_counts_where_it_was_corrected():
    from SlicePropagationMRML.nodes.tags import readTags

    from SlicePropagationLib.pipelines.slice_record import TAG, encode_states
    from SlicePropagationLib.session import Provenance, SliceState

    beat = Beat()
    propagateSequence(beat.volumes, beat.segmentations, "copy")
    node = beat.segmentations.GetDataNodeAtValue("80")
    assert [state[0] for state in readTags(node, "LV")["slices"].values()] == [
        Provenance.PROPAGATED
    ] * 2
    labelmap = node.GetSegmentation().GetSegment("LV").GetRepresentation("Binary labelmap")
    arrayOf(labelmap)[1] = disc((40, 40), (20, 20), 3)
    labelmap.Modified()
    states = {
        0: SliceState(
            provenance=Provenance.PROPAGATED,
            confidence=0.5,
            written_at=1,
        ),
        1: SliceState(
            provenance=Provenance.CORRECTION,
            confidence=1.0,
            changed_at=2,
        ),
    }
    node.GetSegmentation().GetSegment("LV").SetTag(
        TAG,
        encode_states(states, 0, "copy", is_left_handed=True),
    )
    assert propagateSequence(beat.volumes, beat.segmentations, "copy") == [1, 2, 4, 5]
    assert np.array_equal(beat.mask(2)[1], disc((40, 40), (20, 20), 3))
    assert (
        readTags(beat.segmentations.GetDataNodeAtValue("80"), "LV")["slices"]["1"][0]
        == Provenance.CORRECTION
    )
    assert np.array_equal(beat.mask(1)[1], disc((40, 40), (20, 20), 3)) or np.array_equal(
        beat.mask(1)[1],
        truthOf(0)[1],
    )


def test_the_function_is_found_under_the_names_that_were_published():
    import SlicePropagationMRML
    from SlicePropagationMRML import sequences
    from SlicePropagationMRML.nodes.sequences import propagateSequence

    assert SlicePropagationMRML.propagateSequence is propagateSequence
    assert sequences.propagateSequence is propagateSequence
    with pytest.raises(AttributeError, match="nonsense"):
        getattr(SlicePropagationMRML, "non" + "sense")
