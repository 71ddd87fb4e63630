"""What was drawn is kept, as the structure that it was drawn as."""

import numpy as np
import pytest
import SimpleITK as sitk
from outcomes import anchors_of, dice, propagate, read, segments_of

DISC_VOXELS = 197
TUMOUR_VOXELS = 49


def test_one_outline_of_a_ball_is_enough(case):
    folder = case("seed-in-two-planes")
    assert propagate(folder, "image.nii.gz", "seed-axial.nii.gz").code == 0
    assert dice(read(folder / "out.nii.gz"), read(folder / "truth.nii.gz")) > 0.97


def test_outlines_in_two_planes_are_both_used_or_spoken_of(case):
    folder = case("seed-in-two-planes")
    propagate(folder, "image.nii.gz", "seed-axial.nii.gz", "axial.nii.gz")
    outcome = propagate(folder, "image.nii.gz", "seed.nii.gz")
    says_so = "plane" in outcome.said or "axis" in outcome.said
    if outcome.is_refusal:
        assert says_so, outcome.said
        return
    assert outcome.code == 0, outcome.said
    assert len(anchors_of(folder / "out.json")["1"]) <= 2
    truth = read(folder / "truth.nii.gz")
    with_one = dice(read(folder / "axial.nii.gz"), truth)
    assert says_so or dice(read(folder / "out.nii.gz"), truth) >= with_one


def test_a_label_that_is_almost_whole_counts_as_whole(case):
    folder = case("labels-0.99999")
    seed = sitk.ReadImage(str(folder / "seed.nii.gz"))
    sitk.WriteImage(sitk.Cast(sitk.Round(seed), sitk.sitkUInt8), str(folder / "whole.nii.gz"))
    propagate(folder, "image.nii.gz", "whole.nii.gz", "whole-out.nii.gz")
    outcome = propagate(folder, "image.nii.gz", "seed.nii.gz")
    assert outcome.code == 0, outcome.said
    assert np.array_equal(read(folder / "out.nii.gz"), read(folder / "whole-out.nii.gz"))


def test_a_label_of_one_half_is_refused(case):
    folder = case("labels-0.99999")
    sitk.WriteImage(sitk.ReadImage(str(folder / "seed.nii.gz")) / 2, str(folder / "half.nii.gz"))
    outcome = propagate(folder, "image.nii.gz", "half.nii.gz")
    assert outcome.is_refusal
    assert "fractional" in outcome.said


@pytest.mark.parametrize("name", ["two-segments-of-one-name", "segment-named-by-the-other-number"])
def test_a_result_gone_on_with_by_its_own_table_stays_as_it_is(case, name):
    folder = case(name)
    assert propagate(folder, "image.nii.gz", "seed.seg.nrrd", "first.seg.nrrd").code == 0
    anchors = anchors_of(folder / "first.json")
    assert anchors == {"1": {"6": "seed"}, "2": {"10": "seed"}}
    table = str(folder / "first.slices.csv")
    outcome = propagate(
        folder,
        "image.nii.gz",
        "first.seg.nrrd",
        "second.seg.nrrd",
        "--anchors",
        table,
    )
    assert outcome.code == 0, outcome.said
    assert anchors_of(folder / "second.json") == anchors
    assert np.array_equal(read(folder / "second.seg.nrrd"), read(folder / "first.seg.nrrd"))


def test_an_older_segmentation_without_label_values_keeps_every_segment(case):
    folder = case("old-segnrrd-without-label-values")
    outcome = propagate(folder, "image.nii.gz", "seed.seg.nrrd", "out.seg.nrrd")
    assert outcome.code == 0, outcome.said
    drawn = read(folder / "seed.seg.nrrd")
    masks = segments_of(folder / "out.seg.nrrd")
    for component, name, index in ((0, "one", 6), (1, "two", 10)):
        outline = drawn[index, :, :, component] > 0
        assert np.count_nonzero(outline) == DISC_VOXELS
        assert np.array_equal(masks[name][index], outline)


@pytest.mark.parametrize("order", ["organ-tumour", "tumour-organ"])
def test_segments_that_overlap_are_kept_in_either_order(case, order):
    folder = case("overlap-tumour-then-organ")
    outcome = propagate(folder, "image.nii.gz", f"{order}.seg.nrrd", "out.seg.nrrd")
    if outcome.is_refusal:
        return
    assert outcome.code == 0, outcome.said
    masks = segments_of(folder / "out.seg.nrrd")
    areas = {name: np.count_nonzero(mask[8]) for name, mask in masks.items()}
    assert areas["tumour"] == TUMOUR_VOXELS
    assert areas["organ"] in (DISC_VOXELS, DISC_VOXELS - TUMOUR_VOXELS)


@pytest.mark.parametrize("axis", ["k", "i"])
def test_of_outlines_in_two_planes_the_one_that_is_named_counts(case, axis):
    folder = case("seed-in-two-planes")
    outcome = propagate(
        folder,
        "image.nii.gz",
        "seed.nii.gz",
        "out.nii.gz",
        "--axis",
        axis,
        engine="copy",
    )
    assert outcome.code == 0, outcome.said
    assert "left out" in outcome.said
    assert anchors_of(folder / "out.json")["1"] == {"20": "seed"}
