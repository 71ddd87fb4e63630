"""Drawn and propagated stay distinguishable (the contract with the annotator, 12).

In the scene, in files and on other volumes.
"""

import json

import numpy as np
import pytest
import slicer
from case_files import OBLIQUE, write
from mrml_scene import makeVolume
from phantoms import disc
from SlicePropagationMRML.nodes.geometry import gridOf, ijkToWorld
from SlicePropagationMRML.nodes.tags import readTags

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.pipelines.slice_record import TAG, is_on_grid
from SlicePropagationLib.session import Provenance

SMALL = disc((48, 48), (20, 20), 5)
LARGE = disc((48, 48), (24, 26), 9)


def test_provenance_and_confidence_come_back_when_the_segmentation_is_opened_again(bench):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run("registration")
    bench.logic.confirm("disc", 15)
    session = bench.logic.session
    bench.logic.close()
    bench.open()
    assert np.array_equal(bench.logic.session.provenance, session.provenance)
    np.testing.assert_allclose(bench.logic.session.confidence, session.confidence, atol=1e-3)
    assert readTags(bench.segmentation, "disc")["engine"] == "registration"


@pytest.mark.parametrize("isCorrection", [False, True])
def test_a_slice_that_another_segment_covers_is_the_same_when_the_segmentation_is_opened_again(
    bench,
    isCorrection,
):
    bench.editorNode.SetOverwriteMode(bench.editorNode.OverwriteAllSegments)
    bench.open("disc", "rest")
    bench.draw("disc", 7, SMALL)
    if isCorrection:
        bench.run()
        bench.draw("disc", 11, SMALL[::-1])
    bench.logic.mergeEdits()
    covered = 11 if isCorrection else 7
    bench.draw("rest", covered, np.ones((48, 48), bool) & ~disc((48, 48), (5, 5), 2))
    bench.logic.mergeEdits()
    session = bench.logic.session
    assert not bench.mask("disc")[covered].any()
    assert session.is_anchor(1, covered) == isCorrection
    assert session.anchors(2) == [covered]
    bench.open("disc", "rest")
    assert np.array_equal(bench.logic.session.provenance, session.provenance)
    assert [bench.logic.session.stale(label).tolist() for label in (1, 2)] == [
        session.stale(label).tolist() for label in (1, 2)
    ]


def test_provenance_survives_a_file(bench, tmp_path):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run("copy")
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(tmp_path / "saved.seg.nrrd"))
    bench.scene.AddNode(storage)
    assert storage.WriteData(bench.segmentation)
    loaded = bench.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Loaded")
    assert storage.ReadData(loaded)
    assert loaded.GetSegmentation().GetSegment("disc").HasTag(TAG)
    assert readTags(loaded, "disc") == readTags(bench.segmentation, "disc")


def other_volume(bench, count=10, shift=0.0):
    """A volume like the bench's, with so many slices, moved by so many slices."""
    node = makeVolume(bench.scene, bench.stack.images[:count], (1.0, 1.5, 3.0), name="other")
    node.CopyOrientation(bench.volume)
    node.SetOrigin(*ijkToWorld(bench.volume).TransformPoint((0, 0, shift)))
    return node


@pytest.mark.parametrize("count,shift", [(10, 0), (16, 1), (16, -0.5)])
def test_on_a_volume_with_other_slices_all_that_is_shown_counts_as_drawn_and_on_the_first_one_nothing_is_lost(
    bench,
    count,
    shift,
):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run("registration")
    first = bench.volume
    provenance = bench.logic.session.provenance
    confidence = bench.logic.session.confidence
    bench.volume = other_volume(bench, count, shift)
    bench.open()
    shown = bench.mask("disc").any(axis=(1, 2))
    assert len(shown) == count
    assert np.array_equal(
        bench.logic.session.provenance[0],
        np.where(shown, Provenance.SEED, Provenance.EMPTY),
    )
    assert bench.logic.mergeEdits() == []
    bench.volume = first
    bench.open()
    assert np.array_equal(bench.logic.session.provenance, provenance)
    np.testing.assert_allclose(bench.logic.session.confidence, confidence, atol=1e-3)


def test_another_volume_on_the_same_voxels_shows_the_same_provenance(bench):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run()
    provenance = bench.logic.session.provenance
    bench.volume = other_volume(bench, 16)
    bench.open()
    assert np.array_equal(bench.logic.session.provenance, provenance)


def test_an_edit_on_a_volume_with_other_slices_is_stored_for_that_volume(bench):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run()
    first = bench.volume
    bench.volume = other_volume(bench)
    bench.open()
    bench.draw("disc", 3, LARGE)
    assert bench.logic.mergeEdits() == [(1, 3)]
    bench.volume = first
    bench.open()
    assert set(bench.logic.session.provenance[0]) == {Provenance.SEED}


def test_provenance_that_an_earlier_version_stored_counts_on_any_volume(bench):
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run()
    values = readTags(bench.segmentation, "disc")
    del values["grid"]
    bench.segmentation.GetSegmentation().GetSegment("disc").SetTag(TAG, json.dumps(values))
    bench.volume = other_volume(bench, 16, 1)
    bench.open()
    assert bench.logic.session.anchors(1) == [7]
    assert bench.logic.session.state(1, 9).provenance == Provenance.PROPAGATED


@pytest.mark.parametrize(
    "direction",
    [OBLIQUE, (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)],
    ids=["left-handed", "right-handed"],
)
def test_a_file_of_the_command_line_opens_with_its_provenance_on_its_own_image_only(
    bench,
    tmp_path,
    direction,
):
    image, seed = (
        write(tmp_path / name, voxels, direction=direction)
        for name, voxels in (
            ("image.nii.gz", bench.stack.images.astype(np.int16)),
            ("seed.nii.gz", seed_on(bench, 7)),
        )
    )
    assert (
        main(
            [
                "propagate",
                "--image",
                str(image),
                "--seed",
                str(seed),
                "--out",
                str(tmp_path / "out.seg.nrrd"),
                "--quiet",
            ]
        )
        == 0
    )
    storage = slicer.vtkMRMLSegmentationStorageNode()
    volumeStorage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    for node, name in ((storage, "out.seg.nrrd"), (volumeStorage, "image.nii.gz")):
        node.SetFileName(str(tmp_path / name))
        bench.scene.AddNode(node)
    loaded = bench.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Loaded")
    volume = bench.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Image")
    assert storage.ReadData(loaded)
    assert volumeStorage.ReadData(volume)
    segmentID = loaded.GetSegmentation().GetNthSegmentID(0)
    bench.logic.open(volume, loaded, [segmentID])
    turned = (
        len(bench.stack) - 1 - 7 if direction == OBLIQUE else 7
    )  # Slicer turns a left-handed volume around
    assert bench.logic.session.anchors(1) == [turned]
    assert np.count_nonzero(bench.logic.session.provenance == Provenance.PROPAGATED) > 3
    assert all(
        is_on_grid(readTags(loaded, segmentID), gridOf(image, loaded)) == belongs
        for image, belongs in ((volume, True), (other_volume(bench, shift=30.0), False))
    )


def seed_on(bench, index):
    """(K, J, I) label map with the truth on one slice."""
    return np.where(np.arange(len(bench.stack))[:, None, None] == index, bench.truth, 0).astype(
        np.uint8
    )
