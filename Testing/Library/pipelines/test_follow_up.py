"""A segmentation of an earlier scan is carried to a new one by registration."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.files.volume import Volume
from SlicePropagationLib.metrics import dice
from SlicePropagationLib.pipelines.follow_up import carry_labels
from SlicePropagationLib.pipelines.propagate_file import PropagateRequest

SHAPE = (16, 48, 56)
SPACING = (1.0, 1.0, 2.5)  # along i, j, k


def scene(growth=1.0, shift_mm=(0.0, 0.0, 0.0)):
    """((K, J, I) image, label map) of two balls in tissue, one of which may have grown."""
    points = np.indices(SHAPE) * np.array(SPACING[::-1])[:, None, None, None]
    moved = points - np.array(shift_mm)[:, None, None, None]
    first = ((moved - np.array([20, 24, 20])[:, None, None, None]) ** 2).sum(axis=0)
    second = ((moved - np.array([22, 22, 40])[:, None, None, None]) ** 2).sum(axis=0)
    labels = np.zeros(SHAPE, np.uint8)
    labels[first < (9 * growth) ** 2] = 1
    labels[second < 6**2] = 2
    body = ((moved - np.array([20, 24, 28])[:, None, None, None]) ** 2).sum(axis=0) < 23**2
    image = 100.0 * body + 80 * (labels == 1) - 60 * (labels == 2)
    noise = np.random.default_rng(0).normal(0, 3, SHAPE)
    return gaussian_filter(image, (0.3, 0.8, 0.8)) + noise, labels


def volume_of(array, origin=(0.0, 0.0, 0.0)):
    image = sitk.GetImageFromArray(array.astype(np.float32))
    image.SetSpacing(SPACING)
    image.SetOrigin(origin)
    return Volume(array.astype(np.float32), image, Path("scan.nii.gz"))


def masks_of(labels):
    return {label: labels == label for label in (1, 2)}


def test_a_patient_who_lay_elsewhere_keeps_the_segmentation():
    before, labels = scene()
    after, truth = scene(shift_mm=(0.0, 4.0, -5.0))
    carried = carry_labels(volume_of(before), masks_of(labels), volume_of(after))
    assert set(carried) == {1, 2}
    for label, found in carried.items():
        assert dice(found.mask, truth == label) > 0.9
        assert dice(labels == label, truth == label) < 0.75


def test_a_scan_with_another_origin_is_laid_on_the_new_one():
    before, labels = scene()
    after, truth = scene()
    far = volume_of(after, origin=(300.0, -200.0, 50.0))
    carried = carry_labels(volume_of(before), masks_of(labels), far)
    assert dice(carried[1].mask, truth == 1) > 0.9


def test_a_structure_that_has_grown_is_followed():
    before, labels = scene()
    after, truth = scene(growth=1.3)
    found = carry_labels(volume_of(before), masks_of(labels), volume_of(after))[1].mask
    assert dice(found, truth == 1) > dice(labels == 1, truth == 1) + 0.05


def test_slices_where_the_images_disagree_are_trusted_less():
    before, labels = scene()
    after, _ = scene()
    after[10:] = np.random.default_rng(1).normal(100, 40, after[10:].shape)
    found = carry_labels(volume_of(before), masks_of(labels), volume_of(after))[1]
    assert found.confidence(11, 0) < found.confidence(7, 0) - 0.1


def test_the_same_scans_give_the_same_voxels():
    before, labels = scene()
    after, _ = scene(shift_mm=(0.0, 3.0, 0.0))
    first = carry_labels(volume_of(before), masks_of(labels), volume_of(after))[1]
    second = carry_labels(volume_of(before), masks_of(labels), volume_of(after))[1]
    np.testing.assert_array_equal(first.mask, second.mask)


def test_an_empty_segmentation_is_refused():
    before, labels = scene()
    with pytest.raises(InputError, match="empty"):
        carry_labels(volume_of(before), masks_of(0 * labels), volume_of(before))


def write_scans(folder):
    """Files of an earlier scan with its segmentation, and of a later one; the later one's truth."""
    before, labels = scene()
    after, truth = scene(shift_mm=(0.0, 4.0, -5.0))
    for name, array in (("before", before), ("after", after)):
        sitk.WriteImage(volume_of(array).image, str(folder / f"{name}.nii.gz"))
    image = sitk.GetImageFromArray(labels)
    image.CopyInformation(volume_of(before).image)
    sitk.WriteImage(image, str(folder / "labels.nii.gz"))
    return truth


def follow_up(folder, out="out.nii.gz"):
    words = f"--image {folder / 'after.nii.gz'} --from {folder / 'labels.nii.gz'}"
    words += f" --from-image {folder / 'before.nii.gz'} --out {folder / out}"
    return main(["propagate", *words.split()])


def test_the_command_writes_suggestions_and_nothing_that_counts_as_drawn(tmp_path, capsys):
    truth = write_scans(tmp_path)
    assert follow_up(tmp_path) == 0
    found = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out.nii.gz")))
    for label in (1, 2):
        assert dice(found == label, truth == label) > 0.9
    with open(tmp_path / "out.slices.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["provenance"] for row in rows} == {"propagated"}
    assert all(0 <= float(row["confidence"]) <= 1 for row in rows)
    assert "none annotated" in capsys.readouterr().out
    record = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert record["engine"] == "follow_up"
    assert record["from"].endswith("labels.nii.gz")


def test_a_record_of_suggestions_done_again_gives_the_same_voxels(tmp_path):
    write_scans(tmp_path)
    follow_up(tmp_path)
    words = f"--image {tmp_path / 'after.nii.gz'} --history {tmp_path / 'out.json'}"
    words += f" --out {tmp_path / 'again.nii.gz'} --engine copy"
    assert main(["propagate", *words.split()]) == 0
    first, again = (
        sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / name)))
        for name in ("out.nii.gz", "again.nii.gz")
    )
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"earlier": "s.nrrd"}, "--from-image"),
        (
            {"earlier": "s.nrrd", "earlier_image": "i.nrrd", "seed": "seed.nrrd"},
            "in place of a seed",
        ),
    ],
)
def test_half_of_an_earlier_scan_or_one_beside_a_seed_is_refused(options, words):
    request = {"image": "i.nrrd", "seed": None, "out": "o.nrrd", **options}
    with pytest.raises(ConfigError, match=words):
        PropagateRequest(**request)
