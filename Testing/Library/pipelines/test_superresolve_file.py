"""`superresolve`: annotated slices stay, what lies between is smooth.

The grid is where it belongs, and what cannot be refined is refused.
"""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from case_files import read, write

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.pipelines.fine_slices import interpolate_labels


def ball(spacing_mm, shape, radius_mm=17.0, centre_mm=None):
    """(N, H, W) bool ball about the middle."""
    positions = np.ogrid[tuple(slice(size) for size in shape)]
    middle = (np.array(shape) - 1) / 2 * spacing_mm
    offsets = [
        position * step - centre
        for position, step, centre in zip(positions, spacing_mm, centre_mm or middle, strict=True)
    ]
    return sum(offset**2 for offset in offsets) <= radius_mm**2


@pytest.fixture
def thick(tmp_path):
    """A ball on nine slices of 5 mm with pixels of 1 mm, in an oblique volume: (image, labels)."""
    mask = ball((5.0, 1.0, 1.0), (9, 48, 48)).astype(np.uint8)
    image = (100 * mask + np.random.default_rng(0).normal(0, 3, mask.shape)).astype(np.int16)
    return write(tmp_path / "image.nii.gz", image, spacing=(1.0, 1.0, 5.0)), write(
        tmp_path / "labels.nii.gz",
        mask,
        spacing=(1.0, 1.0, 5.0),
    )


def superresolve(thick, out, *options):
    return main(
        [
            "superresolve",
            "--image",
            str(thick[0]),
            "--labels",
            str(thick[1]),
            "--out",
            str(out),
            "--quiet",
            *options,
        ]
    )


def test_annotated_slices_are_kept_and_lie_where_they_were(thick, tmp_path):
    assert superresolve(thick, tmp_path / "fine.nii.gz") == 0
    fine = read(tmp_path / "fine.nii.gz")
    labels = read(thick[1])
    record = json.loads((tmp_path / "fine.json").read_text(encoding="utf-8"))
    assert fine.shape == (45, 48, 48)
    assert record["annotated_slices"] == list(range(2, 45, 5))
    assert np.array_equal(fine[record["annotated_slices"]], labels)
    before = sitk.ReadImage(str(thick[1]))
    after = sitk.ReadImage(str(tmp_path / "fine.nii.gz"))
    for index in range(9):
        assert np.allclose(
            before.TransformIndexToPhysicalPoint((7, 11, index)),
            after.TransformIndexToPhysicalPoint((7, 11, 5 * index + 2)),
            atol=1e-4,
        )


def test_between_thick_slices_a_ball_is_nearer_to_a_ball_than_its_stair_steps(thick, tmp_path):
    assert superresolve(thick, tmp_path / "fine.nii.gz") == 0
    fine = read(tmp_path / "fine.nii.gz").astype(bool)
    steps = np.repeat(read(thick[1]), 5, axis=0).astype(bool)
    truth = ball((1.0, 1.0, 1.0), (45, 48, 48), centre_mm=(22.0, 23.5, 23.5))
    assert (fine ^ truth).sum() < 0.6 * (steps ^ truth).sum()


def test_an_even_factor_and_a_structure_that_touches_the_last_slice_keep_their_slices_too():
    labels = np.zeros((4, 20, 20), np.uint8)
    labels[2:, 5:15, 5:15] = 1
    fine = interpolate_labels(labels, (4.0, 1.0, 1.0), 4)
    assert fine.shape == (16, 20, 20)
    assert np.array_equal(fine[2::4], labels)
    assert fine[15].any()
    assert not fine[:7].any()  # half a slice beyond the last and before the first


def test_neighbouring_labels_leave_no_gap_between_them():
    labels = np.zeros((3, 20, 20), np.uint8)
    labels[:, 4:16, 4:10], labels[:, 4:16, 10:16] = 1, 2
    labels[2, 4:16, 4:16] = np.where(np.arange(4, 16) < 13, 1, 2)
    fine = interpolate_labels(labels, (6.0, 1.0, 1.0), 6)
    assert (fine[3:15, 4:16, 4:16] > 0).all()
    assert np.array_equal(fine[3::6], labels)


