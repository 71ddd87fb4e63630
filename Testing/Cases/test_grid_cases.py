"""A seed counts where it lies in space, however its file is stored, and never where it does not."""

import numpy as np
import pytest
from outcomes import dice, propagate, read, rows_of
from SlicePropagationWeb.opening import read_segmentation

from SlicePropagationLib.files.volume import read_volume

DISC_VOXELS = 197
VOXEL_MM2 = 1.6e-7
TURNED = ["seed.nii.gz", "seed.seg.nrrd"]


def corners(affine, size):
    """(8, 3) where the corner voxels of a grid lie, in mm."""
    last = np.array(size) - 1
    ends = np.array(np.meshgrid(*([0, end] for end in last))).reshape(3, -1)
    return (affine[:3, :3] @ ends).T + affine[:3, 3]


def test_a_seed_stored_as_the_left_handed_image_is_works(case):
    folder = case("las-image-flipped-seed")
    assert propagate(folder, "image.nii.gz", "seed-same-order.nii.gz").code == 0
    assert dice(read(folder / "out.nii.gz"), read(folder / "truth.nii.gz")) > 0.75


@pytest.mark.parametrize("seed", TURNED)
def test_a_seed_stored_the_other_way_round_gives_the_same_labels(case, seed):
    folder = case("las-image-flipped-seed")
    propagate(folder, "image.nii.gz", "seed-same-order.nii.gz", "same.nii.gz")
    outcome = propagate(folder, "image.nii.gz", seed)
    assert outcome.code == 0, outcome.said
    assert np.array_equal(read(folder / "out.nii.gz"), read(folder / "same.nii.gz"))


@pytest.mark.parametrize("seed", TURNED)
def test_the_page_turns_a_segmentation_round_that_is_stored_the_other_way(case, seed):
    folder = case("las-image-flipped-seed")
    volume = read_volume(folder / "image.nii.gz")
    opened = read_segmentation(folder / seed, volume)
    assert np.array_equal(opened.labels > 0, read(folder / "seed-same-order.nii.gz") > 0)


def test_a_seed_on_a_grid_of_micrometres_works(case):
    folder = case("micrometre-voxels")
    assert propagate(folder, "image.nrrd", "seed.nrrd", "out.nrrd").code == 0


@pytest.mark.parametrize("seed", ["seed-moved.nrrd", "seed-coarse.nrrd"])
def test_a_seed_that_is_voxels_away_is_refused_however_small_they_are(case, seed):
    folder = case("micrometre-voxels")
    assert propagate(folder, "image.nrrd", seed, "out.nrrd").is_refusal
    assert not (folder / "out.nrrd").exists()


def test_the_table_tells_the_area_of_micrometre_voxels(case):
    folder = case("micrometre-voxels")
    propagate(folder, "image.nrrd", "seed.nrrd", "out.nrrd")
    rows = rows_of(folder / "out.slices.csv")
    areas = [float(row["area_mm2"]) for row in rows if row["provenance"] == "seed"]
    assert areas == pytest.approx([DISC_VOXELS * VOXEL_MM2] * 2, rel=0.05)


def test_an_sform_without_a_qform_is_read(case):
    folder = case("sform-shear-0.0003")
    assert propagate(folder, "plain.nii.gz", "plain-seed.nii.gz").code == 0


def test_the_shear_of_a_rounded_sform_changes_nothing(case):
    import nibabel

    folder = case("sform-shear-0.0003")
    propagate(folder, "plain.nii.gz", "plain-seed.nii.gz", "plain-out.nii.gz")
    outcome = propagate(folder, "image.nii.gz", "seed.nii.gz")
    assert outcome.code == 0, outcome.said
    result = nibabel.load(folder / "out.nii.gz")
    without = nibabel.load(folder / "plain-out.nii.gz")
    assert np.array_equal(np.asarray(result.dataobj), np.asarray(without.dataobj))
    image = nibabel.load(folder / "image.nii.gz")
    away = corners(result.get_sform(), image.shape) - corners(image.get_sform(), image.shape)
    assert np.linalg.norm(away, axis=1).max() < 0.01


def test_a_result_has_both_forms_of_its_image(case):
    import nibabel

    folder = case("sform-code-2-differs-from-qform")
    outcome = propagate(folder, "image.nii.gz", "seed.nii.gz")
    assert outcome.code == 0, outcome.said
    image = nibabel.load(folder / "image.nii.gz")
    result = nibabel.load(folder / "out.nii.gz")
    assert np.allclose(result.affine, image.affine, atol=1e-4)
    for form in ("get_sform", "get_qform"):
        matrix, code = getattr(result, form)(coded=True)
        wanted, wanted_code = getattr(image, form)(coded=True)
        assert code == wanted_code
        assert np.allclose(matrix, wanted, atol=1e-3)
