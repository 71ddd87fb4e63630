"""The main job on real scans of the `val` split: seed, propagate, correct, propagate again."""

import numpy as np
import pytest
import SimpleITK as sitk

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.evaluation.simulated_annotator import first_slice, simulate
from SlicePropagationLib.files.object_session import object_session
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.table import read_table
from SlicePropagationLib.files.volume import read_volume

DATASETS = ("sunnybrook_cine", "openkbp_headneck_ct", "msd_hippocampus", "acdc_NC", "la2018_UNK")


def first_case(data_dir, dataset):
    rows = read_table(data_dir / "cases.csv", ("image", "label"))
    row = next(row for row in rows if row["dataset"] == dataset and row["split"] == "val")
    return data_dir / row["image"], data_dir / row["label"]


def largest_object(data_dir, dataset):
    """(volume, labels, label) of the structure with most voxels in the first case."""
    image, truth = first_case(data_dir, dataset)
    volume = read_volume(image)
    labels, _ = read_labels(truth, volume)
    return volume, labels, int(np.bincount(labels[labels > 0]).argmax())


@pytest.mark.parametrize("dataset", DATASETS)
def test_registration_does_better_than_copying_and_three_slices_better_than_one(data_dir, dataset):
    volume, labels, label = largest_object(data_dir, dataset)
    scores = {}
    for name in ("copy", "registration"):
        session, truth = object_session(volume, labels, label, 0)
        scores[name] = [
            entry.dice_thesis for entry in simulate(session, truth, make_engine(name), budget=3)
        ]
        assert all(
            np.array_equal(session.mask(label, index), truth[index])
            for index in session.anchors(label)
        )
    assert scores["registration"][0] > scores["copy"][0]
    assert scores["registration"][-1] > scores["registration"][0]


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_command_line_keeps_the_geometry_of_a_real_scan(data_dir, tmp_path, dataset):
    image, truth = first_case(data_dir, dataset)
    volume, labels, label = largest_object(data_dir, dataset)
    seed = np.zeros_like(labels)
    index = first_slice(labels == label)
    seed[index] = labels[index] == label
    picture = sitk.GetImageFromArray(seed)
    picture.CopyInformation(volume.image)
    sitk.WriteImage(picture, str(tmp_path / "seed.nii.gz"))
    out = tmp_path / "out.nii.gz"
    assert (
        main(
            [
                "propagate",
                "--image",
                str(image),
                "--seed",
                str(tmp_path / "seed.nii.gz"),
                "--out",
                str(out),
                "--axis",
                "k",
                "--quiet",
            ]
        )
        == 0
    )
    result = sitk.ReadImage(str(out))
    assert np.array_equal(sitk.GetArrayFromImage(result)[index], seed[index])
    for part in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        expected = pytest.approx(getattr(volume.image, part)(), rel=1e-5, abs=1e-4)
        assert getattr(result, part)() == expected