@pytest.mark.parametrize(
    "change, message",
    [("thin", "no stair steps"), ("empty", "no label"), ("none", "give --labels L")],
)
def test_what_cannot_be_refined_is_refused_and_nothing_is_written(
    thick,
    tmp_path,
    capsys,
    change,
    message,
):
    mask = (
        np.zeros((9, 48, 48), np.uint8)
        if change == "empty"
        else ball((1.0, 1.0, 1.0), (9, 48, 48), 4.0).astype(np.uint8)
    )
    spacing = (1.0, 1.0, 1.0) if change == "thin" else (1.0, 1.0, 5.0)
    image = write(
        tmp_path / "other.nii.gz",
        np.random.default_rng(0).normal(0, 9, mask.shape).astype(np.int16),
        spacing=spacing,
    )
    labels = write(tmp_path / "mask.nii.gz", mask, spacing=spacing)
    arguments = ["superresolve", "--image", str(image), "--out", str(tmp_path / "fine.nii.gz")] + (
        [] if change == "none" else ["--labels", str(labels)]
    )
    arguments += ["--factor", "5"] if change == "none" else []
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "fine.nii.gz").exists()


def test_every_slice_of_a_real_thick_stack_is_kept_where_it_lies_and_what_is_between_changes_in_small_steps(
    data_dir,
    tmp_path,
):
    """Short-axis slices 10 mm apart, pixels of 1.5 mm, three structures: seven fine slices for a thick one."""
    case = data_dir / "acdc_NC" / "patient006_ED"
    if not case.is_dir():
        pytest.skip(f"There is no {case}; name a data folder with acdc_NC with --data.")
    assert (
        superresolve((case / "image.nii.gz", case / "label.nii.gz"), tmp_path / "fine.nii.gz") == 0
    )
    fine = read(tmp_path / "fine.nii.gz")
    labels = read(case / "label.nii.gz")
    record = json.loads((tmp_path / "fine.json").read_text(encoding="utf-8"))
    assert record["factor"] == 7
    assert len(fine) == 7 * len(labels)
    assert np.array_equal(fine[record["annotated_slices"]], labels)
    before = sitk.ReadImage(str(case / "label.nii.gz"))
    after = sitk.ReadImage(str(tmp_path / "fine.nii.gz"))
    assert after.GetDirection() == pytest.approx(before.GetDirection())
    assert after.GetSpacing() == pytest.approx((1.5, 1.5, 10 / 7))
    last = len(labels) - 1
    assert np.allclose(
        before.TransformIndexToPhysicalPoint((3, 5, last)),
        after.TransformIndexToPhysicalPoint((3, 5, 7 * last + 3)),
        atol=1e-3,
    )
    shown = np.flatnonzero(labels.any(axis=(1, 2)))
    inner = slice(7 * int(shown[0]) + 3, 7 * int(shown[-1]) + 4)
    steps, jumps = (
        (volume[1:] != volume[:-1]).sum(axis=(1, 2))
        for volume in (fine[inner], labels[shown[0] : shown[-1] + 1])
    )
    assert (
        steps.max() < 0.5 * jumps.max()
    )  # no stair: the largest jump of the thick slices is spread over seven


def test_a_real_structure_is_nearer_to_its_truth_than_its_stair_steps(data_dir, tmp_path):
    """The left atrium on every eighth slice (5 mm) of its fine truth."""
    folder = data_dir / "la2018_UNK"
    if not folder.is_dir():
        pytest.skip(f"There is no {folder}; name a data folder with la2018_UNK with --data.")
    case = sorted(folder.iterdir())[0]
    truth = sitk.ReadImage(str(case / "label.nii.gz"))
    last = truth.GetSize()[2] // 8 * 8
    for name in ("image", "label"):
        sitk.WriteImage(
            sitk.ReadImage(str(case / f"{name}.nii.gz"))[:, :, 4:last:8],
            str(tmp_path / f"{name}.nii.gz"),
        )
    assert (
        superresolve(
            (tmp_path / "image.nii.gz", tmp_path / "label.nii.gz"),
            tmp_path / "fine.nii.gz",
        )
        == 0
    )
    truth = sitk.GetArrayFromImage(truth)[:last] > 0
    fine = read(tmp_path / "fine.nii.gz") > 0
    steps = np.repeat(read(tmp_path / "label.nii.gz"), 8, axis=0) > 0
    assert (fine ^ truth).sum() < 0.7 * (steps ^ truth).sum()
