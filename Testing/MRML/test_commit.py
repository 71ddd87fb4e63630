"""Writing a part of the volume through Slicer's editor logic gives the voxels that writing the whole volume gives."""

import itertools
import time

import numpy as np
import pytest
import slicer
from mrml_scene import makeSegmentation, makeVolume
from SlicePropagationMRML.nodes import commit
from SlicePropagationMRML.nodes.geometry import arrayOf, emptyLabelmap, segmentMask, segmentPatches
from SlicePropagationMRML.nodes.preview import Preview
from SlicePropagationMRML.run.commit_turns import CommitTurns

from SlicePropagationLib.patch import Patch
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack

NAMES = ("disc", "rest")
MASKS = ("everywhere", "intensity range", "inside the other segment", "outside all segments")


def set_masking(bench, masking):
    node = bench.editorNode
    modes = slicer.vtkMRMLSegmentationNode
    node.SetSourceVolumeIntensityMask(masking == "intensity range")
    node.SetSourceVolumeIntensityMaskRange(50.0, 1000.0)
    node.SetMaskMode(
        {
            "inside the other segment": modes.EditAllowedInsideSingleSegment,
            "outside all segments": modes.EditAllowedOutsideAllSegments,
        }.get(masking, modes.EditAllowedEverywhere)
    )
    node.SetMaskSegmentID("rest")


def write_whole(bench, voxels, is_removal):
    """As an effect of the Segment Editor does.

    A labelmap of the whole volume, everything updated before.
    """
    labelmap = emptyLabelmap(bench.volume, bench.segmentation)
    logic = bench.editorLogic
    arrayOf(labelmap)[:] = voxels
    labelmap.Modified()
    bench.editorNode.SetSelectedSegmentID("disc")
    logic.UpdateMaskLabelmap()
    logic.UpdateSelectedSegmentLabelmap()
    logic.ModifySegmentByLabelmap(
        bench.segmentation,
        "disc",
        labelmap,
        logic.ModificationModeRemove if is_removal else logic.ModificationModeAdd,
        list(labelmap.GetExtent()),
        False,
        False,
    )


def write_bands(bench, voxels, is_removal, axis):
    patches = {index: Patch.cut(mask) for index, mask in enumerate(np.moveaxis(voxels, axis, 0))}
    return sum(
        1
        for _ in commit.writeBands(
            bench.editorLogic,
            bench.segmentation,
            "disc",
            bench.volume,
            axis,
            patches,
            isRemoval=is_removal,
        )
    )


def written(bench, mode, masking, is_removal, write):
    """{segment: mask} after a write into segments that were drawn before."""
    rng = np.random.default_rng(5)
    set_masking(bench, "everywhere")
    bench.editorNode.SetOverwriteMode(bench.editorNode.OverwriteNone)
    shape = bench.stack.images.shape
    for name in NAMES:
        commit.writeSegment(
            bench.editorLogic,
            bench.segmentation,
            name,
            bench.volume,
            np.ones(shape, bool),
            isRemoval=True,
        )
        commit.writeSegment(
            bench.editorLogic,
            bench.segmentation,
            name,
            bench.volume,
            rng.random(shape) > 0.7,
            isRemoval=False,
        )
    set_masking(bench, masking)
    bench.editorNode.SetOverwriteMode(getattr(bench.editorNode, mode))
    voxels = np.zeros(shape, bool)
    voxels[3:11, 10:30, 12:40] = rng.random((8, 20, 28)) > 0.5
    write(bench, voxels, is_removal)
    return {name: bench.mask(name) for name in NAMES}


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("masking", MASKS)
def test_bands_give_the_voxels_of_a_whole_write_in_every_mode(bench, monkeypatch, masking, axis):
    monkeypatch.setattr(commit, "BAND_VOXELS", 1500)
    bench.open(*NAMES)
    for mode, is_removal in itertools.product(
        ("OverwriteNone", "OverwriteAllSegments", "OverwriteVisibleSegments"),
        (False, True),
    ):
        bands = []
        ours = written(
            bench,
            mode,
            masking,
            is_removal,
            lambda *arguments, bands=bands: bands.append(write_bands(*arguments, axis)),
        )
        whole = written(bench, mode, masking, is_removal, write_whole)
        situation = (mode, is_removal)
        assert bands[0] > 2, situation
        for name in NAMES:
            assert np.array_equal(ours[name], whole[name]), situation


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_patches_of_a_segment_are_its_mask_slice_by_slice(bench, axis):
    bench.draw("disc", 5, np.random.default_rng(0).random((48, 48)) > 0.6)
    bench.draw("rest", 9, np.random.default_rng(1).random((48, 48)) > 0.9)
    for name in (*NAMES, "nobody"):
        patches = segmentPatches(bench.segmentation, name, bench.volume, axis)
        mask = np.moveaxis(segmentMask(bench.segmentation, name, bench.volume), axis, 0)
        assert len(patches) == len(mask)
        assert all(
            np.array_equal(patch.paste(mask.shape[1:]), slice_mask)
            for patch, slice_mask in zip(patches, mask, strict=True)
        )


def test_a_mask_without_another_one_is_their_difference():
    rng = np.random.default_rng(2)
    for _ in range(50):
        one, other = (np.zeros((12, 14), bool) for _ in range(2))
        for mask in (one, other):
            top, left = rng.integers(0, 8, 2)
            mask[top : top + rng.integers(1, 5), left : left + rng.integers(1, 6)] = (
                rng.random() > 0.1
            )
        assert np.array_equal(
            Patch.cut(one).without(Patch.cut(other)).paste((12, 14)),
            one & ~other,
        )


def test_a_step_of_a_write_that_will_not_fit_into_the_turn_waits_for_the_next(bench):
    bench.open("disc")
    steps = (time.sleep(0.02) for _ in range(3))
    run = CommitTurns(bench.editorNode, bench.logic._place.watch, steps, lambda: False)
    turns = 0
    while run.advance(0.03):
        turns += 1
    assert turns == 3  # two would fit into neither


def test_a_preview_of_many_voxels_is_gone_at_once(bench):
    stack = SliceStack(np.zeros((100, 512, 512), np.float32))
    volume = makeVolume(bench.scene, np.zeros((100, 512, 512), np.uint8), (1, 1, 1))
    segmentation = makeSegmentation(bench.scene, volume, ("a", "b", "c"))
    preview = Preview(bench.scene, volume, segmentation, {1: "a", 2: "b", 3: "c"}, stack)
    session = AnnotationSession(stack, (1, 2, 3))
    for index in (0, 99):
        session.annotate(1, index, np.ones((512, 512), bool))
    preview.show(session, [(1, 0), (1, 99)])
    assert preview.mask("a").sum() == 2 * 512 * 512
    begin = time.thread_time()
    preview.remove()
    del preview
    assert (
        time.thread_time() - begin < 0.02
    )  # 0.03 when each segment is erased from the voxels that they share
